"""Stages by a pattern: [stages."pr-*"] is for stages that begin with "pr-" and have no table of their own.

Such stages are made for a while, as previews of pull requests are. So by default nothing keeps them warm,
little of them is kept, and nobody is told of their failures. And they cannot be protected, since somebody has
to remove them without being asked.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lambdify.cli.errors import SettingsError

ANY = "*"
PATTERN = r"^[A-Za-z0-9][A-Za-z0-9-]*-\*$"
"""The beginning of a stage's name, a hyphen and a star."""
EXAMPLE = "zz0zz0"
"""Stands for any name: what no name of a project has in it by chance."""
DEFAULTS: Mapping[str, Any] = {
    "warm": {"every": "off"},
    "release": {"keep": 1},
    "logs": {"retention": 3},
    "alarms": {"email": [], "topic": "", "slow": ""},
    "protect": False,
}
"""What such stages have, unless their own table says otherwise."""


def find(stages: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns among the names of the tables, the longest first."""
    return tuple(sorted((name for name in stages if ANY in name), key=lambda name: (-len(name), name)))


def match(stage: str, stages: Iterable[str]) -> str | None:
    """Return the pattern for a stage without a table of its own; None if there is none."""
    begins = ((name, name.removesuffix(ANY)) for name in find(stages))
    return next((name for name, begin in begins if stage.startswith(begin) and stage != begin), None)


def require(stages: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns, the longest first. Raises SettingsError if there are none."""
    found = find(stages)
    if not found:
        raise SettingsError(
            "No stage is declared by a pattern, so there are no previews.",
            hint='Write [stages."pr-*"] into the settings: it may be empty.',
        )
    return found


def example(pattern: str) -> str:
    """Return the name of a stage that the pattern matches."""
    return f"{pattern.removesuffix(ANY)}{EXAMPLE}"


def check(name: str, table: Mapping[str, Any], locate: Callable[[tuple[str, ...]], str]) -> None:
    """Raise SettingsError for what no pattern may be, and for what no stage of a pattern may have."""
    if not re.search(PATTERN, name):
        raise SettingsError(
            f'{locate(("stages", name))}: "{name}" is no pattern for stages.',
            hint='A pattern is the beginning of a name, a hyphen and a star: [stages."pr-*"].',
        )
    if table.get("protect"):
        raise SettingsError(
            f"{locate(('stages', name, 'protect'))}: stages by a pattern cannot be protected.",
            hint="`lambdify previews prune` removes them without asking. Name the stage that has to stay.",
        )
