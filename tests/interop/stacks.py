"""Third-party stacks as small programs: what each needs, how it is built, and a conversation with it.

A stack is a folder with a `stack.toml` and a client in the stack's own language. The client reads requests from standard
input, one a line, a verb and its arguments parted by tabs, and answers each on standard output:

    row <tab> value…                any number of times
    done                            or
    fault <tab> kind <tab> message  where the stack has thrown its own exception for a fault of ours, or
    error <tab> text                for everything else that went wrong

so that one process serves all checks, and all judging is done on this side.

`stack.toml` has these keys:

    name      as the table shows it
    debian    packages that it needs; `commands` maps a program to the package that brings it where it is missing
    pip, npm  packages with their versions, for the virtual environment and the node_modules of all stacks
    download  Debian packages of which only the files are needed; they are unpacked and not installed
    build     a shell script, run in a folder of its own with WSDL, SOURCE and CLIENTS in its environment
    shared    true where what is built from the first variant's description serves the others
    run       the program and its arguments; the address of the WSDL or of the service comes behind. {source}, {clients}, {python} are replaced
    dialect   of XML-RPC: the query of the address, where the stack needs one
    binding   of a legacy server below catalog/: soap or xmlrpc; `run` is its command, with {port} for its port
    version   of a legacy server: a command that prints it
    cannot    a table: a feature that the stack does not have, and why. It is tried all the same, and has to fail
"""

import dataclasses
import hashlib
import os
import pathlib
import queue
import subprocess
import sys
import threading
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = pathlib.Path(os.environ.get("PEERGATE_CLIENTS") or HERE.parent / ".clients").resolve()
"""Where what the stacks need is kept: node_modules, unpacked packages, generated classes."""
BUILD_SECONDS = 300
ANSWER_SECONDS = 60
"""How long a client may take for one answer, its start included, on a busy machine."""


class Failure(Exception):
    """A check that did not hold, or a client that did not do what it was asked."""


class Fault(Exception):
    """A fault that the stack has handed to its user as an exception of its own."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind, self.message = kind, message


@dataclasses.dataclass
class Stack:
    folder: pathlib.Path
    name: str
    run: list
    debian: list = dataclasses.field(default_factory=list)
    commands: dict = dataclasses.field(default_factory=dict)
    pip: list = dataclasses.field(default_factory=list)
    npm: list = dataclasses.field(default_factory=list)
    download: list = dataclasses.field(default_factory=list)
    build: str = ""
    shared: bool = False
    dialect: str = ""
    binding: str = ""
    version: list = dataclasses.field(default_factory=list)
    cannot: dict = dataclasses.field(default_factory=dict)

    @property
    def key(self):
        return self.folder.name

    def prepare(self, description, address):
        """A folder with what `build` makes of the description that `address` answers. It is made once for each text
        of the description and of this folder's files; `description` is that text without the address."""
        if not self.build:
            return self.folder
        digest = hashlib.sha256(description.encode())
        for file in sorted(self.folder.iterdir()):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        folder = CLIENTS / "built" / f"{self.folder.parent.name}-{self.key}-{digest.hexdigest()[:16]}"
        if (folder / "built").exists():
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "WSDL": address, "SOURCE": str(self.folder), "CLIENTS": str(CLIENTS)}
        built = subprocess.run(
            ["bash", "-euc", self.build], cwd=folder, env=environment, timeout=BUILD_SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        if built.returncode != 0:
            raise Failure("does not build: " + ends_of(built.stdout))
        (folder / "built").touch()
        return folder

    def talk(self, folder, address, **options):
        """A conversation with a fresh process of the client; `options` are in its environment."""
        words = {"source": self.folder, "clients": CLIENTS, "python": sys.executable}
        command = [argument.format(**words) for argument in self.run]
        return Conversation([*command, address], folder, options)


def load(folder):
    """All stacks below a folder, in the order of their names."""
    stacks = []
    for file in sorted(folder.glob("*/stack.toml")):
        try:
            stacks.append(Stack(folder=file.parent, **tomllib.loads(file.read_text())))
        except (TypeError, tomllib.TOMLDecodeError) as error:
            sys.exit(f"{file}: {error}")
    return stacks


def ends_of(output, count=6):
    """The first and the last lines: compilers say the cause first, scripts last."""
    lines = output.decode(errors="replace").strip().splitlines()
    return "\n".join(lines if len(lines) <= 2 * count else [*lines[:count], "…", *lines[-count:]])


class Conversation:
    """A running client, which is asked one thing after the other."""

    def __init__(self, command, folder, options):
        # Without a locale of UTF-8 several run times write question marks for what they have read well.
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "PEERGATE_CLIENTS": str(CLIENTS), **options}
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self._lines = queue.Queue()
        self._complaints = []
        threads = ((self._process.stdout, self._lines.put), (self._process.stderr, self._complain))
        for stream, take in threads:
            threading.Thread(target=self._drain, args=(stream, take), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.kill()
        self._process.wait()

    def ask(self, *request):
        """The rows of the answer, each a list of strings.

        Raises Fault for a typed fault of the node, Failure for everything else but an answer."""
        line = "\t".join(str(part) for part in request)
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Failure(f"{request[0]}: the client has ended: {self._complaint()}") from error
        rows = []
        while True:
            word, *values = self._line(request[0])
            if word == "row":
                rows.append(values)
            elif word == "done":
                return rows
            elif word == "fault":
                raise Fault(*(values + ["", ""])[:2])
            else:
                raise Failure(f"{request[0]}: {' '.join(values) or word}")

    def _line(self, verb):
        try:
            line = self._lines.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise Failure(f"{verb}: no answer within {ANSWER_SECONDS} s: {self._complaint()}") from None
        if line is None:
            self._lines.put(None)
            raise Failure(f"{verb}: the client has ended: {self._complaint()}")
        try:
            return line.decode().rstrip("\r\n").split("\t")
        except UnicodeDecodeError:
            raise Failure(f"{verb}: the client answers what is not UTF-8: {line!r}") from None

    def _complain(self, line):
        if line is not None:
            self._complaints.append(line)

    def _complaint(self):
        return ends_of(b"".join(self._complaints)) or "it says nothing"

    @staticmethod
    def _drain(stream, take):
        for line in stream:
            take(line)
        take(None)
