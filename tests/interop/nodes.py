"""Two real nodes for the scripts beside this file: B shares a folder, A has joined through B and is asked.

The program is the one that PEERGATE_BIN names. Everything runs on free loopback ports in a temporary folder and ends
with the `with` block.

As a program, `nodes.py COMMAND…` runs the command with PEERGATE_A, PEERGATE_B (their HTTP addresses) and
PEERGATE_LIBRARY (the shared folder) in its environment.
"""

import base64
import contextlib
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

START_SECONDS = 60
"""How long a node may take until its listeners are up, in a debug build on a busy machine."""
POLL_SECONDS = 0.05
"""Between two looks at a condition."""

GIANT = "immensity of zeros.bin"


def eventually(what, probe, seconds=START_SECONDS):
    """The first true value of `probe`, which is asked again and again until its time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain: {what}")
        time.sleep(POLL_SECONDS)


def call(address, operation, token=None, **fields):
    """A call over the JSON binding, for the scenery of a test; the binding under test is spoken by its own client."""
    request = urllib.request.Request(
        f"{address}/api/{operation.replace('.', '/')}",
        json.dumps(fields).encode(),
        {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def problem(error):
    """The problem document that an HTTPError came with."""
    return json.loads(error.read())


def text(address):
    """The document at an address."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


def get(address, content_id):
    """The bytes of a content, from this node or through it."""
    with urllib.request.urlopen(f"{address}/content/{content_id}", timeout=60) as answer:
        return answer.read()


def publish(address, name, data):
    """Publishes bytes over the JSON binding."""
    return call(address, "content.publish", name=name, data=base64.b64encode(data).decode())


def operations(address):
    """The names of all operations, such as search.find, told by the node's OpenAPI."""
    paths = json.loads(text(f"{address}/api/openapi.json"))["paths"]
    return {path.removeprefix("/api/").replace("/", ".") for path in paths if path.startswith("/api/")}


def seconds_of(time_text):
    """An RFC 3339 time as seconds since 1970."""
    return datetime.datetime.fromisoformat(time_text).timestamp()


class Node:
    """One process of the program under test."""

    def __init__(self, folder, shares=(), bootstrap=(), token=None, overlays=""):
        """`token`: a name and a secret, without which nobody may do anything here. `overlays`: further ones, as they
        stand in the configuration."""
        folder.mkdir()
        self.folder = folder
        self.secret = token[1] if token else None
        config = folder / "peergate.toml"
        # JSON's strings and lists of strings are TOML's as well.
        config.write_text(
            f"data_dir = {json.dumps(str(folder / 'data'))}\n"
            '[http]\nlisten = "127.0.0.1:0"\n'
            f"[share]\npaths = {json.dumps([str(path) for path in shares])}\n"
            '[[overlay]]\nname = "home"\nkind = "native"\nlisten = ["/ip4/127.0.0.1/tcp/0"]\n'
            f"bootstrap = {json.dumps(list(bootstrap))}\nmdns = false\n"
            + overlays
            + (self._access(*token) if token else "")
        )
        ready_file = folder / "ready.json"
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [os.environ["PEERGATE_BIN"], "serve", "--config", config, "--ready-file", ready_file],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            self.ready = eventually("the ready file is written", lambda: self._read(ready_file))
        except BaseException:
            self.stop()
            raise

    def _access(self, name, secret):
        file = self.folder / "token"
        file.write_text(secret)
        file.chmod(0o600)
        return (
            f"[[access.token]]\nname = {json.dumps(name)}\ntoken_file = {json.dumps(str(file))}\n"
            'operations = ["*"]\n'
        )

    def _read(self, ready_file):
        if self.process.poll() is not None:
            raise RuntimeError(f"the node ended with {self.process.returncode}:\n{self.log()}")
        try:
            return json.loads(ready_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    @property
    def address(self):
        return self.ready["httpAddress"]

    @property
    def bootstrap(self):
        return self.ready["overlays"]["home"]

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-8192:]

    def stop(self):
        self.process.kill()
        self.process.wait()


class Pair:
    """A, which is asked, and B, which shares `library`: a dict from file name to bytes. Where it was asked for, also
    `guarded`, which is like A but wants a token."""

    def __init__(self, a, b, folder, library, guarded=None):
        self.a, self.b, self.folder, self.library, self.guarded = a, b, folder, library, guarded

    def finds(self, query, count, at=None):
        """Waits until a search at A (or `at`) has `count` hits; what was published a moment ago may take one."""
        def search():
            node = at or self.a
            hits = call(node.address, "search.find", token=node.secret, query=query, limit=200)["hits"]
            return hits if len(hits) == count else None

        return eventually(f"{count} hits for {query}", search)


def library_files():
    """Texts that every Debian machine has, else generated ones; the names hold words to search for."""
    texts = sorted(pathlib.Path("/usr/share/common-licenses").glob("*"))
    files = {f"licence {path.name} paper{n:03}.txt": path.read_bytes() for n, path in enumerate(texts[:20])}
    while len(set(files.values())) < 5:
        n = len(files)
        files[f"licence generated paper{n:03}.txt"] = f"text number {n}\n".encode() * 500
    return {name: data for data, name in {data: name for name, data in files.items()}.items()}


@contextlib.contextmanager
def pair(token=None, giant=0):
    """Two connected nodes; B lists all of its library. With a token, its name and its secret, there is a third one.
    With `giant`, B also shares a file of that many zeros, named GIANT, which takes no place on the disk."""
    library = library_files()
    with tempfile.TemporaryDirectory(prefix="peergate-interop-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        shared = folder / "library"
        shared.mkdir()
        for file, data in library.items():
            (shared / file).write_bytes(data)
        if giant:
            with open(shared / GIANT, "wb") as file:
                file.truncate(giant)
        b = Node(folder / "b", shares=[shared])
        stack.callback(b.stop)
        a = Node(folder / "a", bootstrap=b.bootstrap)
        stack.callback(a.stop)
        guarded = Node(folder / "guarded", bootstrap=b.bootstrap, token=token) if token else None
        if guarded:
            stack.callback(guarded.stop)
        scene = Pair(a, b, shared, library, guarded)
        try:
            for node in filter(None, (a, guarded)):
                scene.finds("paper*", len(library), at=node)
                if giant:
                    scene.finds(f'"{GIANT}"', 1, at=node)
            yield scene
        except BaseException:
            for node in filter(None, (a, b, guarded)):
                print(f"---- log of {node.folder.name}\n{node.log()}", file=sys.stderr)
            raise


def main():
    with pair() as scene:
        environment = {
            "PEERGATE_A": scene.a.address,
            "PEERGATE_B": scene.b.address,
            "PEERGATE_LIBRARY": str(scene.folder),
        }
        return subprocess.run(sys.argv[1:], env={**os.environ, **environment}).returncode


if __name__ == "__main__":
    sys.exit(main())
