"""A matrix: what each of several third-party stacks can do with a node, held against what it declares, as a table.

A matrix has variants of one binding, such as versions of SOAP, and features. Each is a column and has a check. A check of
a variant says whether the stack speaks it at all; a check of a feature runs in every variant that the stack speaks, and
has to hold in all of them. What `stack.toml` declares as impossible is tried too, and has to fail.
"""

import contextlib
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import nodes
import stacks
import table
import wire
from stacks import Failure, Fault

TOKEN = ("erp", "a-token-of-the-interoperability-tests")
"""The name and the secret that the guarded node wants."""
REASON_CHARACTERS = 600
"""Of what a client says: some repeat the whole answer."""


class Session:
    """One stack at node A in one variant. `client` is the conversation that the checks share, since several stacks
    take seconds to start."""

    def __init__(self, scene, taps, stack, variant, path, files):
        self.scene, self.stack, self.variant, self.path, self.files = scene, stack, variant, path, files
        self.tap, self.guarded_tap = taps
        # Two sessions publish nothing in common, so that each finds only what is its own.
        self.mark = "".join(filter(str.isalnum, f"{stack.key}{variant}")).lower()
        self._folder = self._client = None

    def prepare(self, description):
        """Builds what the stack needs from what answers at that path. Raises Failure where that does not work."""
        address = f"{self.tap.address}/{description}"
        self._folder = self.stack.prepare(nodes.text(address).replace(self.tap.address, ""), address)

    @property
    def client(self):
        self._client = self._client or self.talk()
        return self._client

    def talk(self, **options):
        """A conversation of its own, with these options in its environment; close it."""
        return self.stack.talk(self._folder, f"{self.tap.address}/{self.path}", **options)

    def talk_guarded(self, credential, token):
        """The same at the node that wants a token, which is shown in that way."""
        address = f"{self.guarded_tap.address}/{self.path}"
        return self.stack.talk(self._folder, address, CREDENTIAL=credential, TOKEN_NAME=TOKEN[0], TOKEN=token)

    def close(self):
        """Ends the shared conversation; the next check begins another."""
        if self._client:
            self._client.close()
            self._client = None

    def data(self, word, size):
        """Bytes that no other check publishes, from some 16 on."""
        return random.Random(f"{self.mark} {word}").randbytes(size)

    def reason_of(self, check):
        """Why a check fails, or None."""
        try:
            check(self)
            return None
        except Fault as raised:
            return f"a fault that was not expected, {raised}"
        except (Failure, OSError, ValueError, TypeError, IndexError, TimeoutError, subprocess.TimeoutExpired) as problem:
            # The client may be in the middle of something.
            self.close()
            return f"{problem or type(problem).__name__}"[:REASON_CHARACTERS]


class Matrix:
    """`variants` are the paths of the descriptions that the stacks read, by column. `giant` is for nodes.pair."""

    def __init__(self, folder, variants, session=Session, giant=0):
        self.folder, self.variants, self.session, self.giant = folder, variants, session, giant
        self.variant_checks, self.features = {}, {}

    def variant(self, check):
        """Makes a function the check of every variant's column. A check fails by an exception."""
        self.variant_checks = dict.fromkeys(self.variants, check)
        return check

    def feature(self, column):
        """Makes a function the check of a feature's column."""
        def note(check):
            self.features[column] = check
            return check
        return note

    @property
    def columns(self):
        return [*self.variants, *self.features]

    def try_stack(self, scene, taps, stack, files):
        """What the library says it is, and what became of each column: by the variant, None or why it failed."""
        version, outcomes = "?", {column: {} for column in self.columns}
        first = next(iter(self.variants.values()))
        for variant, path in self.variants.items():
            description = first if stack.shared else path
            session = self.session(scene, taps, stack, variant, path, files)
            with contextlib.closing(session):
                unprepared = session.reason_of(lambda session: session.prepare(description))
                outcomes[variant][variant] = unprepared or session.reason_of(self.variant_checks[variant])
                if variant in stack.cannot or unprepared:
                    continue
                with contextlib.suppress(Failure, Fault, IndexError):
                    version = session.client.ask("version")[0][0]
                for column, check in self.features.items():
                    outcomes[column][variant] = session.reason_of(check)
        return version, outcomes

    def run(self, chosen):
        """Tries these stacks; the rows of the table, and how many things are wrong."""
        rows, count = [], 0
        with nodes.pair(TOKEN, self.giant) as scene, tempfile.TemporaryDirectory(prefix="peergate-matrix-") as files:
            with contextlib.closing(wire.Wire(scene.a.address)) as tap, contextlib.closing(wire.Wire(scene.guarded.address)) as guarded:
                for stack in chosen:
                    started = time.monotonic()
                    version, outcomes = self.try_stack(scene, (tap, guarded), stack, pathlib.Path(files))
                    cells, wrong = judge(stack, outcomes)
                    if version == "?":
                        wrong.append("the library does not say which version it is")
                    name = f"{stack.name} {version}" + (f", `?{stack.dialect}`" if stack.dialect else "")
                    print(f"  {name}: {len(cells)} columns hold, {len(wrong)} things wrong ({time.monotonic() - started:.0f} s)")
                    for line in wrong:
                        print(f"    {line}".replace("\n", "\n      "))
                    sys.stdout.flush()
                    rows.append(table.Row(name, cells))
                    count += len(wrong)
        return rows, count

    def main(self, arguments, settle):
        """All stacks, or those named. `settle(table, write)` compares the documents with what was seen, or writes
        them, and answers how many are wrong. The exit code."""
        write = arguments == ["--write"]
        names = [] if write else arguments
        known = sorted(stacks.load(self.folder), key=lambda stack: stack.name.lower())
        unknown = set(names) - {stack.key for stack in known}
        if unknown:
            sys.exit(f"no such stack: {', '.join(unknown)}; there are {', '.join(stack.key for stack in known)}")
        rows, wrong = self.run([stack for stack in known if not names or stack.key in names])
        if not names and wrong == 0:
            wrong = settle(table.render(self.columns, rows), write)
        print(f"{len(rows)} stacks, {wrong} things wrong")
        return 0 if wrong == 0 and rows else 1


def judge(stack, outcomes):
    """The cells of a stack's row, and what is wrong with it."""
    cells, wrong = {}, [f"stack.toml names no feature: {column}" for column in stack.cannot if column not in outcomes]
    for column, by_variant in outcomes.items():
        held = [variant for variant, reason in by_variant.items() if reason is None]
        failed = {variant: reason for variant, reason in by_variant.items() if reason is not None}
        declared = stack.cannot.get(column)
        if declared and not held:
            cells[column] = table.Cannot(declared)
        elif declared:
            wrong.append(f"{column}: works in {' and '.join(held)}, although stack.toml says: {declared}")
        elif failed:
            wrong.extend(f"{column}, {variant}: {reason}" for variant, reason in failed.items())
        elif held:
            cells[column] = table.YES
        else:
            wrong.append(f"{column}: was not tried")
    return cells, wrong
