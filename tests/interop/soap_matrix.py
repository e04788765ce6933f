"""Third-party SOAP stacks against two real nodes: what each of them can do with a node, as a table.

    soap_matrix.py                 all stacks; the table in README.md and the examples in docs/soap.md must be up to date
    soap_matrix.py --write         all stacks, then writes those
    soap_matrix.py STACK…          only these; looks at no document

A stack is a folder below `soap/`, see stacks.py. The checks are here, once for all stacks: what a client answers is held
against what the node says over JSON, and against the bytes that a relay in front of the node has seen.
"""

import pathlib
import re
import sys

import checks
import matrix
import nodes
import snippets
import table
from checks import equal, same_bytes, token
from stacks import Failure

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

MATRIX = matrix.Matrix(HERE / "soap", {"SOAP 1.1": "soap?wsdl", "SOAP 1.2": "soap12?wsdl"}, checks.Session)


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
    wanted = {"".join(part[:1].upper() + part[1:] for part in name.split(".")) for name in nodes.operations(session.scene.a.address)}
    equal("missing operations", sorted(wanted - known), [])


MATRIX.feature("search")(checks.search)
MATRIX.feature("0, 1, 2 of a list")(checks.lists)
MATRIX.feature("read a chunk")(checks.read)
MATRIX.feature("download")(checks.download)
MATRIX.feature("publish")(checks.publish)


@MATRIX.feature("12 MB at once")
def large(session):
    data = session.data("large", LARGE)
    content_id = session.publish(session.client, f"{session.mark} large", data)
    file = session.files / "chunk"
    session.client.ask("read", content_id, 0, LARGE, file)
    same_bytes("the chunk", file.read_bytes(), data)


@MATRIX.feature("typed fault")
def fault(session):
    checks.fault(session, "kind")


MATRIX.feature("é, 日, ж")(checks.non_ascii)
MATRIX.feature("𝄞, 🎼")(checks.non_bmp)
MATRIX.feature("token by HTTP")(checks.http_token)


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
