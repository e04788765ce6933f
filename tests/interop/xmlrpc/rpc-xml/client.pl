# Peergate with Perl's RPC::XML. Requests and answers are lines, see stacks.py.
use strict;
use warnings;
use RPC::XML;
use RPC::XML::Client;
use Time::Local qw(timegm);

binmode $_, ':encoding(UTF-8)' for *STDIN, *STDOUT;
$| = 1;
my ($address) = @ARGV;
no warnings 'once';

# doc: open
$RPC::XML::ENCODING = 'UTF-8';
my $gate = RPC::XML::Client->new($address, error_handler => sub { die shift });
# end doc
if ($ENV{CREDENTIAL}) {
    my ($name, $token) = @ENV{qw(TOKEN_NAME TOKEN)};
    # doc: http
    $gate->useragent->default_headers->authorization_basic($name, $token);
    # end doc
}

# doc: call
sub call {
    my $answer = $gate->send_request(@_);
    die $answer if $answer->is_fault;    # $answer->code, $answer->string
    return $answer->value;
}
# end doc

sub row { print join("\t", 'row', @_), "\n" }
# Objects, since RPC::XML guesses types: a text of digits would become a number.
sub text { RPC::XML::string->new(shift) }
sub number { $_[0] < 2**31 ? RPC::XML::int->new($_[0]) : RPC::XML::i8->new($_[0]) }

sub save {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $bytes;
    close $file or die "$path: $!";
}

my %verbs = (
    version => sub { row($RPC::XML::Client::VERSION) },
    methods => sub { row($_) for @{ call('system.listMethods') } },
    help    => sub {
        my $signatures = call('system.methodSignature', text($_[0]));
        row(scalar @$signatures, call('system.methodHelp', text($_[0])) =~ s/\s+/ /gr);
    },
    search => sub {
        my ($query, $limit, $min_size) = @_;
        # doc: search
        my $found = call('search.find', text($query), { limit => number($limit), minSize => number($min_size) });
        row($_->{contentId}, $_->{size} + 0, $_->{name}, @{ $_->{tags} }) for @{ $found->{hits} };
        # end doc
    },
    read => sub {
        my ($content_id, $offset, $length, $path) = @_;
        # doc: read
        my $chunk = call('content.read', text($content_id), { offset => number($offset), length => number($length) });
        save($path, $chunk->{data});
        # end doc
        row($chunk->{offset} + 0, $chunk->{size} + 0, $chunk->{eof} ? 'true' : 'false');
    },
    download => sub {
        my ($content_id, $path) = @_;
        my $whole = call('content.download', text($content_id));
        save($path, $whole->{data});
        row($whole->{name}, $whole->{size});
    },
    publish => sub {
        my ($name, $path, @tags) = @_;
        # doc: publish
        open my $file, '<:raw', $path or die "$path: $!";
        my $content = call('content.publish', text($name), RPC::XML::base64->new($file), { tags => [map { text($_) } @tags] });
        # end doc
        my ($y, $mo, $d, $h, $m, $s) = $content->{published} =~ /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)/;
        my $published = timegm($s, $m, $h, $d, $mo - 1, $y) . '000';
        row($content->{contentId}, $content->{size}, $content->{name}, $published, @{ $content->{tags} });
    },
    status    => sub { row(call('transfer.status', text($_[0]))->{state}) },
    multicall => sub {
        my ($query, $transfer_id) = @_;
        # doc: multicall
        my ($found, $status) = @{ call('system.multicall', [
            { methodName => 'search.find', params => [text($query), { limit => 100 }] },
            { methodName => 'transfer.status', params => [text($transfer_id)] },
        ]) };
        row('hits', scalar @{ $found->[0]{hits} });    # an answer is in an array of one, a fault is a struct
        # end doc
        row('fault', ref $status eq 'HASH' ? $status->{faultCode} : 'none');
    },
    subscribe => sub { row(call('event.subscribe', [text($_[0])])->{subscriptionId}) },
    pull      => sub {
        my ($subscription, $wait) = @_;
        # doc: pull
        my $page = call('event.pull', text($subscription), { waitMs => $wait });
        row($_->{topic}, $_->{subject}) for @{ $page->{events} };
        # end doc
    },
);

while (defined(my $line = <STDIN>)) {
    chomp $line;
    my ($verb, @arguments) = split /\t/, $line;
    if (eval { $verbs{$verb}->(@arguments); 1 }) {
        print "done\n";
    } elsif (ref $@) {
        print "fault\t", $@->code, "\t", $@->string, "\n";
    } else {
        print "error\t", $@ =~ s/\s+/ /gr, "\n";
    }
}
