"""Legacy servers below `catalog/`: what they serve, and how one is started.

A catalogue is a folder. `index.tsv` has a line for each entry: its id, its file, its name, media type, description and
tags, parted by tabs, the tags by commas. Size and time of the last change are those of the file. A server reads it again
for every call, so that a test changes what is served by writing files.

A server gets FOLDER, the catalogue, and WSDL, the description's file, in its environment, and the port on its command
line. Its `stack.toml` is described in stacks.py.
"""

import base64
import dataclasses
import os
import pathlib
import random
import socket
import subprocess
import sys
import urllib.parse

import nodes
from stacks import CLIENTS, Failure, ends_of

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WSDL = ROOT / "wsdl" / "catalog.wsdl"
SAFE = "!$&'()*+,;=@-._~[]^`{|}\"<>\\"
"""What a content id holds as it is: all of ASCII but what separates, white space and controls."""


@dataclasses.dataclass
class Entry:
    entry_id: str
    name: str
    media_type: str
    description: str
    tags: list
    data: bytes
    modified: int

    def content_id(self, overlay):
        return f"cat:{overlay}:{urllib.parse.quote(self.entry_id, safe=SAFE)}"


class Catalogue(dict):
    """The small set of entries that every server serves, by a key of the tests' own."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        folder.mkdir()
        noise = random.Random("catalogue").randbytes(3 << 20)
        for key, *entry in [
            ("empty", "empty", "empty document.txt", "text/plain", "", [], b""),
            ("report", "2026/0042", "annual report.txt", "text/plain", "A document about <money> & more.", ["money", "2026"], b"figures\n" * 5000),
            ("big", "big", "big document.bin", "application/octet-stream", "Three MiB.", ["big"], noise),
            ("text", "text", "plain document.txt", "text/plain", "", ["plain"], b"a plain text\n" * 99),
            ("unicode", "ж é", "日本 café document.txt", "text/plain", "ж", ["日"], "é日ж\n".encode() * 99),
        ]:
            self[key] = Entry(*entry, modified=1_760_000_000 + len(self))
        for key, entry in self.items():
            self.write(key, entry.data, entry.modified)

    def write(self, key, data, modified):
        """Changes an entry's bytes."""
        entry = self[key]
        entry.data, entry.modified = data, modified
        file = self.folder / key
        file.write_bytes(data)
        os.utime(file, (modified, modified))
        lines = [
            "\t".join([one.entry_id, name, one.name, one.media_type, one.description, ",".join(one.tags)])
            for name, one in self.items()
        ]
        (self.folder / "index.tsv").write_text("\n".join(lines) + "\n")


class Server:
    """A legacy server that is running."""

    def __init__(self, stack, folder, catalogue):
        self.stack, self.catalogue, self.log_file = stack, catalogue, folder / "server.log"
        self._folder = stack.prepare(WSDL.read_text(), str(WSDL))
        self.port = free_port()
        path = "/catalog" if stack.binding == "soap" else "/RPC2"
        self.url = f"http://127.0.0.1:{self.port}{path}"
        self.process = None
        self.start()

    def start(self):
        words = {"source": self.stack.folder, "clients": CLIENTS, "python": sys.executable, "port": self.port}
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "FOLDER": str(self.catalogue.folder), "WSDL": str(WSDL)}
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [argument.format(**words) for argument in self.stack.run], cwd=self._folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        nodes.eventually("the server listens", self._listens)

    def _listens(self):
        if self.process.poll() is not None:
            raise Failure(f"the server ended with {self.process.returncode}:\n{self.log()}")
        return listens(self.port)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return ends_of(self.log_file.read_bytes(), 20) if self.log_file.exists() else ""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port):
    """Whether somebody listens at that port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def version(stack):
    """What the library says it is."""
    command = [argument.format(python=sys.executable) for argument in stack.version]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    return told.splitlines()[-1] if told else "?"


def unbase64(text):
    return base64.b64decode(text, validate=True)
