#!/usr/bin/env python3
"""Draws the pictures of docs/bridging.md: python3 docs/pictures/draw.py

Each .txt beside this file becomes an .svg of the same name. A line of text is one thing; coordinates are pixels:

    title    what the picture shows, for those who do not see it
    canvas   WIDTH HEIGHT
    area     COLOUR X Y WIDTH HEIGHT LABEL        a network, as a tinted field
    peer     NAME X Y LABEL                       somebody who belongs to it; `^` before the label puts it above
    gate     NAME X Y LABEL                       a node that joins networks
    legacy   NAME X Y LABEL                       a system that is no peer
    wall     X Y1 Y2 LABEL                        a firewall
    link     NAME NAME [LABEL]                    a connection of peers
    http     NAME NAME [LABEL]                    an outbound connection over HTTP, to where the arrow points
    flow     COLOUR NAME NAME NAME ... [: LABEL]  the way of a question or of bytes
    text     X Y LABEL

A `/` in a label begins a new line. The standard library is all that is needed; colours follow the reader's light or dark
mode. Each .svg holds the SHA-256 of its text, by which a test notices one that was not drawn anew.
"""
import hashlib
import math
import pathlib
import shlex
from html import escape

STYLE = """
.bg{fill:#fff;stroke:#d0d7de}.t{fill:#1f2328}.s{fill:#59636e}.n{fill:#fff;stroke:#59636e}.l{stroke:#818b98}
.g{fill:#1f2328;stroke:#1f2328}.gt{fill:#fff}.w{stroke:#bc4c00}.wt{fill:#bc4c00}.h{stroke:#1f2328}.hf{fill:#1f2328}
.red-a{fill:#ffebe9;stroke:#ff8182}.blue-a{fill:#ddf4ff;stroke:#54aeff}.green-a{fill:#dafbe1;stroke:#4ac26b}
.grey-a{fill:#f6f8fa;stroke:#afb8c1}.red{stroke:#cf222e}.blue{stroke:#0969da}.green{stroke:#1a7f37}
.red-f{fill:#cf222e}.blue-f{fill:#0969da}.green-f{fill:#1a7f37}
@media (prefers-color-scheme:dark){
.bg{fill:#0d1117;stroke:#30363d}.t{fill:#f0f6fc}.s{fill:#9198a1}.n{fill:#0d1117;stroke:#9198a1}.l{stroke:#656c76}
.g{fill:#f0f6fc;stroke:#f0f6fc}.gt{fill:#0d1117}.w{stroke:#db6d28}.wt{fill:#f0883e}.h{stroke:#f0f6fc}.hf{fill:#f0f6fc}
.red-a{fill:#3c1618;stroke:#b62324}.blue-a{fill:#0c2d6b;stroke:#1f6feb}.green-a{fill:#04260f;stroke:#238636}
.grey-a{fill:#161b22;stroke:#484f58}.red{stroke:#ff7b72}.blue{stroke:#79c0ff}.green{stroke:#7ee787}
.red-f{fill:#ff7b72}.blue-f{fill:#79c0ff}.green-f{fill:#7ee787}}
""".replace("\n", "")
COLOURS = ("red", "blue", "green")
LEGACY = (124, 66)
PEER = 15


