"""The report of an examination: lines for a person, values for a program.

stops      hosts    shop/settings.py:28  ALLOWED_HOSTS = []
                    Django answers 400 to every request for a host that ALLOWED_HOSTS does not have.
                    → ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from textwrap import wrap
from typing import Any

from lambdify.cli.check.examination import Examination
from lambdify.cli.check.rules import finding as catalogue
from lambdify.cli.check.rules.finding import LEVELS, Finding
from lambdify.cli.check.start import Start
from lambdify.cli.console import Line
from lambdify.cli.formatting import duration

MOST_LINES = 5
"""Places that are shown of a rule."""
WIDTH = 100
"""Columns of what is said of a rule. What is to be written stays on one line, so that it can be copied."""
START = "start"
"""What stands in the place of a rule where the app is started."""
STYLES = {"stops": "danger", "surprises": "changed", "note": ""}
SUMMARIES = {"stops": "will fail", "surprises": "will surprise", "note": "to know"}


def show(found: Examination, start: Start | None = None, *, most: int = MOST_LINES) -> list[Line]:
    """Return how the app starts, all findings, grouped by level and rule, and a summary."""
    lines = groups(found.findings, start=start, most=most)
    return [*lines, Line(summarize(found, start), "title")]


def groups(findings: Sequence[Finding], *, start: Start | None = None, most: int = MOST_LINES) -> list[Line]:
    """Return findings, grouped by level and rule; at most so many places of each."""
    names = [each.rule for each in findings]
    width = max(map(len, [*names, START] if start else names), default=0)
    lines = list(_tell_start(start, width)) if start else []
    said = "stops" if start and start.stops else ""
    for (level, rule), each in groupby(findings, key=lambda each: (each.level, each.rule)):
        head = "" if level == said else level
        lines += _group(head, rule, list(each), width, most)
        said = level
    return lines


def summarize(found: Examination, start: Start | None = None) -> str:
    """Return "1 will fail, 2 will surprise; 14 files of app:app read, it starts in 0.6 s"."""
    counts = {level: found.count(level) for level in LEVELS}
    counts["stops"] += bool(start and start.stops)
    said = ", ".join(f"{count} {SUMMARIES[level]}" for level, count in counts.items() if count)
    left_out = f", {found.ignored} ignored" if found.ignored else ""
    files = "1 file" if found.files == 1 else f"{found.files} files"
    starts = f", it starts in {duration(start.seconds)}" if start and start.kind == "starts" else ""
    return f"{said or 'Nothing found'}{left_out}; {files} of {found.app or 'the functions'} read{starts}"


def to_value(found: Examination, start: Start | None = None) -> dict[str, Any]:
    """Return all findings for --json, each with why and what to do, and how the app starts."""
    return {
        "app": found.app,
        "files": found.files,
        "ignored": found.ignored,
        "findings": [_describe(each) for each in found.findings],
        "start": asdict(start) if start else None,
    }


def _tell_start(start: Start, width: int) -> Iterator[Line]:
    """Yield why the app cannot be started, or why that is not known."""
    if start.kind == "starts":
        return
    level, style = ("stops", "danger") if start.stops else ("note", "")
    message = start.message if start.stops else f"whether it starts cannot be told here: {start.message}"
    margin = _margin(width)
    yield Line(f"{level:<11}{START:<{width}}  {message}", style)
    yield from (Line(f"{margin}{each}", "quiet") for each in start.lines)
    yield from (Line(f"{margin}→ {each}") for each in start.hint.splitlines())


def _margin(width: int) -> str:
    return " " * (11 + width + 2)


def _describe(each: Finding) -> dict[str, Any]:
    rule = catalogue.find(each.rule)
    return {**each._asdict(), "why": rule.why, "todo": each.todo or rule.todo}


def _group(level: str, name: str, found: list[Finding], width: int, most: int) -> Iterator[Line]:
    style, rule = STYLES[found[0].level], catalogue.find(name)
    margin = _margin(width)
    place = max(len(each.place) for each in found[:most])
    for index, each in enumerate(found[:most]):
        head = f"{level:<11}{name:<{width}}  " if index == 0 else margin
        yield Line(f"{head}{each.place:<{place}}  {each.what}", style)
    if len(found) > most:
        yield Line(f"{margin}and {len(found) - most} more", style)
    for line in wrap(rule.why, WIDTH - len(margin), break_on_hyphens=False):
        yield Line(f"{margin}{line}", "quiet")
    for todo in dict.fromkeys(each.todo or rule.todo for each in found[:most]):
        yield Line(f"{margin}→ {todo}", "")
