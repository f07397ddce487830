"""Invocations, put together from all that the log has of each. Pure.

    START, FUNCTION, what was written, {"lambdify": ...}, REPORT   ──▶ Invocation

Whose it is tells the stream, where a Lambda is one function's own, else the adapter's line about a function.
The adapter's line about a request makes it a visit: no keep-warm call and no trial of a version leaves one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from lambdify.cli.calls.log_lines import INIT, LogEntry

STREAM = re.compile(r"(?:.*/)?(?P<function>[^/\[]*)\[(?P<version>[^\]]+)\]")
"""A stream's name: 2026/11/23/shop-dev[9]0123456789abcdef."""
BAD = ("ERROR", "FATAL")


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of a Lambda of the stage."""

    request: str
    at: datetime
    """When it ended."""
    version: str
    environment: str
    """The stream of its execution environment, which works on one call at a time."""
    function: str
    """The function of [functions], "tasks" or "commands"; "" for the web app."""
    duration_ms: float
    init_ms: float | None
    """What its cold start took; None if it met none."""
    billed_ms: float
    memory_mb: int
    """What the Lambda has, of which it used a part."""
    failed: bool
    """Whether it timed out, died or raised, or logged an exception."""
    route: str = ""
    """Which route of the web app it was; "" if that is not known, and for all that is no request."""
    method: str = ""
    status: int = 0

    @property
    def is_visit(self) -> bool:
        """Whether it is a request, of which the adapter has told the route."""
        return bool(self.route)

    @property
    def wait_ms(self) -> float:
        """What its caller waited, with the cold start."""
        return self.duration_ms + (self.init_ms or 0)

    @property
    def came(self) -> datetime:
        """When it came."""
        return self.at - timedelta(milliseconds=self.wait_ms)


def collect(entries: Iterable[LogEntry], functions: Mapping[str, str]) -> tuple[Invocation, ...]:
    """Return the invocations that ended, in the order of their ends.

    `functions` are those with a Lambda of their own: the function's name by that of the Lambda.
    """
    found: dict[tuple[str, str], list[LogEntry]] = {}
    for entry in entries:
        if entry.request not in ("", INIT):
            found.setdefault((entry.stream, entry.request), []).append(entry)
    calls = (attempt for lines in found.values() for attempt in _split(lines))
    made = (_summarize(lines, functions) for lines in calls)
    return tuple(sorted((each for each in made if each), key=lambda each: each.at))


def function_of(stream: str, functions: Mapping[str, str]) -> str:
    """Return which function with a Lambda of its own writes to a stream; "" if none."""
    found = STREAM.match(stream)
    return functions.get(found["function"], "") if found else ""


def _split(lines: list[LogEntry]) -> Iterator[list[LogEntry]]:
    """Yield the lines of each attempt: Lambda repeats an event under the same id."""
    starts = 0

    def attempt(entry: LogEntry) -> int:
        nonlocal starts
        starts += entry.kind == "start"
        return max(starts, 1)

    yield from (list(each) for _, each in groupby(lines, key=attempt))


def _summarize(lines: list[LogEntry], functions: Mapping[str, str]) -> Invocation | None:
    """Return the invocation; None if neither its end nor its answer is in the log yet."""
    report = next((each for each in lines if each.kind == "report"), None)
    told = next((each for each in lines if each.kind == "request"), None)
    end = report or told
    if end is None:
        return None
    measured: Mapping[str, Any] = report.fields if report else {}
    answer: Mapping[str, Any] = told.fields if told else {}
    named = next((each.fields["name"] for each in lines if each.kind == "function"), "")
    stream = STREAM.match(end.stream)
    duration = _number(measured.get("duration_ms", answer.get("ms")))
    init = measured.get("init_duration_ms", measured.get("restore_duration_ms"))
    return Invocation(
        request=end.request,
        at=end.at,
        version=stream["version"] if stream else "",
        environment=end.stream,
        function=named or function_of(end.stream, functions),
        duration_ms=duration,
        init_ms=None if init is None else _number(init),
        billed_ms=_number(measured.get("billed_duration_ms", duration)),
        memory_mb=int(_number(measured.get("memory_size_mb"))),
        failed=any(each.level in BAD and (each.kind == "report" or _raised(each)) for each in lines),
        route=str(answer.get("route", "")),
        method=str(answer.get("method", "")),
        status=int(_number(answer.get("status"))),
    )


def _raised(entry: LogEntry) -> bool:
    return "stackTrace" in entry.fields or "Traceback (most recent call last)" in entry.message


def _number(value: object) -> float:
    """Return a number of the log; 0 for anything else: the line may be an app's own."""
    return float(value) if isinstance(value, int | float) else 0.0
