"""An access log as the traffic of a month: how many requests, for how long, and how many at once.

    lines ─▶ requests ─▶ in order ─▶ environments, simulated ─▶ Traffic

A log may have millions of lines: none are kept but those of the last minute.
"""

import gzip
import heapq
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from statistics import median
from typing import BinaryIO

from lambdify.cli.check import log_line
from lambdify.cli.check.environments import Environments
from lambdify.cli.check.log_line import Request, Unit
from lambdify.cli.errors import UsageError
from lambdify.cli.formatting import visible_line

MONTH = 730 * 3600
"""Seconds of a month, as AWS's own estimates have it."""
SHORTEST = 3600.0
"""Seconds that a log is taken for at least: a minute of traffic says nothing about a month."""
DISORDER = 60.0
"""Seconds by which lines may be out of order: a server writes them as requests end, and several at once."""
SAMPLE = 2000
"""Lines that tell the unit of times without one."""
METERED = 512 * 1024
"""Bytes of a response that an HTTP API counts as one request.
https://aws.amazon.com/api-gateway/pricing/"""
FILES = re.compile(
    r"^/(static|assets|media)/|\.(css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|txt|xml)(\?|$)"
)
"""Paths of files, which a server in front of the app sends itself."""
SECONDS: dict[Unit, float] = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
NAMES: dict[Unit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The requests of a month to the app."""

    requests: float
    seconds: float
    """Mean duration."""
    metered: float
    """Requests as an HTTP API counts them, each begun 512 KB being one."""
    bytes_out: float
    cold: float
    """Share of requests that meet a cold start, from 0 to 1."""
    at_once: int
    """The most environments that are busy at a time; 0 if it is not known."""
    source: "Source | None" = None
    """What it was read from; None if it is assumed."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The log that traffic was read from."""

    lines: int
    unread: int
    """Lines that are no requests, or tell no moment."""
    app: int
    """Requests to the app."""
    files: int
    """Requests for files."""
    days: float
    times: str
    """The unit of the times: "seconds"; "" if the log has none."""


def assume(requests: float, *, seconds: float, cold: float) -> Traffic:
    """Return traffic of so many requests a month, each of that duration, with small responses."""
    return Traffic(requests=requests, seconds=seconds, metered=requests, bytes_out=0, cold=cold, at_once=0)


def scale(traffic: Traffic, requests: float) -> Traffic:
    """Return traffic of so many requests a month, of the same kinds."""
    times = requests / traffic.requests if traffic.requests else 0
    return replace(
        traffic,
        requests=requests,
        metered=traffic.metered * times,
        bytes_out=traffic.bytes_out * times,
        at_once=0,
    )


def text_of(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a log, which may be compressed with gzip."""
    data = io.BufferedReader(file)  # type: ignore[type-var]
    packed = data.peek(2)[:2] == b"\x1f\x8b"
    yield from io.TextIOWrapper(gzip.GzipFile(fileobj=data) if packed else data, "utf-8", errors="replace")


def read(lines: Iterable[str], *, assumed: float = 0.1, init: float = 1.0, warm: int = 1) -> Traffic:
    """Return the month that a log stands for. Raises UsageError if no line of it can be read.

    `assumed` are the seconds of a request if the log has no times, `init` those of a cold start; `warm`
    environments are kept so.
    """
    log = _Log()
    requests = log.requests(lines)
    first = list(islice(requests, SAMPLE))
    if not first:
        raise _nothing(log)
    unit = _unit([each.time for each in first if each.time is not None and each.unit == "?"])
    environments = Environments(init=init, warm=warm)
    for request in _in_order(chain(first, requests)):
        if FILES.search(request.path):
            log.files += 1
            continue
        seconds = _seconds(request, unit)
        log.add(request, seconds, unit)
        environments.serve(request.at, assumed if seconds is None else seconds)
    return log.month(environments, assumed)


def _nothing(log: "_Log") -> UsageError:
    if not log.lines:
        return UsageError("The log is empty.")
    return UsageError(
        f"No line of the log can be read ({log.lines:,}); the first is: {visible_line(log.first[:160])}",
        hint="It may be of nginx, Apache, gunicorn or a load balancer (ALB), or JSON, each line with a date.",
    )


def _unit(times: list[float]) -> Unit:
    """Return the unit of whole numbers: requests take some milliseconds, and in seconds most take 0."""
    usual = median(times) if times else 0
    return "us" if usual >= 1000 else "ms" if usual > 0 else "s"


def _seconds(request: Request, unit: Unit) -> float | None:
    if request.time is None:
        return None
    return request.time * SECONDS[unit if request.unit == "?" else request.unit]


def _in_order(requests: Iterable[Request]) -> Iterator[Request]:
    """Yield the requests in the order of time, as far as they are at most DISORDER seconds late."""
    waiting: list[tuple[float, int, Request]] = []
    for number, request in enumerate(requests):
        heapq.heappush(waiting, (request.at, number, request))
        while waiting[0][0] < request.at - DISORDER:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


@dataclass
class _Log:
    """What was read so far."""

    lines: int = 0
    unread: int = 0
    first: str = ""
    """The first line that could not be read."""
    begin: float = math.inf
    end: float = -math.inf
    files: int = 0
    app: int = 0
    timed: int = 0
    seconds: float = 0.0
    metered: int = 0
    size: int = 0
    unit: Unit = "?"

    def requests(self, lines: Iterable[str]) -> Iterator[Request]:
        """Yield the lines as requests; those that are none are counted, and blank ones are not."""
        for line in lines:
            if not line.strip():
                continue
            self.lines += 1
            request = log_line.read(line)
            if request is None:
                self.unread += 1
                self.first = self.first or line.strip()
                continue
            self.begin, self.end = min(self.begin, request.at), max(self.end, request.at)
            yield request

    def add(self, request: Request, seconds: float | None, unit: Unit) -> None:
        """Count a request to the app."""
        self.app += 1
        self.metered += max(1, -(-request.size // METERED))
        self.size += request.size
        if seconds is not None:
            self.timed += 1
            self.seconds += seconds
            self.unit = unit if request.unit == "?" else request.unit

    def month(self, environments: Environments, assumed: float) -> Traffic:
        """Return the traffic of a month that goes on like this."""
        span = max(self.end - self.begin, SHORTEST)
        month = MONTH / span
        source = Source(
            lines=self.lines,
            unread=self.unread,
            app=self.app,
            files=self.files,
            days=span / 86400,
            times=NAMES.get(self.unit, ""),
        )
        return Traffic(
            requests=self.app * month,
            seconds=self.seconds / self.timed if self.timed else assumed,
            metered=self.metered * month,
            bytes_out=self.size * month,
            cold=environments.cold / self.app if self.app else 0.0,
            at_once=environments.most,
            source=source,
        )
