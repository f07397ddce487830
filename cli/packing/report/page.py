"""The report as an HTML page.

Tables show the same data as the picture, for screen readers and for searching. The same bundle gives the same
page, but for measured times.
"""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from lambdify.cli.formatting import size
from lambdify.cli.packing.bundle.sizes import KINDS
from lambdify.cli.packing.report import treemap
from lambdify.cli.packing.report.cold_start import ColdStart, NotMeasured
from lambdify.cli.pages import document
from lambdify.cli.pages.document import Column

if TYPE_CHECKING:
    from lambdify.cli.packing.report.report import Report

NAME = "lambdify-report.html"
TEMPLATE, STYLE = (Path(__file__).with_name(name) for name in ("page.html", "page.css"))
WIDE, NARROW = (document.WIDE, 600.0), (document.NARROW, 560.0)
"""The sizes of the picture."""
SHARE = "share"
"""The column with a bar for each number, and its CSS class."""


def write(report: "Report", path: Path) -> None:
    """Write the page atomically."""
    document.write(render(report), path)


def render(report: "Report") -> str:
    """Return the page as HTML."""
    kinds = {kind: sum(part.kinds.get(kind, 0) for part in report.parts) for kind in KINDS}
    used = [kind for kind in KINDS if kinds[kind]]
    meter = (f'<span class="{kind}" style="width:{kinds[kind] / report.limit:.3%}"></span>' for kind in used)
    legend = (f'<li><i class="{kind}"></i>{kind} {size(kinds[kind])}</li>' for kind in used)
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
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
    title = f"{report.name}: what is in the bundle"
    return document.render(title, STYLE.read_text(encoding="utf-8"), body)


def _contents(report: "Report") -> str:
    headers = ("", "unzipped", SHARE, "zipped", *KINDS, "files")
    largest = max((part.unzipped for part in report.parts), default=1)
    rows = [
        (
            part.name,
            size(part.unzipped),
            document.share(part.unzipped, report.unzipped, largest),
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
    return document.table("bytes", about, _columns(headers), rows, foot=last)


def _start(start: ColdStart | NotMeasured | None) -> str:
    if start is None:
        return ""
    if isinstance(start, NotMeasured):
        return f"<h2>Cold start</h2>\n<p>Not measured: {escape(start.reason)}.</p>"
    rows = [
        (
            each.name,
            f"{each.milliseconds:.1f} ms",
            document.share(each.milliseconds, start.milliseconds, start.imports[0].milliseconds),
            f"{each.modules:,}",
        )
        for each in start.imports
    ]
    last = ("together", f"{start.milliseconds:.1f} ms", "", f"{start.modules:,}")
    about = (
        "What a starting function imports, each without what that imports in turn; measured with the bundle, "
        "on the machine that packed it. On Lambda the proportions hold, the milliseconds do not."
    )
    headers = _columns(("", "time", SHARE, "modules"))
    table = document.table("imports", about, headers, rows, foot=last)
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
    headers = _columns(("", "zipped", "unzipped", "files"))
    return document.table("zips", "Named by their content.", headers, rows, foot=last)


def _columns(headers: Iterable[str]) -> list[Column]:
    return [Column(header, SHARE if header == SHARE else "") for header in headers]
