"""A treemap of a bundle: each distribution is a rectangle as large as its bytes, divided by kind of file.

It is squarified: the rectangles are nearly squares, which are easy to compare and to label. See
Bruls, Huizing, van Wijk, "Squarified Treemaps", https://www.win.tue.nl/~vanwijk/stm.pdf

The picture depends only on the parts: the same bundle gives the same bytes. The page sets colours and fonts
by the shapes' CSS classes.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from lambdify.cli.formatting import size
from lambdify.cli.packing.bundle.sizes import KINDS, BundlePart

GAP = 2.0
"""The gap between two distributions."""
HEADER = 22.0
"""The height of the line with a distribution's name."""
MIN_NAMED_HEIGHT = 40.0
"""The smallest height of a rectangle that shows its distribution's name; every rectangle has a title."""
LINE = 16.0
NAME_ADVANCE, CELL_ADVANCE = 8.6, 7.0
"""The average width of a character in the two font sizes, rounded up, so that no text is cut off."""
MIN_CHARACTERS = 4
"""A name that would be shortened to this number of characters is not shown, nor are its cells' labels."""


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


def arrange(sizes: Sequence[float], box: Box) -> tuple[Box, ...]:
    """Return a rectangle for each size; together they fill `box`.

    The sizes are greater than zero, and sorted, the largest first.
    """
    boxes: list[Box] = []
    scale = box.width * box.height / sum(sizes) if sizes else 0.0
    areas = [each * scale for each in sizes]
    while areas:
        side = min(box.width, box.height)
        count = 1
        while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
            count += 1
        row, areas = areas[:count], areas[count:]
        placed, box = _place(row, box)
        boxes += placed
    return tuple(boxes)


def draw(parts: Sequence[BundlePart], width: float, height: float, css_class: str) -> str:
    """Return an SVG picture of the parts, with titles for hovering.

    It is hidden from screen readers, which need a table with the same content.
    """
    shown = [part for part in parts if part.unzipped]
    total = sum(part.unzipped for part in shown)
    boxes = arrange([part.unzipped for part in shown], Box(0, 0, width, height))
    drawn = "\n".join(_part(part, total, box) for part, box in zip(shown, boxes, strict=True))
    extent = f'viewBox="0 0 {width:g} {height:g}"'
    return f'<svg class="treemap {css_class}" {extent} aria-hidden="true">\n{drawn}\n</svg>'


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest aspect ratio of these areas as rectangles in a row along `side`."""
    thickness = sum(row) / side
    ratios = [area / thickness**2 for area in (max(row), min(row))]
    return max(max(ratio, 1 / ratio) for ratio in ratios)


def _place(row: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """Return the rectangles of a row along the shorter side, and the rest of the box."""
    boxes, at = [], 0.0
    thickness = sum(row) / min(box.width, box.height)
    across = box.width < box.height
    for area in row:
        length = area / thickness
        boxes.append(
            Box(box.x + at, box.y, length, thickness) if across else Box(box.x, box.y + at, thickness, length)
        )
        at += length
    if across:
        return boxes, Box(box.x, box.y + thickness, box.width, box.height - thickness)
    return boxes, Box(box.x + thickness, box.y, box.width - thickness, box.height)


def _part(part: BundlePart, total: int, box: Box) -> str:
    inner = _inset(box, GAP / 2)
    unzipped = f"{size(part.unzipped)} unzipped, {part.unzipped / total:.1%}"
    title = escape(f"{part.name}: {unzipped}; {size(part.zipped)} zipped")
    shapes = [f"<g><title>{title}</title>", _rectangle(inner, "part")]
    header = tuple(_header(part, inner)) if inner.height >= MIN_NAMED_HEIGHT else ()
    if header:
        shapes += header
        inner = _inset(Box(inner.x, inner.y + HEADER, inner.width, inner.height - HEADER), GAP)
    kinds = sorted((kind for kind in KINDS if part.kinds.get(kind)), key=lambda kind: -part.kinds[kind])
    cells = arrange([part.kinds[kind] for kind in kinds], inner)
    for kind, cell in zip(kinds, cells, strict=True):
        shapes += _cell(part, kind, cell, labelled=bool(header))
    return "".join([*shapes, "</g>"])


def _header(part: BundlePart, box: Box) -> Iterator[str]:
    """Yield the name, and the size if there is room for both."""
    room = int((box.width - 12) / NAME_ADVANCE)
    weight = size(part.unzipped)
    names = [part.name, part.name.split(" ")[0]] if part.name[-1:].isdigit() else [part.name]
    for name in names:
        if len(name) + 2 + len(weight) <= room:
            yield _text(box.x + 6, box.y + LINE - 1, name, "name")
            yield _text(box.x + box.width - 6, box.y + LINE - 1, weight, "name size")
            return
    fitting = next((name for name in names if len(name) <= room), _shorten(names[-1], room))
    if fitting:
        yield _text(box.x + 6, box.y + LINE - 1, fitting, "name")


def _cell(part: BundlePart, kind: str, box: Box, *, labelled: bool) -> Iterator[str]:
    weight = size(part.kinds[kind])
    title = f"<title>{escape(part.name)}: {weight} of {kind}</title>"
    yield f"<g>{title}{_rectangle(_inset(box, 0.5), kind)}"
    room = int((box.width - 10) / CELL_ADVANCE)
    lines = [line for line in (kind, weight) if labelled and len(line) <= room]
    if len(lines) == 2 and box.height >= 2 * LINE + 4:
        for number, line in enumerate(lines, 1):
            yield _text(box.x + 6, box.y + number * LINE, line, "label")
    elif lines and box.height >= LINE + 4:
        both = f"{kind} {weight}"
        yield _text(box.x + 6, box.y + LINE, both if len(both) <= room else lines[0], "label")
    yield "</g>"


def _shorten(name: str, room: int) -> str:
    return f"{name[: room - 1]}…" if room > MIN_CHARACTERS else ""


def _inset(box: Box, by: float) -> Box:
    return Box(box.x + by, box.y + by, max(box.width - 2 * by, 0.1), max(box.height - 2 * by, 0.1))


def _rectangle(box: Box, css_class: str) -> str:
    x, y, width, height = (f"{number:.2f}" for number in box)
    return f'<rect class="{css_class}" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>'


def _text(x: float, y: float, text: str, css_class: str) -> str:
    return f'<text class="{css_class}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
