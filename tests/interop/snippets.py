"""Examples in a document that are parts of programs which the tests run, so that no example can rot.

A document holds `<!-- example: FILE PART… -->` before a fenced block, which then is those parts of the file, one below the
other. A part begins behind a line with `doc: PART` in a comment and ends before the line with `end doc`;
it may have several places.
"""

import re
import textwrap

BLOCK = re.compile(r"(<!-- example: (\S+) ([^>]+?) -->\n```\w*\n)(.*?)(```\n)", re.DOTALL)


def part(source, name):
    """The lines of all parts of that name, each without the indentation that its lines share."""
    lines = source.splitlines()
    begins = [number + 1 for number, line in enumerate(lines) if re.search(rf"\bdoc: {re.escape(name)}$", line)]
    if not begins:
        raise LookupError(f"no part is called {name}")
    found = []
    for begin in begins:
        end = next(number for number in range(begin, len(lines)) if "end doc" in lines[number])
        found.append(textwrap.dedent("\n".join(lines[begin:end])) + "\n")
    return "".join(found)


def settle(document, folder, write):
    """Writes the examples of a document anew, or says which are others than the programs. Answers how many are wrong."""
    def fresh(block):
        head, file, names, _, tail = block.groups()
        source = (folder / file).read_text()
        return head + "\n".join(part(source, name) for name in names.split()) + tail

    old = document.read_text()
    new = BLOCK.sub(fresh, old)
    if not BLOCK.search(old):
        print(f"{document.name} has no examples")
        return 1
    if write:
        document.write_text(new)
        return 0
    stale = [block.group(2) for block, now in zip(BLOCK.finditer(old), BLOCK.finditer(new)) if block.group() != now.group()]
    for file in stale:
        print(f"{document.name}: the example of {file} is not what the program says; `tests/run --write` writes it")
    return len(stale)
