"""lambdify logs: the function's lines in CloudWatch Logs, past ones and new ones.

Lines of several environments reach CloudWatch out of order and up to some seconds late. So each request goes
back a little, and lines that were shown are skipped. New lines are requested every second, which is free, or
sent by Live Tail, which is faster; if Live Tail is not available, they are requested.
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
"""How late a line may arrive and still be shown."""
PAUSE = 1.0
"""Seconds between requests.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""
BACKFILL_AFTER = 10
"""Updates of Live Tail, one a second, after which late lines from before its start are requested."""
INIT_LIMIT = timedelta(seconds=60)
"""How long before a request its init may have begun, and still be shown with the request."""
END_OF_PAGES: dict[str, Any] = {}
"""Marks the end of the pages."""
PATTERN = re.compile(r'[{\[%?"-]')
"""First characters of CloudWatch's filter patterns; any other text is searched for as it is."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which lines to fetch."""

    since: datetime
    pattern: str = ""
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"""
    streams: tuple[str, ...] = ()
    until: datetime | None = None


def filter_pattern(text: str) -> str:
    """Return CloudWatch's filter pattern for a text: a pattern unchanged, other text as a quoted phrase."""
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
    """Yield the lines since then, oldest first; with `follow` new ones too, with `live` by Live Tail.

    `note` is called with the reason if Live Tail is not available, or if it leaves lines out. Raises
    NotDeployed.
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


def read_between(stage: Stage, since: datetime, until: datetime) -> Iterator[LogLine]:
    """Yield the lines of that time as CloudWatch gives them, both ends included. Raises NotDeployed."""
    return _fetch_lines(Search(since=since, until=until), stage)


def read_request(request: str, stage: Stage, *, since: datetime) -> list[LogEntry]:
    """Return all lines of one request, and of its init; `request` is the id, or its first characters.

    An invocation that Lambda retried has the same id in all attempts: all are returned. [] if there is none.
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
    """Return the entries of the request, and those of the init right before it."""
    first = next((at for at, entry in enumerate(entries) if entry.request.startswith(request)), len(entries))
    begin = first
    while begin and entries[begin - 1].request == INIT:
        begin -= 1
    return [*entries[begin:first], *(each for each in entries[first:] if each.request.startswith(request))]


class _SeenLines:
    """The lines that were shown already, so that none is shown twice, whichever way it comes.

    Live Tail gives no ids, so stream, time and text identify a line. Equal lines are counted.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, datetime, str]] = Counter()
        self._live: Counter[tuple[str, datetime, str]] = Counter()

    def add(self, lines: Iterable[LogLine], *, live: bool = False) -> Iterator[LogLine]:
        """Yield the lines that were not shown yet. `live` lines come from Live Tail, which repeats none."""
        counted = self._live if live else Counter()
        for line in lines:
            key = (line.stream, line.at, line.message)
            counted[key] += 1
            if counted[key] > self._seen[key]:
                self._seen[key] = counted[key]
                yield line

    def begin(self) -> None:
        """Note that a new session of Live Tail begins: it may send lines of the last one again."""
        self._live.clear()

    def forget(self, search: Search) -> Search:
        """Return the next search, which goes back as far as late lines may arrive; forget older lines."""
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
    """Yield the lines that Live Tail sends; after the three hours of a session, start another one."""
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
    """Yield the lines that exist now, page by page, so that the first lines of a busy log appear at once."""
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
