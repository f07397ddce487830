"""Advice for failed builds, found by patterns in the output; the table is advice.toml."""

import re
import tomllib
from functools import cache
from importlib import resources

_CAUSE = re.compile(r"error|not found|failed|missing", re.IGNORECASE)
_MAX_LINES = 3
_END_OF_OUTPUT = "[end of output]"


def find_advice(output: str) -> str:
    """Return the first piece of advice whose pattern matches; "" if none does."""
    for pattern, text in _table():
        if match := pattern.search(output):
            return text.format(*match.groups())
    return ""


def summarize(output: str) -> str:
    """Return the last lines of a log that look like the cause, joined by " | "."""
    # pip marks the end of the build's output. The lines after it are pip's own.
    said = output.rpartition(_END_OF_OUTPUT)[0] or output
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if _CAUSE.search(line)] or lines
    return " | ".join(telling[-_MAX_LINES:])


@cache
def _table() -> tuple[tuple[re.Pattern[str], str], ...]:
    text = resources.files(__package__).joinpath("advice.toml").read_text(encoding="utf-8")
    return tuple((re.compile(row["pattern"]), row["text"]) for row in tomllib.loads(text)["advice"])
