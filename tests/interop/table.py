"""A table of what each stack can do, as Markdown, and the place in a document where it stands."""

import dataclasses

YES = "✓"


@dataclasses.dataclass(frozen=True)
class Cannot:
    """A feature that a stack does not have, and why."""

    reason: str


@dataclasses.dataclass
class Row:
    name: str
    cells: dict


def render(columns, rows):
    """The table, with the reasons of its dashes below."""
    notes = []
    lines = [row_of(["", *columns]), row_of(["---"] + [":-:"] * len(columns))]
    for row in rows:
        cells = [row.name]
        for column in columns:
            cell = row.cells[column]
            if isinstance(cell, Cannot):
                if cell.reason not in notes:
                    notes.append(cell.reason)
                cell = f"— <sup>{notes.index(cell.reason) + 1}</sup>"
            cells.append(cell)
        lines.append(row_of(cells))
    if notes:
        lines += ["", *(f"<sup>{number}</sup> {note}  " for number, note in enumerate(notes, 1))]
    return "\n".join(lines)


def row_of(cells):
    return f"| {' | '.join(cells)} |"


def settle(file, name, text, write):
    """Puts the text between the document's markers of that name, or says that it is another. Answers how many things
    are wrong."""
    begin, end = f"<!-- {name}: begin, written by the tests -->", f"<!-- {name}: end -->"
    document = file.read_text()
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        print(f"{file.name} has no markers {begin} and {end}")
        return 1
    fresh = f"{before}{begin}\n{text}\n{end}{after}"
    if fresh == document:
        return 0
    if write:
        file.write_text(fresh)
        return 0
    print(f"{file.name}: the part {name} is not what this run has seen; `tests/run --write` writes it:\n{text}")
    return 1
