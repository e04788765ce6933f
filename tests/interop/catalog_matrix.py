"""Legacy servers as overlays of a node: what each of them gives to the node's callers, as a table.

    catalog_matrix.py                 all servers; the table in docs/catalogue.md must be up to date
    catalog_matrix.py --write         all servers, then writes it
    catalog_matrix.py SERVER…         only these; looks at no document

A server is a folder below `catalog/`, see stacks.py and servers.py. Each is written with a stack that knows nothing of
Peergate but wsdl/catalog.wsdl or the two methods' names. The checks are here, once for all of them: what the node says
over JSON is held against the files that the server serves.
"""

import contextlib
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import matrix
import nodes
import servers
import stacks
import table
from checks import equal, same_bytes
from stacks import Failure

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NAME = "archive"
FEATURES = {}


def feature(column):
    """Makes a function the check of a column."""
    def note(check):
        FEATURES[column] = check
        return check
    return note


class Scene:
    """A node with one catalogue as an overlay, and the server behind it."""

    def __init__(self, node, server, catalogue):
        self.node, self.server, self.catalogue = node, server, catalogue

    def call(self, operation, **fields):
        try:
            return nodes.call(self.node.address, operation, **fields)
        except urllib.error.HTTPError as error:
            raise Failure(f"{operation}: {error.code} {nodes.problem(error).get('detail')}") from error

    def fault(self, operation, **fields):
        try:
            nodes.call(self.node.address, operation, **fields)
        except urllib.error.HTTPError as error:
            return nodes.problem(error)["kind"]
        raise Failure(f"{operation}: no fault")

    def hits(self, query, **fields):
        found = self.call("search.find", query=query, overlays=[NAME], timeoutMs=20000, **fields)
        equal("outcomes", [outcome["outcome"] for outcome in found["outcomes"]], ["answered"])
        return found["hits"]

    def hit(self, query, **fields):
        hits = self.hits(query, **fields)
        equal(f"hits for {query}", len(hits), 1)
        return hits[0]

    def bytes_of(self, content_id, **headers):
        address = f"{self.node.address}/content/{urllib.parse.quote(content_id, safe='')}"
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
            return answer.read()

    def state(self):
        overlays = self.call("overlay.list")["overlays"]
        return next(overlay for overlay in overlays if overlay["name"] == NAME)["state"]


@feature("search")
def search(scene):
    entry = scene.catalogue["report"]
    hit = scene.hit("annual report")
    equal("contentId", hit["contentId"], f"cat:{NAME}:2026%2F0042")
    wanted = dict(name=entry.name, size=len(entry.data), mediaType=entry.media_type, description=entry.description)
    equal("the hit", {key: hit.get(key) for key in wanted}, wanted)
    equal("tags", hit["tags"], entry.tags)
    equal("modified", nodes.seconds_of(hit["modified"]), entry.modified)
    equal("hits for nothing", scene.hits("nowhere"), [])


@feature("filters, phrases")
def filters(scene):
    equal("by type", scene.hit("document*", mediaType="application/octet-stream")["size"], len(scene.catalogue["big"].data))
    equal("by tag", scene.hit("document", tags=["money"])["name"], scene.catalogue["report"].name)
    equal("by phrase", len(scene.hits('"report annual"')), 0)
    equal("without", len(scene.hits("document -annual")), len(scene.catalogue) - 1)


@feature("describe")
def describe(scene):
    entry = scene.catalogue["report"]
    content = scene.call("content.describe", contentId=entry.content_id(NAME))
    equal("size", content["size"], len(entry.data))
    equal("local", content["local"], False)


@feature("read a range")
def read(scene):
    entry = scene.catalogue["big"]
    for offset, length in [(0, 10), (70_001, 1_000_003), (len(entry.data) - 7, 100), (len(entry.data), 5)]:
        chunk = scene.call("content.read", contentId=entry.content_id(NAME), offset=offset, length=length)
        same_bytes(f"from {offset}", servers.unbase64(chunk["data"]), entry.data[offset:offset + length])
        equal("eof", chunk["eof"], offset + length >= len(entry.data))
    part = scene.bytes_of(entry.content_id(NAME), Range="bytes=100000-199999")
    same_bytes("the range", part, entry.data[100_000:200_000])


