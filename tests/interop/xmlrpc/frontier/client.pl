# Peergate with Perl's Frontier::Client. Requests and answers are lines, see stacks.py.
use strict;
use warnings;
use Encode qw(encode);
use Frontier::Client;
use MIME::Base64 qw(decode_base64 encode_base64);
use Time::Local qw(timegm);
use URI;

binmode $_, ':encoding(UTF-8)' for *STDIN, *STDOUT;
$| = 1;
my ($address) = @ARGV;
if ($ENV{CREDENTIAL}) {
    my ($name, $token) = @ENV{qw(TOKEN_NAME TOKEN)};
    # doc: http
    my $shown = URI->new($address);
    $shown->userinfo("$name:$token");
    $address = $shown->as_string;
    # end doc
}
# doc: open
my $gate = Frontier::Client->new(url => $address, encoding => 'UTF-8', use_objects => 0);
# A text, which may look like a number, goes as bytes of UTF-8.
sub text { $gate->string(encode('UTF-8', shift)) }
# end doc
sub number { $_[0] < 2**31 ? $gate->int($_[0]) : $gate->double("$_[0].0") }
sub row { print join("\t", 'row', @_), "\n" }

sub save {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $bytes;
    close $file or die "$path: $!";
}

my %verbs = (
    version => sub { row(`dpkg-query --show --showformat='\${Version}' libfrontier-rpc-perl` =~ s/-[^-]*$//r) },
    methods => sub { row($_) for @{ $gate->call('system.listMethods') } },
    help    => sub {
        my $signatures = $gate->call('system.methodSignature', text($_[0]));
        row(scalar @$signatures, $gate->call('system.methodHelp', text($_[0])) =~ s/\s+/ /gr);
    },
    search => sub {
        my ($query, $limit, $min_size) = @_;
        # doc: search
        my $found = $gate->call('search.find', text($query), { limit => number($limit), minSize => number($min_size) });
        row($_->{contentId}, $_->{size} + 0, $_->{name}, @{ $_->{tags} }) for @{ $found->{hits} };
        # end doc
    },
    read => sub {
        my ($content_id, $offset, $length, $path) = @_;
        # doc: read
        my $chunk = $gate->call('content.read', text($content_id), { offset => number($offset), length => number($length) });
        save($path, decode_base64($chunk->{data}->value));    # base64 stays base64
        # end doc
        row($chunk->{offset} + 0, $chunk->{size} + 0, $chunk->{eof}->value ? 'true' : 'false');
    },
    download => sub {
        my ($content_id, $path) = @_;
        my $whole = $gate->call('content.download', text($content_id));
        save($path, decode_base64($whole->{data}->value));
        row($whole->{name}, $whole->{size});
    },
    publish => sub {
        my ($name, $path, @tags) = @_;
        open my $file, '<:raw', $path or die "$path: $!";
        my $bytes = do { local $/; <$file> };
        # doc: publish
        my $content = $gate->call('content.publish', text($name), $gate->base64(encode_base64($bytes)),
            { tags => [map { text($_) } @tags] });
        # end doc
        my $date = ref $content->{published} ? $content->{published}->value : $content->{published};
        my ($y, $mo, $d, $h, $m, $s) = $date =~ /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)/;
        my $published = timegm($s, $m, $h, $d, $mo - 1, $y) . '000';
        row($content->{contentId}, $content->{size}, $content->{name}, $published, @{ $content->{tags} });
    },
    status    => sub { row($gate->call('transfer.status', text($_[0]))->{state}) },
    multicall => sub {
        my ($query, $transfer_id) = @_;
        # doc: multicall
        my ($found, $status) = @{ $gate->call('system.multicall', [
            { methodName => 'search.find', params => [text($query), { limit => 100 }] },
            { methodName => 'transfer.status', params => [text($transfer_id)] },
        ]) };
        row('hits', scalar @{ $found->[0]{hits} });    # an answer is in an array of one, a fault is a struct
        # end doc
        row('fault', ref $status eq 'HASH' ? $status->{faultCode} : 'none');
    },
    subscribe => sub { row($gate->call('event.subscribe', [text($_[0])])->{subscriptionId}) },
    pull      => sub {
        my ($subscription, $wait) = @_;
        # doc: pull
        my $page = $gate->call('event.pull', text($subscription), { waitMs => number($wait) });
        row($_->{topic}, $_->{subject}) for @{ $page->{events} };
        # end doc
    },
);

while (defined(my $line = <STDIN>)) {
    chomp $line;
    my ($verb, @arguments) = split /\t/, $line;
    if (eval { $verbs{$verb}->(@arguments); 1 }) {
        print "done\n";
    # doc: fault
    } elsif ($@ =~ /^Fault returned from XML RPC Server, fault code (-?\d+): (.*)/) {
        print "fault\t$1\t$2\n";
    # end doc
    } else {
        print "error\t", $@ =~ s/\s+/ /gr, "\n";
    }
}
