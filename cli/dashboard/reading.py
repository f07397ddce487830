"""The lines of a stage's log of the last hours, as far back as they can be read in some time.

FilterLogEvents is free, but gives old lines first, and of a busy log a day takes minutes. So the last hour is
read first, then the two before, then the four before those: what is left out at last is the oldest part.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdify.cli.calls.log_lines import LogLine
from lambdify.cli.look import logs
from lambdify.cli.stage import Stage

PATIENCE = 60.0
"""Seconds that are spent on reading."""
FIRST_PART = timedelta(hours=1)
"""The part that is read first; each further one is twice as long."""
STEP = timedelta(milliseconds=1)
"""CloudWatch counts in milliseconds, and a search includes its end."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Lines of the log, oldest first: every one between two moments."""

    lines: tuple[LogLine, ...]
    since: datetime
    until: datetime
    complete: bool
    """False if it goes less far back than was asked for."""


def read(
    stage: Stage,
    *,
    since: datetime,
    until: datetime,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
) -> Reading:
    """Return the lines between the two moments; those that `patience`, in seconds, is enough for.

    Raises NotDeployed.
    """
    deadline = clock() + patience
    parts: list[list[LogLine]] = []
    begin = until
    for start, end in split(since, until):
        lines: list[LogLine] = []
        for line in logs.read_between(stage, start, end if end == until else end - STEP):
            if clock() > deadline:
                # Of a log that is too busy for the first part, its beginning is better than nothing.
                kept = parts or [lines]
                first, last = (begin, until) if parts else (start, line.at)
                return Reading(lines=_join(kept), since=first, until=last, complete=False)
            lines.append(line)
        parts.append(lines)
        begin = start
    return Reading(lines=_join(parts), since=begin, until=until, complete=True)


def split(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts to read, newest first."""
    length, end = FIRST_PART, until
    while end > since:
        start = max(since, end - length)
        yield start, end
        length, end = 2 * length, start


def _join(parts: list[list[LogLine]]) -> tuple[LogLine, ...]:
    return tuple(sorted((line for part in reversed(parts) for line in part), key=lambda line: line.at))
