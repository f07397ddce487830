"""lambdify logs: the function's lines in CloudWatch Logs, those that there are and those that come.

Lines of several environments reach CloudWatch out of order and up to some seconds late, so each look goes
back a little, and what was told once is not told again. Following asks every second, which is free, or has
Live Tail send them, which is quicker; where that is not to be had, it asks.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.calls.log_lines import INIT, LogEntry, LogLine
from lambdify.cli.calls.log_lines import read as read_lines
from lambdify.cli.errors import AccessDenied, AwsError
from lambdify.cli.look import live_tail
from lambdify.cli.stacks import stack
from lambdify.cli.stage import Stage

INGESTION_DELAY = timedelta(seconds=30)
"""How late a line may come and still be told."""
PAUSE = 1.0
"""Seconds between two looks: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""
BACKFILL_AFTER = 10
"""Updates of Live Tail, one a second, after which lines that were late at its begin are looked for."""
INIT_LIMIT = timedelta(seconds=60)
"""How long before its request an init may have begun, and still be shown with it."""
END_OF_PAGES: dict[str, Any] = {}
"""Stands behind the last page."""
PATTERN = re.compile(r'[{\[%?"-]')
"""What CloudWatch's own patterns begin with; anything else is text to look for."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which lines."""

    since: datetime
    pattern: str = ""
    """CloudWatch's: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"""
    streams: tuple[str, ...] = ()
    until: datetime | None = None


def filter_pattern(text: str) -> str:
    """CloudWatch's pattern for a text: a pattern as it is, anything else as that very phrase."""
    if not text or PATTERN.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read(
    stage: Stage,
    *,
    since: datetime,
    pattern: str = "",
    follow: bool = False,
    live: bool = False,
    note: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """The lines since then, oldest first, and with `follow` those still to come, with `live` by Live Tail.

    `note` is told why Live Tail was given up, or that it leaves lines out. Raises NotDeployed.
    """
    # CloudWatch counts in milliseconds.
    search = Search(since=since.replace(microsecond=since.microsecond // 1000 * 1000), pattern=pattern)
    seen = _SeenLines()
    if follow and live:
        try:
            yield from _follow_live(search, seen, stage, note, sleep)
        except (AccessDenied, AwsError) as error:
            note(f"Live Tail is not to be had ({error.message}): asking every second instead.")
    while True:
        yield from seen.add(_fetch_lines(seen.forget(search), stage))
        if not follow:
            return
        sleep(PAUSE)


def read_request(request: str, stage: Stage, *, since: datetime) -> list[LogEntry]:
    """All lines of one request, by its id or how that begins, and of the init that was done for it.

    An invocation that Lambda tried again has the same id: all its attempts are there. [] where there is none.
    """
    hits = list(_fetch_lines(Search(since=since, pattern=filter_pattern(request)), stage))
    found: list[LogEntry] = []
    for stream in dict.fromkeys(line.stream for line in hits):
        moments = [line.at for line in hits if line.stream == stream]
        around = Search(
            since=min(moments) - INIT_LIMIT, until=max(moments) + timedelta(seconds=1), streams=(stream,)
        )
        entries = list(read_lines(_fetch_lines(around, stage)))
        found += _select(entries, request)
    return found


def _select(entries: list[LogEntry], request: str) -> list[LogEntry]:
    """Those of the request, and what the init right before it wrote."""
    first = next((at for at, entry in enumerate(entries) if entry.request.startswith(request)), len(entries))
    begin = first
    while begin and entries[begin - 1].request == INIT:
        begin -= 1
    return [*entries[begin:first], *(each for each in entries[first:] if each.request.startswith(request))]


class _SeenLines:
    """What was told, so that it is not told again, whichever way it comes.

    Live Tail tells no ids: a line is what it says, where and when; the second of two equal ones is another.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, datetime, str]] = Counter()
        self._live: Counter[tuple[str, datetime, str]] = Counter()

    def add(self, lines: Iterable[LogLine], *, live: bool = False) -> Iterator[LogLine]:
        """Those that were not told yet, of a look, or of Live Tail, which sends each line once."""
        counted = self._live if live else Counter()
        for line in lines:
            key = (line.stream, line.at, line.message)
            counted[key] += 1
            if counted[key] > self._seen[key]:
                self._seen[key] = counted[key]
                yield line

    def begin(self) -> None:
        """A session of Live Tail begins: it may send anew what another one sent."""
        self._live.clear()

    def forget(self, search: Search) -> Search:
        """The next search: only as far back as lines may still come; what is older is forgotten."""
        newest = max((at for _, at, _ in self._seen), default=search.since)
        since = max(search.since, newest - INGESTION_DELAY)
        for counter in (self._seen, self._live):
            for key in [key for key in counter if key[1] < since]:
                del counter[key]
        return Search(since=since, pattern=search.pattern)


def _follow_live(
    search: Search,
    seen: _SeenLines,
    stage: Stage,
    note: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Iterator[LogLine]:
    """Lines for as long as Live Tail sends them; a session that ended after its three hours is begun anew."""
    group, warned = stage.log_group, False

    def sampled() -> None:
        nonlocal warned
        if not warned:
            note("There are more than 500 lines a second: Live Tail leaves some out.")
            warned = True

    while True:
        seen.begin()
        updates = live_tail.open_session(group, search.pattern, stage.account, sampled=sampled)
        for number, lines in enumerate(updates):
            if number in {0, BACKFILL_AFTER}:
                yield from seen.add(_fetch_lines(seen.forget(search), stage))
            yield from seen.add(lines, live=True)
        sleep(PAUSE)


def _fetch_lines(search: Search, stage: Stage) -> Iterator[LogLine]:
    """What there is now, page by page: of a busy log the first lines are there long before the last."""
    wanted: dict[str, Any] = {
        "logGroupName": stage.log_group,
        "startTime": _milliseconds(search.since),
    }
    if search.streams:
        wanted["logStreamNames"] = list(search.streams)
    if search.pattern:
        wanted["filterPattern"] = search.pattern
    if search.until:
        wanted["endTime"] = _milliseconds(search.until)
    with translated(during="reading the logs"):
        pages = iter(stage.client("logs").get_paginator("filter_log_events").paginate(**wanted))
        while True:
            page = attempt(lambda: next(pages, END_OF_PAGES), none_if="^ResourceNotFoundException:")
            if page is None:
                raise stack.not_deployed(stage)
            if page is END_OF_PAGES:
                return
            yield from sorted(map(_read_line, page["events"]), key=lambda line: line.at)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _read_line(event: dict[str, Any]) -> LogLine:
    return LogLine(
        id=event["eventId"],
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        stream=event["logStreamName"],
        message=event["message"].rstrip("\n"),
    )
