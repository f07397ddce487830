"""The report of an examination: lines for a person, values for a program.

stops      hosts    shop/settings.py:28  ALLOWED_HOSTS = []
                    Django answers 400 to every request for a host that ALLOWED_HOSTS does not have.
                    → ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from lambdify.cli.check.examination import Examination
from lambdify.cli.check.rules import finding as catalogue
from lambdify.cli.check.rules.finding import LEVELS, Finding
from lambdify.cli.console import Line

MOST_LINES = 5
"""Places that are shown of a rule."""
WIDTH = 100
"""Columns of what is said of a rule. What is to be written stays on one line, so that it can be copied."""
STYLES = {"stops": "danger", "surprises": "changed", "note": ""}
SUMMARIES = {"stops": "will fail", "surprises": "will surprise", "note": "to know"}


def show(found: Examination, *, most: int = MOST_LINES) -> list[Line]:
    """Return all findings, grouped by level and rule, and a summary."""
    return [*groups(found.findings, most=most), Line(summarize(found), "title")]


def groups(findings: Sequence[Finding], *, most: int = MOST_LINES) -> list[Line]:
    """Return findings, grouped by level and rule; at most so many places of each."""
    width = max((len(each.rule) for each in findings), default=0)
    lines: list[Line] = []
    said = ""
    for (level, rule), each in groupby(findings, key=lambda each: (each.level, each.rule)):
        head = "" if level == said else level
        lines += _group(head, rule, list(each), width, most)
        said = level
    return lines


def summarize(found: Examination) -> str:
    """Return how many findings there are: "1 will fail, 2 will surprise; 14 files of app:app read"."""
    counts = {level: found.count(level) for level in LEVELS}
    said = (
        ", ".join(f"{count} {SUMMARIES[level]}" for level, count in counts.items() if count)
        or "Nothing found"
    )
    left_out = f", {found.ignored} ignored" if found.ignored else ""
    files = "1 file" if found.files == 1 else f"{found.files} files"
    return f"{said}{left_out}; {files} of {found.app} read"


def to_value(found: Examination) -> dict[str, Any]:
    """Return all findings for --json, each with why and what to do."""
    return {
        "app": found.app,
        "files": found.files,
        "ignored": found.ignored,
        "findings": [_describe(each) for each in found.findings],
    }


def _describe(each: Finding) -> dict[str, Any]:
    rule = catalogue.find(each.rule)
    return {**each._asdict(), "why": rule.why, "todo": each.todo or rule.todo}


def _group(level: str, name: str, found: list[Finding], width: int, most: int) -> Iterator[Line]:
    style, rule = STYLES[found[0].level], catalogue.find(name)
    margin = " " * (11 + width + 2)
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
