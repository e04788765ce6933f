"""Third-party XML-RPC stacks against two real nodes: what each of them can do with a node, as a table.

    xmlrpc_matrix.py               all stacks; the table in README.md and the examples in docs/xmlrpc.md must be up to date
    xmlrpc_matrix.py --write       all stacks, then writes those
    xmlrpc_matrix.py STACK…        only these; looks at no document

A stack is a folder below `xmlrpc/`, see stacks.py. Beyond the words of checks.py these clients know:

    methods                           a row for each method that system.listMethods names
    help      method                  a row: the number of its signatures, its help in one line
    multicall query, transferId       search.find and transfer.status in one system.multicall; two rows: "hits" and
                                      their number, "fault" and its code
    subscribe topic                   subscriptionId, for an hour
    pull      subscriptionId, waitMs  a row for each event: topic, subject

A fault's kind is its code in XML-RPC.
"""

import pathlib
import re
import sys
import threading
import time

import checks
import matrix
import nodes
import snippets
import table
from checks import equal
from stacks import Failure, Fault

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

GIANT = (1 << 31) + 4097
"""Bytes that no signed number of 32 bits counts."""
WAIT_MS = 20_000
"""How long a long-poll may wait for what comes after LATE_SECONDS."""
LATE_SECONDS = 0.4


class Session(checks.Session):
    """There is no description to build from, and the address has the dialect of the stack."""

    def __init__(self, scene, taps, stack, variant, path, files):
        path += f"?{stack.dialect}" if stack.dialect else ""
        super().__init__(scene, taps, stack, variant, path, files)

    def prepare(self, _):
        self._folder = self.stack.prepare("", "")

    def needs(self, part, request, wanted):
        """Where the stack declares that part of a dialect, it must not get the wanted rows without the dialect."""
        if part not in self.stack.dialect:
            return
        with self.stack.talk(self._folder, f"{self.tap.address}/xmlrpc") as client:
            try:
                rows = client.ask(*request)
            except (Failure, Fault):
                return
        if rows == wanted:
            raise Failure(f"stack.toml declares {self.stack.dialect}, and it works without {part}")


MATRIX = matrix.Matrix(HERE / "xmlrpc", {"calls": "xmlrpc"}, Session, GIANT)


@MATRIX.variant
def calls(session):
    """Calls and answers pass, and both are XML-RPC."""
    seen = session.tap.look()
    equal("hits", len(session.client.ask("search", "paper000", 5, 0)), 1)
    # The answer may be compressed, where the client asked for that.
    for direction, evidence in (("sent", rb"<methodCall"), ("received", rb"(?i)\ncontent-type: text/xml")):
        if not re.search(evidence, getattr(seen, direction)):
            raise Failure(f"{evidence.decode()} was not {direction}")


@MATRIX.feature("introspection")
def introspection(session):
    known = {name for name, in session.client.ask("methods")}
    equal("missing methods", sorted(nodes.operations(session.scene.a.address) - known), [])
    for name in ("search.find", "system.multicall"):
        (signatures, text), = session.client.ask("help", name)
        if int(signatures) < 1 or len(text) < 20:
            raise Failure(f"{name}: {signatures} signatures, and its help is {text!r}")


MATRIX.feature("search")(checks.search)
MATRIX.feature("0, 1, 2 of a list")(checks.lists)


@MATRIX.feature("2 GiB and more")
def giant(session):
    content_id = session.scene.finds(f'"{nodes.GIANT}"', 1)[0]["contentId"]
    request = ("search", f'"{nodes.GIANT}"', 5, 1 << 31)
    wanted = [[content_id, str(GIANT), nodes.GIANT]]
    equal("hits", session.client.ask(*request), wanted)
    session.needs("long=", request, wanted)
    file = session.files / "chunk"
    file.unlink(missing_ok=True)
    offset = GIANT - 100
    answer, = session.client.ask("read", content_id, offset, 4096, file)
    equal("offset, size and eof", answer, [str(offset), str(GIANT), "true"])
    checks.same_bytes("the end", file.read_bytes(), bytes(100))


MATRIX.feature("read a chunk")(checks.read)
MATRIX.feature("download")(checks.download)
# The check holds what the client says of the date against the node.
MATRIX.feature("publish, dates")(checks.publish)


@MATRIX.feature("multicall")
def multicall(session):
    rows = session.client.ask("multicall", "paper*", "nothing")
    equal("hits and fault", rows, [["hits", str(len(session.scene.library))], ["fault", "404"]])


@MATRIX.feature("fault codes")
def fault(session):
    checks.fault(session, "status")


MATRIX.feature("é, 日, ж")(checks.non_ascii)


@MATRIX.feature("𝄞, 🎼")
def non_bmp(session):
    """Whole; with ?text=bmp as U+FFFD, while the node keeps what it was sent by others."""
    if "text=bmp" not in session.stack.dialect:
        checks.non_bmp(session)
        return
    name = f"{session.mark} {checks.NON_BMP}"
    content = nodes.publish(session.scene.a.address, name, session.data("plane", 100))
    request = ("search", f"{session.mark} ideograph", 10, 0)
    replaced = "".join(letter if ord(letter) < 0x10000 else "\ufffd" for letter in name)
    equal("hits", session.client.ask(*request), [[content["contentId"], "100", replaced]])
    session.needs("text=bmp", request, [[content["contentId"], "100", name]])


MATRIX.feature("token by HTTP")(checks.http_token)


@MATRIX.feature("long-poll")
def long_poll(session):
    """One call waits until the event comes, and is answered then."""
    (subscription,), = session.client.ask("subscribe", "content.published")
    name, data = f"{session.mark} late", session.data("late", 100)
    timer = threading.Timer(LATE_SECONDS, nodes.publish, (session.scene.a.address, name, data))
    began = time.monotonic()
    timer.start()
    rows = session.client.ask("pull", subscription, WAIT_MS)
    waited = time.monotonic() - began
    timer.join()
    content_id = session.scene.finds(f'"{name}"', 1)[0]["contentId"]
    equal("events", rows, [["content.published", content_id]])
    if waited < LATE_SECONDS:
        raise Failure(f"the answer came after {waited:.2f} s, before there was an event")


def settle(text, write):
    """The README's table and the manual's examples."""
    return table.settle(ROOT / "README.md", "xmlrpc-matrix", text, write) + snippets.settle(
        ROOT / "docs" / "xmlrpc.md", MATRIX.folder, write
    )


if __name__ == "__main__":
    sys.exit(MATRIX.main(sys.argv[1:], settle))
