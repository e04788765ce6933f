"""Third-party SOAP stacks against two real nodes: what each of them can do with a node, as a table.

    soap_matrix.py                 all stacks; the table in README.md and the examples in docs/soap.md must be up to date
    soap_matrix.py --write         all stacks, then writes those
    soap_matrix.py STACK…          only these; looks at no document

A stack is a folder below `soap/`, see stacks.py. The checks are here, once for all stacks: what a client answers is held
against what the node says over JSON, and against the bytes that a relay in front of the node has seen.
"""

import hashlib
import pathlib
import re
import sys
import urllib.error

import matrix
import nodes
import snippets
import table
from stacks import Failure, Fault

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

NAMESPACES = {
    "SOAP 1.1": b"http://schemas.xmlsoap.org/soap/envelope/",
    "SOAP 1.2": b"http://www.w3.org/2003/05/soap-envelope",
}
XOP = b"http://www.w3.org/2004/08/xop/include"
EVIDENCE = 64
"""Bytes that must be seen raw on the wire; more of them might be cut by chunks of HTTP."""
LARGE = 12_000_000
"""Bytes in one element: beyond the 10 MB of text that some parsers of XML take, below what a node takes."""
NON_ASCII = "Größenmaß ‹naïve› & <日本語> \"Ελληνικά\" 'кириллица'"
NON_BMP = "clef 𝄞 score 🎼 ideograph 𠜎"


class Session(matrix.Session):
    """What several checks do in the same way."""

    def publish(self, client, name, data, *tags):
        """Publishes through the client; the node must then have exactly that, and the client must have been told so."""
        file = self.files / "publish"
        file.write_bytes(data)
        (content_id, size, name_back, published, *tags_back), = client.ask("publish", name, file, *tags)
        content = nodes.call(self.scene.a.address, "content.describe", contentId=content_id)
        equal("the node's name", content["name"], name)
        equal("the node's size", content["size"], len(data))
        equal("the node's tags", content["tags"], list(tags))
        equal("the answer's name", name_back, name)
        equal("the answer's size", size, str(len(data)))
        equal("the answer's tags", tags_back, list(tags))
        # Not all stacks keep milliseconds.
        if abs(int(published) / 1000 - nodes.seconds_of(content["published"])) > 1:
            raise Failure(f"published: {published} ms of 1970 is not {content['published']}")
        same_bytes("the bytes at the other node", nodes.get(self.scene.b.address, content_id), data)
        return content_id

    @property
    def largest(self):
        return max(self.scene.library.items(), key=lambda item: len(item[1]))

    def download(self, client):
        """Downloads a content that only the other node has."""
        name, wanted = self.largest
        file = self.files / "download"
        file.unlink(missing_ok=True)
        (name_back, size), = client.ask("download", self.library_id(name), file)
        equal("name and size", (name_back, size), (name, str(len(wanted))))
        same_bytes("the bytes", file.read_bytes(), wanted)

    def library_id(self, name):
        hits = self.scene.finds("paper*", len(self.scene.library))
        return {hit["name"]: hit["contentId"] for hit in hits}[name]


MATRIX = matrix.Matrix(HERE / "soap", {"SOAP 1.1": "soap?wsdl", "SOAP 1.2": "soap12?wsdl"}, Session)


def equal(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got!r} is not {wanted!r}")


def same_bytes(what, got, wanted):
    if got != wanted:
        hashes = [hashlib.sha256(data).hexdigest()[:16] for data in (got, wanted)]
        raise Failure(f"{what}: {len(got)} bytes, sha256 {hashes[0]}…, are not the {len(wanted)} of {hashes[1]}…")


@MATRIX.variant
def version(session):
    """The WSDL is read, and requests and answers have envelopes of that version."""
    seen = session.tap.look()
    equal("hits", len(session.client.ask("search", "paper000", 5, 0)), 1)
    for direction in ("sent", "received"):
        envelope = re.search(rb"[:<]Envelope\b[^>]*", getattr(seen, direction))
        if not envelope or NAMESPACES[session.variant] not in envelope.group():
            raise Failure(f"no envelope of {session.variant} was {direction}")


@MATRIX.feature("operations")
def operations(session):
    # Generated classes write the first letter as their language does.
    known = {name[:1].upper() + name[1:] for name, in session.client.ask("operations")}
    equal("missing operations", sorted(nodes.operations(session.scene.a.address) - known), [])


@MATRIX.feature("search")
def search(session):
    library = session.scene.library
    hits = session.client.ask("search", "paper*", 100, 0)
    found = {(name, size) for _, size, name, *_ in hits}
    equal("hits", found, {(name, str(len(data))) for name, data in library.items()})
    equal("hits of more than 32 bits", session.client.ask("search", "paper*", 100, 5_000_000_000), [])