@feature("0 bytes")
def empty(scene):
    entry = scene.catalogue["empty"]
    equal("size", scene.hit("empty")["size"], 0)
    same_bytes("the content", scene.bytes_of(entry.content_id(NAME)), b"")


@feature("é, 日, ж")
def non_ascii(scene):
    entry = scene.catalogue["unicode"]
    hit = scene.hit("日本")
    equal("name", hit["name"], entry.name)
    equal("contentId", hit["contentId"], entry.content_id(NAME))
    same_bytes("the content", scene.bytes_of(hit["contentId"]), entry.data)


@feature("download, id learnt")
def download(scene):
    entry = scene.catalogue["big"]
    foreign = entry.content_id(NAME)
    equal("aliases before", scene.call("content.describe", contentId=foreign)["aliases"], [])
    same_bytes("the content", scene.bytes_of(foreign), entry.data)
    aliases = scene.call("content.describe", contentId=foreign)["aliases"]
    equal("aliases", len(aliases), 1)
    equal("kind of id", aliases[0][:7], "bafkr4i")
    content = scene.call("content.describe", contentId=aliases[0])
    equal("aliases of the native id", content["aliases"], [foreign])
    same_bytes("by the native id", scene.bytes_of(aliases[0]), entry.data)
    part = scene.bytes_of(aliases[0], Range="bytes=1000000-1999999")
    same_bytes("a range by the native id", part, entry.data[1_000_000:2_000_000])


@feature("transfer")
def transfer(scene):
    entry = scene.catalogue["report"]
    begun = scene.call("transfer.start", contentId=entry.content_id(NAME))
    ended = scene.call("transfer.wait", transferId=begun["transferId"], waitMs=30000)
    equal("state", (ended["state"], ended.get("error")), ("complete", None))
    content = scene.call("content.list", query="annual")["contents"][0]
    equal("aliases", content["aliases"], [entry.content_id(NAME)])
    same_bytes("the content", scene.bytes_of(content["contentId"]), entry.data)


@feature("change noticed")
def change(scene):
    entry = scene.catalogue["text"]
    foreign = entry.content_id(NAME)
    scene.bytes_of(foreign)
    scene.hit("plain")
    before = scene.call("content.describe", contentId=foreign)["aliases"]
    equal("aliases before", len(before), 1)
    # The same size: only the time tells.
    scene.catalogue.write("text", entry.data[::-1], entry.modified + 60)
    scene.hit("plain")
    equal("aliases after", scene.call("content.describe", contentId=foreign)["aliases"], [])
    same_bytes("the content", scene.bytes_of(foreign), scene.catalogue["text"].data)
    equal("the old id", scene.fault("content.read", contentId=before[0]), "NotFound")


@feature("unknown entry")
def unknown(scene):
    equal("fault", scene.fault("content.describe", contentId=f"cat:{NAME}:nobody"), "NotFound")
    equal("fault", scene.fault("content.read", contentId=f"cat:{NAME}:nobody"), "NotFound")


@feature("down and up again")
def down(scene):
    equal("state", scene.state(), "up")
    scene.server.stop()
    def ask():
        scene.fault("content.describe", contentId=f"cat:{NAME}:nobody")
        return scene.state() == "down"
    nodes.eventually("the catalogue counts as down", ask)
    begun = time.monotonic()
    equal("fault", scene.fault("content.read", contentId=f"cat:{NAME}:nobody"), "Unavailable")
    found = scene.call("search.find", query="report", overlays=[NAME], timeoutMs=20000)
    equal("outcome", found["outcomes"][0]["outcome"], "refused")
    if time.monotonic() - begun > 10:
        raise Failure("a catalogue that is down was waited for")
    scene.server.start()
    nodes.eventually("the catalogue is up again", lambda: scene.state() == "up")
    scene.hit("annual report")


