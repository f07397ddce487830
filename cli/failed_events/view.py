"""Failures as a person reads them: a table of them, and all that is known of one."""

import json
from collections.abc import Sequence

from lambdify.cli.console import Line
from lambdify.cli.failed_events.failure import Failure
from lambdify.cli.failures import tracebacks
from lambdify.cli.failures.places import Owns
from lambdify.cli.formatting import columns

HEADERS = ("Id", "When", "What", "Tries", "Why")
WIDEST = 70
"""Characters of the reason in a table."""


def show_all(failures: Sequence[Failure]) -> str:
    """Return a table, in the order given."""
    rows = [
        (
            each.short_id,
            f"{each.at.astimezone():%Y-%m-%d %H:%M}",
            each.what,
            str(each.attempts) if each.attempts else "",
            _cut(each.error),
        )
        for each in failures
    ]
    return "\n".join(columns(HEADERS, rows))


def show(failure: Failure, owns: Owns) -> list[Line]:
    """Return all that is known of a failure; frames of files that `owns` does not know are folded."""
    facts = [
        ("id", failure.id),
        ("what", failure.what),
        ("when", f"{failure.at.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("tries", str(failure.attempts) if failure.attempts else ""),
        ("why", failure.error),
        ("from", failure.target),
    ]
    shown = [(name, fact) for name, fact in facts if fact]
    lines = [Line(f"{name:<5}  {fact}", "removed" if name == "why" else "") for name, fact in shown]
    trace = [Line(text, "quiet") for text in tracebacks.fold_text(failure.trace, owns)]
    payload = json.dumps(failure.payload, indent=2, ensure_ascii=False).splitlines()
    return [*lines, *([Line(""), *trace] if trace else []), Line(""), *(Line(text) for text in payload)]


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