@MATRIX.feature("0, 1, 2 of a list")
def lists(session):
    for tags in ((), ("one",), ("one", "zwei & mehr")):
        name = f"{session.mark} size{len(tags)}"
        session.publish(session.client, name, session.data(f"list {tags}", 300), *tags)
    for words, wanted in (("absent", []), ("zwei", [2]), ("one", [1, 2])):
        hits = session.client.ask("search", f"{session.mark} {words}", 10, 0)
        equal(f"tags of hits for {words}", sorted(len(tags) for _, _, _, *tags in hits), wanted)


@MATRIX.feature("read a chunk")
def read(session):
    name, wanted = next(iter(session.scene.library.items()))
    file = session.files / "chunk"
    for offset, length in ((0, 100), (1000, 1000), (len(wanted) - 10, 4096)):
        file.unlink(missing_ok=True)
        answer, = session.client.ask("read", session.library_id(name), offset, length, file)
        eof = "true" if offset + length >= len(wanted) else "false"
        equal("offset, size and eof", answer, [str(offset), str(len(wanted)), eof])
        same_bytes("the chunk", file.read_bytes(), wanted[offset:offset + length])


@MATRIX.feature("download")
def download(session):
    session.download(session.client)


@MATRIX.feature("publish")
def publish(session):
    for size in (16, 100_000):
        session.publish(session.client, f"{session.mark} publish {size}", session.data(f"publish {size}", size))


@MATRIX.feature("12 MB at once")
def large(session):
    data = session.data("large", LARGE)
    content_id = session.publish(session.client, f"{session.mark} large", data)
    file = session.files / "chunk"
    session.client.ask("read", content_id, 0, LARGE, file)
    same_bytes("the chunk", file.read_bytes(), data)


@MATRIX.feature("typed fault")
def fault(session):
    cases = (
        ("NotFound", "transfer.status", {"transferId": "nothing"}, ("status", "nothing")),
        ("InvalidRequest", "search.find", {"query": "x", "limit": 201}, ("search", "x", 201, 0)),
    )
    for kind, operation, fields, request in cases:
        try:
            nodes.call(session.scene.a.address, operation, **fields)
            raise Failure(f"{operation} is no fault")
        except urllib.error.HTTPError as problem:
            # What is out of range has its place in the JSON text behind it.
            message = nodes.problem(problem)["detail"].split(" at line ")[0]
        try:
            answer = session.client.ask(*request)
        except Fault as raised:
            equal("kind and message", (raised.kind, raised.message), (kind, message))
        else:
            raise Failure(f"no fault but {answer}")


def round_trip(session, text, word):
    name = f"{session.mark} {text}"
    session.publish(session.client, name, session.data(word, 100), text)
    (_, _, *found), = session.client.ask("search", f"{session.mark} {word}", 10, 0)
    equal("name and tag of the hit", found, [name, text])


@MATRIX.feature("é, 日, ж")
def non_ascii(session):
    round_trip(session, NON_ASCII, "naïve")


@MATRIX.feature("𝄞, 🎼")
def non_bmp(session):
    round_trip(session, NON_BMP, "ideograph")


def token(session, credential, evidence):
    """A token shown in one way opens the node that wants one, and another token does not."""
    seen = session.guarded_tap.look()
    with session.talk_guarded(credential, matrix.TOKEN[1]) as client:
        equal("hits", len(client.ask("search", "paper*", 100, 0)), len(session.scene.library))
    if not re.search(evidence, seen.sent):
        raise Failure(f"{evidence.decode()} was not sent")
    with session.talk_guarded(credential, "another-token-which-that-node-does-not-know") as client:
        try:
            answer = client.ask("search", "paper*", 100, 0)
        except (Failure, Fault):
            return
        raise Failure(f"a wrong token is answered {answer}")


@MATRIX.feature("token by HTTP")
def http_token(session):
    token(session, "http", rb"(?i)\nauthorization: basic ")


@MATRIX.feature("UsernameToken")
def text_token(session):
    token(session, "text", rb"UsernameToken\b[\s\S]*#PasswordText")


@MATRIX.feature("UsernameToken, digest")
def digest_token(session):
    token(session, "digest", rb"UsernameToken\b[\s\S]*#PasswordDigest")


@MATRIX.feature("MTOM down")
def mtom_download(session):
    seen = session.tap.look()
    with session.talk(MTOM="1") as client:
        session.download(client)
    if session.largest[1][:EVIDENCE] not in seen.received or XOP not in seen.received:
        raise Failure("the bytes did not come as a part of their own")


@MATRIX.feature("MTOM up")
def mtom_publish(session):
    data = session.data("mtom", 100_000)
    seen = session.tap.look()
    with session.talk(MTOM="1") as client:
        session.publish(client, f"{session.mark} mtom", data, "tag")
    if data[:EVIDENCE] not in seen.sent or XOP not in seen.sent:
        raise Failure("the bytes did not go as a part of their own")


def settle(text, write):
    """The README's table and the manual's examples."""
    return table.settle(ROOT / "README.md", "soap-matrix", text, write) + snippets.settle(
        ROOT / "docs" / "soap.md", MATRIX.folder, write
    )


if __name__ == "__main__":
    sys.exit(MATRIX.main(sys.argv[1:], settle))
