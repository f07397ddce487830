"""The report as an HTML page: one file for any browser, any width, light or dark mode.

The page loads no other files and runs no scripts, which its Content-Security-Policy enforces. Tables show the
same data as the picture, for screen readers and for searching. The same bundle gives the same page, but for
measured times.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from lambdify.cli.formatting import size
from lambdify.cli.packing.bundle.sizes import KINDS
from lambdify.cli.packing.report import treemap
from lambdify.cli.packing.report.cold_start import ColdStart, NotMeasured

if TYPE_CHECKING:
    from lambdify.cli.packing.report.report import Report

NAME = "lambdify-report.html"
TEMPLATE = Path(__file__).with_name("page.html")
WIDE, NARROW = (1120.0, 600.0), (368.0, 560.0)
"""The sizes of the picture for a screen and of that for a phone; a scaled picture would be unreadable."""


def write(report: "Report", path: Path) -> None:
    """Write the page atomically."""
    text = render(report)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def render(report: "Report") -> str:
    """Return the page as HTML."""
    kinds = {kind: sum(part.kinds.get(kind, 0) for part in report.parts) for kind in KINDS}
    used = [kind for kind in KINDS if kinds[kind]]
    meter = (f'<span class="{kind}" style="width:{kinds[kind] / report.limit:.3%}"></span>' for kind in used)
    legend = (f'<li><i class="{kind}"></i>{kind} {size(kinds[kind])}</li>' for kind in used)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=escape(report.name),
        target=escape(f"{report.runtime} on {report.architecture}"),
        unzipped=size(report.unzipped),
        zipped=size(report.zipped),
        limit=size(report.limit),
        share=f"{report.unzipped / report.limit:.0%}",
        meter="".join(meter),
        legend="".join(legend),
        pictures="\n".join(
            treemap.draw(report.parts, *extent, css_class)
            for extent, css_class in ((WIDE, "wide"), (NARROW, "narrow"))
        ),
        contents=_contents(report),
        start=_start(report.cold_start),
        advice=_advice(report.advice),
        archives=_archives(report),
    )


def _contents(report: "Report") -> str:
    headers = ("", "unzipped", "share", "zipped", *KINDS, "files")
    largest = max((part.unzipped for part in report.parts), default=1)
    rows = [
        (
            part.name,
            size(part.unzipped),
            _share(part.unzipped, report.unzipped, largest),
            size(part.zipped),
            *(size(part.kinds[kind]) if kind in part.kinds else "" for kind in KINDS),
            f"{part.files:,}",
        )
        for part in report.parts
    ]
    totals = (sum(part.kinds.get(kind, 0) for part in report.parts) for kind in KINDS)
    files = sum(part.files for part in report.parts)
    last = ("together", size(report.unzipped), "", size(report.zipped), *map(size, totals), f"{files:,}")
    about = "Bytes, by distribution and kind of file; the largest first."
    return _table("bytes", about, headers, [*rows, last])


def _start(start: ColdStart | NotMeasured | None) -> str:
    if start is None:
        return ""
    if isinstance(start, NotMeasured):
        return f"<h2>Cold start</h2>\n<p>Not measured: {escape(start.reason)}.</p>"
    rows = [
        (
            each.name,
            f"{each.milliseconds:.1f} ms",
            _share(each.milliseconds, start.milliseconds, start.imports[0].milliseconds),
            f"{each.modules:,}",
        )
        for each in start.imports
    ]
    last = ("together", f"{start.milliseconds:.1f} ms", "", f"{start.modules:,}")
    about = (
        "What a starting function imports, each without what that imports in turn; measured with the bundle, "
        "on the machine that packed it. On Lambda the proportions hold, the milliseconds do not."
    )
    table = _table("imports", about, ("", "time", "share", "modules"), [*rows, last])
    return f"<h2>Cold start</h2>\n{table}"


def _advice(lines: Iterable[str]) -> str:
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<h2>What could be less</h2>\n<ul class="advice">\n{items}\n</ul>' if items else ""


def _archives(report: "Report") -> str:
    rows = [
        (each.path.name, size(each.zipped), size(each.unzipped), f"{each.files:,}")
        for each in report.archives
    ]
    last = (
        "together",
        size(report.zipped),
        size(report.unzipped),
        f"{sum(each.files for each in report.archives):,}",
    )
    return _table("zips", "Named by their content.", ("", "zipped", "unzipped", "files"), [*rows, last])


def _table(name: str, about: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column has the names of the rows, and whose last row has the sums."""
    classes = [' class="share"' if header == "share" else "" for header in headers]

    def row(cells: Sequence[str]) -> str:
        first = escape(cells[0])
        data = (
            # A share contains markup, so it is not escaped.
            f"<td{css_class}>{cell if css_class else escape(cell)}</td>"
            for cell, css_class in zip(cells[1:], classes[1:], strict=True)
        )
        return f'<tr><th scope="row" title="{first}">{first}</th>{"".join(data)}</tr>'

    head = (f'<th scope="col"{each}>{header}</th>' for header, each in zip(headers, classes, strict=True))
    *body, foot = map(row, rows)
    lines = "\n".join(body)
    # A scrolling region has to be accessible by keyboard, and then needs a name.
    return (
        f'<p class="quiet about" id="{name}">{escape(about)}</p>\n'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">\n'
        f'<table aria-labelledby="{name}">\n<thead><tr>{"".join(head)}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n<tfoot>{foot}</tfoot>\n</table></div>"
    )


def _share(amount: float, total: float, largest: float) -> str:
    return f'<b>{amount / total:.1%}</b><i style="width:{5 * amount / largest:.2f}rem"></i>'
