# Peergate with Perl's SOAP::Lite. Requests and answers are lines, see stacks.py.
use strict;
use warnings;
use Digest::SHA qw(sha1);
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX qw(strftime);
use SOAP::Lite;
use Time::Local qw(timegm);

binmode $_, ':encoding(UTF-8)' for *STDIN, *STDOUT;
$| = 1;
# SOAP::Lite finds no operation in a WSDL of SOAP 1.2; that of 1.1 does, since a node speaks both at each address.
my $version = $ARGV[0] =~ m{/soap12\?} ? '1.2' : '1.1';
my $wsdl    = $ARGV[0] =~ s{/soap12\?}{/soap?}r;

# doc: version
SOAP::Lite->soapversion($version);    # '1.1' or '1.2', before any client is made
# end doc
# doc: open
# The WSDL makes methods that take the fields by position, undef for those left out.
my $gate = SOAP::Lite->service($wsdl)->want_som(1);
# For lists and names, a plain client of the same address:
my $plain = SOAP::Lite->proxy($wsdl =~ s/\?wsdl//r)->default_ns('urn:peergate:v1')
    ->on_action(sub { join '/', @_ });
# An element that comes once is no array, and one that does not come is undef.
sub list { map { ref eq 'ARRAY' ? @$_ : defined ? $_ : () } @_ }
# end doc

my ($credential, $name, $token) = @ENV{qw(CREDENTIAL TOKEN_NAME TOKEN)};
if (($credential // '') eq 'http') {
    # doc: http
    no warnings 'once';
    *SOAP::Transport::HTTP::Client::get_basic_credentials = sub { $name => $token };
    # end doc
}

# doc: token
# A header that goes as a last parameter with each call.
sub security {
    my ($name, $token, $digest) = @_;
    my $oasis   = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-';
    my $nonce   = join '', map { chr rand 256 } 1 .. 16;
    my $created = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime);
    my ($shown, $type) = $digest ? (encode_base64(sha1($nonce . $created . $token), ''), 'Digest') : ($token, 'Text');
    my ($wsse, $wsu) = map { "${oasis}wssecurity-$_-1.0.xsd" } qw(secext utility);
    return SOAP::Header->name('wsse:Security')->attr({ 'xmlns:wsse' => $wsse, 'xmlns:wsu' => $wsu })->value(
        \SOAP::Data->name('wsse:UsernameToken')->value(\SOAP::Data->value(
            SOAP::Data->name('wsse:Username' => $name)->type('string'),
            SOAP::Data->name('wsse:Password' => $shown)->type('string')->attr({ Type => "${oasis}username-token-profile-1.0#Password$type" }),
            SOAP::Data->name('wsse:Nonce' => encode_base64($nonce, ''))->type('string'),
            SOAP::Data->name('wsu:Created' => $created)->type('string'))));
}
# end doc
my @security = $credential && $credential ne 'http' ? sub { security($name, $token, $credential eq 'digest') } : ();
sub security_of_call { map { $_->() } @security }

# doc: fault
sub result {
    my ($answer) = @_;
    return $answer->result unless $answer->fault;
    die $answer->match('/Envelope/Body/Fault/*/Fault')->valueof;    # {kind => 'NotFound', message => ...}
}
# end doc

sub row { print join("\t", 'row', @_), "\n" }

sub save {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $bytes;
    close $file or die "$path: $!";
}

my %verbs = (
    version    => sub { row($SOAP::Lite::VERSION) },
    operations => sub {
        no strict 'refs';
        row($_) for grep { /^[A-Z][a-z]+[A-Z]/ && defined &{ ref($gate) . "::$_" } } keys %{ ref($gate) . '::' };
    },
    search => sub {
        my ($query, $limit, $min_size) = @_;
        # doc: search
        my $found = result($gate->SearchFind(
            $query, undef, undef, undef, $min_size, undef, $limit, undef, security_of_call()));
        row($_->{contentId}, $_->{size}, $_->{name}, list($_->{tags})) for list($found->{hits});
        # end doc
    },
    read => sub {
        my ($content_id, $offset, $length, $path) = @_;
        # doc: read
        my $chunk = result($gate->ContentRead($content_id, $offset, $length));
        save($path, decode_base64($chunk->{data}));    # answers are untyped: bytes come as base64
        # end doc
        row($chunk->{offset}, $chunk->{size}, $chunk->{eof});
    },
    download => sub {
        my ($content_id, $path) = @_;
        # doc: download
        my $whole = result($gate->ContentDownload($content_id));
        save($path, decode_base64($whole->{data}));
        # end doc
        row($whole->{name}, $whole->{size});
    },
    mtom_download => sub {
        my ($content_id, $path) = @_;
        # doc: mtom
        $plain->transport->add_handler(
            request_prepare => sub { $_[0]->header(Accept => 'application/xop+xml, multipart/*, text/xml') });
        my $whole = result($plain->call(ContentDownload => SOAP::Data->name(contentId => $content_id)->type('string')));
        save($path, $whole->{data}{Include});
        # end doc
        row($whole->{name}, $whole->{size});
    },
    publish => sub {
        my ($name, $path, @tags) = @_;
        open my $file, '<:raw', $path or die "$path: $!";
        my $bytes = do { local $/; <$file> };
        # doc: publish
        my $content = result($plain->call(ContentPublish =>
            SOAP::Data->name(name => $name)->type('string'),
            SOAP::Data->name(data => $bytes)->type('base64Binary'),
            map { SOAP::Data->name(tags => $_)->type('string') } @tags));
        # end doc
        my ($y, $mo, $d, $h, $m, $s, $ms) = $content->{published} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.(\d+))?Z$/;
        my $published = timegm($s, $m, $h, $d, $mo - 1, $y) . substr(($ms // '') . '000', 0, 3);
        row($content->{contentId}, $content->{size}, $content->{name}, $published, list($content->{tags}));
    },
    status => sub { row(result($gate->TransferStatus(@_))->{state}) },
);

$verbs{download} = $verbs{mtom_download} if $ENV{MTOM};

while (defined(my $line = <STDIN>)) {
    chomp $line;
    my ($verb, @arguments) = split /\t/, $line;
    if (eval { $verbs{$verb}->(@arguments); 1 }) {
        print "done\n";
    } elsif (ref $@ eq 'HASH') {
        print "fault\t$@->{kind}\t$@->{message}\n";
    } else {
        print "error\t", $@ =~ s/\s+/ /gr, "\n";
    }
}
