"""Cold starts, counted in the log: CloudWatch has no metric for them, but the report of a request has them.

FilterLogEvents searches the log, which is free, for a few seconds at most. The day of a busy function may
take longer: the count is then a lower limit.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.calls import log_lines
from lambdify.cli.calls.log_lines import LogLine
from lambdify.cli.look.metrics import HOURS
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage

TIMEOUT = 5.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class ColdStarts:
    """The cold starts of the last hours."""

    hours: int
    count: int
    p50_ms: float
    """0 if there were none."""
    longest_ms: float
    complete: bool
    """False if the log was too long to be read to its end."""


@translated(during="looking for cold starts in the log")
def read(
    stage: Stage,
    *,
    timeout: float = TIMEOUT,
    clock: Callable[[], float] = time.monotonic,
) -> ColdStarts | None:
    """Return the cold starts of the last day; None if there is no log. `timeout` is in seconds."""
    since = datetime.now(UTC) - timedelta(hours=HOURS)
    pages = iter(
        stage.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=stage.log_group,
            startTime=round(since.timestamp() * 1000),
            filterPattern=_filter_pattern(stage.settings),
        )
    )
    begun, inits, complete = clock(), list[float](), False
    while not complete and clock() - begun < timeout:
        page = attempt(lambda: next(pages, {}), none_if="^ResourceNotFoundException:")
        if page is None:
            return None
        complete = not page
        inits += [took for event in page.get("events", ()) if (took := _read_init_ms(event))]
    return ColdStarts(
        hours=HOURS,
        count=len(inits),
        p50_ms=round(statistics.median(inits), 2) if inits else 0,
        longest_ms=max(inits, default=0),
        complete=complete,
    )


def _filter_pattern(settings: Settings) -> str:
    """Return the filter pattern that matches only the reports of cold starts."""
    what = "Restore" if settings.function.snapstart else "Init"
    return f'"{what} Duration"' if settings.logs.format == "text" else f"{what.lower()}DurationMs"


def _read_init_ms(event: dict[str, Any]) -> float | None:
    """Return the milliseconds of the init or restore in a report; None for any other line."""
    line = LogLine(id="", at=datetime.fromtimestamp(0, UTC), stream="", message=event["message"].rstrip("\n"))
    entry = log_lines.parse(line)
    if entry.kind != "report":
        return None
    return entry.fields.get("init_duration_ms") or entry.fields.get("restore_duration_ms")
