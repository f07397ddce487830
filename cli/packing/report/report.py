"""The report on a bundle: its parts, its size compared with Lambda's limits, and files that were left out."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.console import Console
from lambdify.cli.failures import variables
from lambdify.cli.failures.project import Project
from lambdify.cli.formatting import size
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.bundle.secret_scan import DATABASE, Leak
from lambdify.cli.packing.bundle.sizes import KINDS, UNZIPPED_LIMIT, BundlePart
from lambdify.cli.packing.bundle.zips import Archive
from lambdify.cli.storage import links

if TYPE_CHECKING:
    from lambdify.cli.packing.report.cold_start import ColdStart, NotMeasured

MAX_ROWS = 15
"""The number of distributions with a row of their own; smaller ones share a row."""
MAX_LINKS = 5
"""Links that are named; more are counted."""
WARNING_SHARE = 0.8
"""The share of the limit above which there is a warning."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report, as `package --report --json` and the page show it; sizes in bytes."""

    name: str
    runtime: str
    architecture: str
    limit: int
    """Lambda's limit for unzipped bytes."""
    unzipped: int
    zipped: int
    archives: tuple[Archive, ...]
    parts: tuple[BundlePart, ...]
    """The largest first."""
    cold_start: "ColdStart | NotMeasured | None"
    """None if no measurement was requested."""
    advice: tuple[str, ...]
    page: Path


def show(bundle: Bundle, project: Project, console: Console) -> None:
    """Show a bundle's parts, zips, left out files and leaks on the console."""
    console.table(("", "zipped", "unzipped", "files"), _rows(bundle))
    for archive in bundle.archives:
        console.note(f"{archive.path.name}: {size(archive.zipped)}, {archive.files:,} files")
    _show_left_out(bundle, project, console)
    for leak in bundle.leaks:
        console.warn(_describe_leak(leak))
    unzipped = sum(archive.unzipped for archive in bundle.archives)
    if unzipped > WARNING_SHARE * UNZIPPED_LIMIT:
        console.warn(
            f"The bundle has {unzipped / UNZIPPED_LIMIT:.0%} of what Lambda takes; the largest is "
            f"{bundle.parts[0].name}."
        )


def _describe_leak(leak: Leak) -> str:
    if leak.what == DATABASE:
        return (
            f"{leak.path} is {DATABASE}, and is packed: in Lambda it can be read and not written, and each "
            "execution environment has a copy of its own. Leave it out by a line in .lambdifyignore, or use "
            "a database that all of them share."
        )
    place = f"{leak.path}:{leak.line}" if leak.line else leak.path
    return f"{place} looks like {leak.what}, and is packed: whoever can read the function can read it."


def show_in_full(report: Report, console: Console) -> None:
    """Show each distribution's kinds of files, the cold start and the advice on the console."""
    rows = [
        (part.name, *(size(part.kinds[kind]) if kind in part.kinds else "" for kind in KINDS))
        for part in report.parts
    ]
    sums = (sum(part.kinds.get(kind, 0) for part in report.parts) for kind in KINDS)
    console.table(("unzipped", *KINDS), [*rows, ("together", *map(size, sums))])
    console.note(f"{size(report.unzipped)} are {report.unzipped / report.limit:.1%} of Lambda's limit.")
    if report.cold_start:
        _show_start(report.cold_start, console)
    for line in report.advice:
        console.note(line)


def _show_start(start: "ColdStart | NotMeasured", console: Console) -> None:
    # The module is imported only if a measurement was requested.
    from lambdify.cli.packing.report.cold_start import NotMeasured

    if isinstance(start, NotMeasured):
        console.warn(f"The cold start was not measured: {start.reason}.")
        return
    times = [(each.name, f"{each.milliseconds:.1f} ms", f"{each.modules:,}") for each in start.imports]
    last = ("together", f"{start.milliseconds:.1f} ms", f"{start.modules:,}")
    console.table(("cold start", "imports", "modules"), [*times, last])


def _rows(bundle: Bundle) -> list[tuple[str, ...]]:
    shown, rest = bundle.parts[:MAX_ROWS], bundle.parts[MAX_ROWS:]
    rows = [(part.name, size(part.zipped), size(part.unzipped), str(part.files)) for part in shown]
    for name, parts in ((f"{len(rest)} smaller ones", rest), ("together", bundle.parts)):
        if parts:
            unzipped = size(sum(part.unzipped for part in parts))
            zipped = size(sum(part.zipped for part in parts))
            rows.append((name, zipped, unzipped, str(sum(part.files for part in parts))))
    return [*rows, ("Lambda's limit", "", size(UNZIPPED_LIMIT), "")]


def _show_left_out(bundle: Bundle, project: Project, console: Console) -> None:
    """Show the number of left out files by reason, and the path of every secret."""
    reasons = Counter(item.reason for item in bundle.left_out if not item.secret)
    if reasons:
        counted = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        console.note(f"Left out: {counted}")
    _show_links(bundle, console)
    secrets = sorted((item for item in bundle.left_out if item.secret), key=lambda item: item.reason)
    for reason, group in groupby(secrets, key=lambda item: item.reason):
        items = list(group)
        console.note(f"Never packed ({reason}): {', '.join(item.path for item in items)}")
        for advice in filter(None, (variables.advise(item.path, project) for item in items)):
            console.note(advice)
    if secrets:
        example = next((item.path for item in secrets if not item.path.endswith("/")), "PATH")
        console.note(
            f'If the app itself has to read one of them, [build] include = ["{example}"] packs it: whoever '
            "can read the function can read it then."
        )


def _show_links(bundle: Bundle, console: Console) -> None:
    """Name the links that are not followed; the app may need what those out of the project lead to."""
    refused = [item for item in bundle.left_out if item.target]
    outside = [item for item in refused if item.reason == links.OUTSIDE]
    if lost := [f"{item.path} → {item.target} ({item.reason})" for item in refused if item not in outside]:
        console.note(f"Not followed: {', '.join(_shorten(lost))}")
    if outside:
        named = ", ".join(_shorten([f"{item.path} → {item.target}" for item in outside]))
        console.warn(
            f"Not packed, since they lead out of the project and its repository: {named}. "
            f'If the app needs one: [build] include = ["{outside[0].path}"]'
        )


def _shorten(items: list[str]) -> list[str]:
    more = len(items) - MAX_LINKS
    return [*items[:MAX_LINKS], f"and {more} more"] if more > 0 else items
