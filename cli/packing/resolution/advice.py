"""Advice for failed builds, found by patterns in the output, and for packages that have to be built, by name.

The tables are in advice.toml.
"""

import re
import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from importlib import resources
from typing import Any

_CAUSE = re.compile(r"error|not found|failed|missing", re.IGNORECASE)
_MAX_LINES = 3
_END_OF_OUTPUT = "[end of output]"


def find_advice(output: str) -> str:
    """Return the first piece of advice whose pattern matches; "" if none does."""
    for pattern, text in _table():
        if match := pattern.search(output):
            return text.format(*match.groups())
    return ""


def find_twin(name: str) -> str:
    """Return what is ready in place of a package that needs a compiler; "" if nothing is known."""
    return str(_content()["twins"].get(name, ""))


def find_ways(names: Collection[str]) -> str:
    """Return what to do about packages that have to be built: what is ready, and how to do without."""
    ways = [f"In place of {name}: {twin}." for name in names if (twin := find_twin(name))]
    return " ".join([*ways, *(["What the app does without, [build] omit leaves out."] if names else [])])


def describe_first_wheels(found: Sequence[tuple[str, str, str]], platform: str) -> str:
    """Return which versions to write; "" if there are none.

    `found` are names with the version that was chosen and the first one that has a wheel.
    """
    if len(found) == 1:
        ((name, version, first),) = found
        line = f"{first} is the first that has: write {name}=={first}."
        return f"{name} {version} has no wheel for {platform}; {line}"
    lines = ", ".join(f"{name}=={first} (not {version})" for name, version, first in found)
    return f"The first versions that have a wheel for {platform}: write {lines}." if found else ""


def summarize(output: str) -> str:
    """Return the last lines of a log that look like the cause, joined by " | "."""
    # pip marks the end of the build's output. The lines after it are pip's own.
    said = output.rpartition(_END_OF_OUTPUT)[0] or output
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if _CAUSE.search(line)] or lines
    return " | ".join(telling[-_MAX_LINES:])


@cache
def _table() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(row["pattern"]), row["text"]) for row in _content()["advice"])


@cache
def _content() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("advice.toml").read_text(encoding="utf-8"))
