"""A page: one HTML file for any browser, any width, light or dark mode.

It loads no other files and runs no scripts, which its Content-Security-Policy enforces. What a page shows was
often written by others, so every text is escaped unless it is Markup.
"""

import os
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

from lambdify.cli.formatting import visible

TEMPLATE = Path(__file__).with_name("document.html")
WIDE, NARROW = 1120.0, 368.0
"""The widths of a picture for a screen and of that for a phone; a scaled picture would be unreadable."""
PUBLIC, PRIVATE = 0o644, 0o600


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


class Column(NamedTuple):
    """The head of a column."""

    header: str
    css_class: str = ""
    """"share" for numbers with a bar, "text" for words; "" for plain numbers."""


def text(value: str) -> str:
    """Return a text as HTML: escaped, with control characters written out; Markup as it is."""
    return value if isinstance(value, Markup) else escape(visible(value))


def render(title: str, style: str, body: str) -> str:
    """Return the page as HTML; `style` is CSS of its own, `body` is HTML."""
    skeleton = Template(TEMPLATE.read_text(encoding="utf-8"))
    return skeleton.substitute(title=text(title), style=style.strip(), body=body.strip())


def write(page: str, path: Path, *, mode: int = PUBLIC) -> None:
    """Write the page atomically, with that file mode."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        Path(unfinished).chmod(mode)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def table(
    name: str,
    about: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    foot: Sequence[str] | None = None,
) -> str:
    """Return a table whose first column has the names of the rows; `foot` has the sums.

    `name` is the id of the text about it, and so unique in a page.
    """
    classes = [f' class="{column.css_class}"' if column.css_class else "" for column in columns]

    def row(cells: Sequence[str]) -> str:
        first = text(cells[0])
        title = "" if isinstance(cells[0], Markup) else f' title="{first}"'
        data = (
            f"<td{css_class}>{text(cell)}</td>"
            for cell, css_class in zip(cells[1:], classes[1:], strict=True)
        )
        return f'<tr><th scope="row"{title}>{first}</th>{"".join(data)}</tr>'

    head = "".join(
        f'<th scope="col"{css_class}>{text(column.header)}</th>'
        for column, css_class in zip(columns, classes, strict=True)
    )
    lines = "\n".join(map(row, rows))
    sums = f"\n<tfoot>{row(foot)}</tfoot>" if foot else ""
    # A scrolling region has to be accessible by keyboard, and then needs a name.
    return (
        f'<p class="quiet about" id="{name}">{text(about)}</p>\n'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">\n'
        f'<table aria-labelledby="{name}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody>{sums}\n</table></div>"
    )


def share(part: float, total: float, largest: float, said: str = "") -> Markup:
    """Return a part of a total with a bar, which is as long as the part is of the largest one.

    `said` stands before the bar; the part in percent if it is "".
    """
    shown = said or f"{part / total if total else 0:.1%}"
    return Markup(
        f'<b>{escape(shown)}</b><i style="width:{5 * part / largest if largest else 0:.2f}rem"></i>'
    )