class Picture:
    def __init__(self, source):
        self.source, self.title, self.size = source, "", (600, 300)
        self.things = {}
        self.layers = {"areas": [], "links": [], "flows": [], "things": [], "texts": []}
        for number, line in enumerate(source.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                word, _, rest = line.partition(" ")
                try:
                    getattr(self, "draw_" + word)(rest.strip())
                except (AttributeError, ValueError, KeyError, IndexError) as error:
                    raise SystemExit(f"line {number}: {line!r}: {error!r}")

    # What the words mean, in the order of the list above.

    def draw_title(self, rest):
        self.title = rest

    def draw_canvas(self, rest):
        self.size = tuple(int(part) for part in rest.split())

    def draw_area(self, rest):
        colour, x, y, width, height, label = rest.split(None, 5)
        self.add("areas", f'<rect class="{colour}-a" x="{x}" y="{y}" width="{width}" height="{height}" rx="14"/>')
        self.label(int(x) + 14, int(y) + 24, label, "start", bold=True)

    def draw_peer(self, rest):
        name, x, y, label = self.thing(rest, lambda dx, dy: PEER)
        self.add("things", f'<circle class="n" cx="{x}" cy="{y}" r="{PEER}" stroke-width="2"/>')
        above = label.startswith("^")
        self.label(x, y - PEER - 7 if above else y + PEER + 16, label.lstrip("^"), "middle", small=True)

    def draw_gate(self, rest):
        longest = max(len(part.strip()) for part in rest.split(None, 3)[3].split("/"))
        width, height = max(80, 2 * (longest * 4 + 16)), 46
        name, x, y, label = self.thing(rest, lambda dx, dy: to_border(dx, dy, width, height))
        self.add("things", f'<rect class="g" x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="8"/>')
        self.label(x, y + 5 - 8 * label.count("/"), label, "middle", kind="gt", bold=True)

    def draw_legacy(self, rest):
        name, x, y, label = self.thing(rest, lambda dx, dy: to_border(dx, dy, *LEGACY))
        width, height = LEGACY
        left, top, ry = x - width // 2, y - height // 2, 9
        self.add("things", f'<path class="n" stroke-width="2" d="M{left} {top + ry}v{height - 2 * ry}a{width // 2} {ry} 0 0 0 {width} 0'
                           f'v-{height - 2 * ry}a{width // 2} {ry} 0 0 0 -{width} 0a{width // 2} {ry} 0 0 0 {width} 0"/>')
        self.label(x, y + 11 - 8 * label.count("/"), label, "middle", small=True)

    def draw_wall(self, rest):
        x, top, bottom, label = rest.split(None, 3)
        self.add("links", f'<path class="w" d="M{x} {top}V{bottom}" stroke-width="3" stroke-dasharray="10 5"/>')
        self.label(int(x), int(top) - 8, label, "middle", kind="wt", small=True)

    def draw_link(self, rest):
        self.line(rest, 'class="l" stroke-width="2"', arrow=None)

    def draw_http(self, rest):
        self.line(rest, 'class="h" stroke-width="2" stroke-dasharray="5 4"', arrow="hf")

    def draw_flow(self, rest):
        way, _, label = rest.partition(" : ")
        colour, *names = way.split()
        if colour not in COLOURS:
            raise ValueError(f"the colours are {COLOURS}")
        points = [self.things[name][:2] for name in names]
        # Beside the lines of the connections, on the left of whoever goes along.
        moved = [shifted(points, i, 9) for i in range(len(points))]
        moved[0] = toward(moved[0], moved[1], self.reach(names[0], points[0], points[1]) + 4)
        moved[-1] = toward(moved[-1], moved[-2], self.reach(names[-1], points[-1], points[-2]) + 10)
        path = "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in moved)
        self.add("flows", f'<path class="{colour}" d="{path}" fill="none" stroke-width="2.5" stroke-linejoin="round"/>')
        self.add("flows", arrow_head(moved[-2], moved[-1], colour + "-f"))
        if label:
            (x1, y1), (x2, y2) = moved[0], moved[1]
            self.label((x1 + x2) / 2, (y1 + y2) / 2 - 8, label, "middle", small=True)

    def draw_text(self, rest):
        x, y, label = rest.split(None, 2)
        self.label(int(x), int(y), label, "middle", kind="s", small=True)

    # How they are drawn.

    def thing(self, rest, reach):
        name, x, y, label = rest.split(None, 3)
        self.things[name] = (int(x), int(y), reach)
        return name, int(x), int(y), label

    def reach(self, name, start, end):
        return self.things[name][2](end[0] - start[0], end[1] - start[1])

    def line(self, rest, attributes, arrow):
        words = shlex.split(rest)
        a, b = (self.things[name][:2] for name in words[:2])
        start = toward(a, b, self.reach(words[0], a, b) + 2)
        end = toward(b, a, self.reach(words[1], b, a) + (8 if arrow else 2))
        self.add("links", f'<path {attributes} d="M{start[0]:.0f} {start[1]:.0f}L{end[0]:.0f} {end[1]:.0f}"/>')
        if arrow:
            self.add("links", arrow_head(start, end, arrow))
        if len(words) > 2:
            label = " ".join(words[2:])
            self.label((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 8 - 15 * label.count("/"), label, "middle", small=True)

    def label(self, x, y, text, anchor, kind="t", bold=False, small=False):
        lines = [part.strip() for part in text.split("/")]
        weight = ' font-weight="600"' if bold else ""
        size = 13 if small else 15
        spans = "".join(f'<tspan x="{x:.0f}" dy="{0 if i == 0 else 17}">{escape(part)}</tspan>' for i, part in enumerate(lines))
        self.add("texts", f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}"{weight}>{spans}</text>')

    def add(self, layer, element):
        self.layers[layer].append(element)

    def svg(self):
        width, height = self.size
        body = "\n".join(line for layer in self.layers.values() for line in layer)
        digest = hashlib.sha256(self.source.encode()).hexdigest()
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
                f'font-family="-apple-system,BlinkMacSystemFont,Segoe UI,Helvetica,Arial,sans-serif">\n'
                f"<!-- drawn by draw.py from the text with the SHA-256 {digest} -->\n"
                f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n"
                f'<rect class="bg" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>\n{body}\n</svg>\n')


def to_border(dx, dy, width, height):
    """How far it is from a box's middle to its border, in that direction."""
    length = math.hypot(dx, dy)
    return min(width / 2 * length / abs(dx) if dx else 1e9, height / 2 * length / abs(dy) if dy else 1e9)


def toward(start, end, distance):
    length = math.hypot(end[0] - start[0], end[1] - start[1]) or 1
    return start[0] + (end[0] - start[0]) * distance / length, start[1] + (end[1] - start[1]) * distance / length


def shifted(points, at, by):
    """The point, moved to the left of the way that leads through it."""
    before, after = points[max(at - 1, 0)], points[min(at + 1, len(points) - 1)]
    dx, dy = after[0] - before[0], after[1] - before[1]
    length = math.hypot(dx, dy) or 1
    return points[at][0] + dy / length * by, points[at][1] - dx / length * by


def arrow_head(start, end, kind):
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    tip = end[0] + 7 * math.cos(angle), end[1] + 7 * math.sin(angle)
    sides = [(tip[0] - 12 * math.cos(angle + turn), tip[1] - 12 * math.sin(angle + turn)) for turn in (0.45, -0.45)]
    return f'<path class="{kind}" d="M' + "L".join(f"{x:.1f} {y:.1f}" for x, y in [tip, *sides]) + 'Z"/>'


if __name__ == "__main__":
    for text in sorted(pathlib.Path(__file__).parent.glob("*.txt")):
        text.with_suffix(".svg").write_text(Picture(text.read_text()).svg())
        print(text.with_suffix(".svg"))