def try_server(stack, folder):
    """What the library says it is, and why each column failed, if it did."""
    catalogue = servers.Catalogue(folder / "catalogue")
    outcomes = dict.fromkeys(FEATURES, "was not tried")
    with contextlib.ExitStack() as ending:
        try:
            server = servers.Server(stack, folder, catalogue)
            ending.callback(server.stop)
            overlay = f'[[overlay]]\nname = "{NAME}"\nkind = "catalog"\nurl = "{server.url}"\nbinding = "{stack.binding}"\n'
            node = nodes.Node(folder / "node", overlays=overlay)
            ending.callback(node.stop)
        except (Failure, OSError, RuntimeError, TimeoutError) as problem:
            return dict.fromkeys(FEATURES, str(problem))
        scene = Scene(node, server, catalogue)
        for column, check in FEATURES.items():
            try:
                check(scene)
                outcomes[column] = None
            except (Failure, OSError, ValueError, KeyError, IndexError, TypeError, TimeoutError) as problem:
                outcomes[column] = f"{problem or type(problem).__name__}"[:matrix.REASON_CHARACTERS]
        if any(outcomes.values()):
            print(f"---- log of the server\n{server.log()}\n---- log of the node\n{node.log()}", file=sys.stderr)
    return outcomes


def documented():
    """Why the server in docs/catalogue.md does not do what is said there, or None."""
    program = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "catalogue.md").read_text(), re.DOTALL).group(1)
    port = servers.free_port()
    with tempfile.TemporaryDirectory(prefix="peergate-catalog-") as name, contextlib.ExitStack() as ending:
        folder = pathlib.Path(name)
        shared = folder / "shared"
        shared.mkdir()
        data = random.Random("documented").randbytes(300_000)
        (shared / "report.txt").write_bytes(data)
        server = subprocess.Popen([sys.executable, "-c", program.replace("8000", str(port)), shared])
        ending.callback(server.wait)
        ending.callback(server.kill)
        nodes.eventually("the documented server listens", lambda: servers.listens(port))
        overlay = f'[[overlay]]\nname = "{NAME}"\nkind = "catalog"\nurl = "http://127.0.0.1:{port}/RPC2"\n'
        node = nodes.Node(folder / "node", overlays=overlay)
        ending.callback(node.stop)
        scene = Scene(node, None, None)
        try:
            content_id = scene.hit("report")["contentId"]
            equal("contentId", content_id, f"cat:{NAME}:report.txt")
            same_bytes("the content", scene.bytes_of(content_id), data)
        except (Failure, OSError) as problem:
            return str(problem)


def main(arguments):
    write = arguments == ["--write"]
    names = [] if write else arguments
    known = sorted(stacks.load(HERE / "catalog"), key=lambda stack: stack.name.lower())
    unknown_names = set(names) - {stack.key for stack in known}
    if unknown_names:
        sys.exit(f"no such server: {', '.join(unknown_names)}; there are {', '.join(stack.key for stack in known)}")
    rows, wrong = [], 0
    for stack in known:
        if names and stack.key not in names:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="peergate-catalog-") as folder:
            outcomes = try_server(stack, pathlib.Path(folder))
        cells, problems = matrix.judge(stack, {column: {stack.binding: reason} for column, reason in outcomes.items()})
        name = f"{stack.name} {servers.version(stack)}"
        print(f"  {name}: {len(cells)} columns hold, {len(problems)} things wrong ({time.monotonic() - started:.0f} s)")
        for line in problems:
            print(f"    {line}".replace("\n", "\n      "))
        sys.stdout.flush()
        rows.append(table.Row(name, {"": {"soap": "SOAP", "xmlrpc": "XML-RPC"}[stack.binding], **cells}))
        wrong += len(problems)
    if not names:
        reason = documented()
        print(f"  docs/catalogue.md: {reason or 'the server does what is said'}")
        wrong += reason is not None
    if not names and wrong == 0:
        wrong = table.settle(ROOT / "docs" / "catalogue.md", "catalogues", table.render(["", *FEATURES], rows), write)
    print(f"{len(rows)} servers, {wrong} things wrong")
    return 0 if wrong == 0 and rows else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
