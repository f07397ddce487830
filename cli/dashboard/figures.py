"""Percentiles, and the parts of time that a picture has. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_PARTS = 60
"""Bars of a picture: more could not be told apart on a phone."""
LENGTHS = tuple(timedelta(minutes=each) for each in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long something took, in milliseconds; all 0 if nothing did."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    longest_ms: float


def measure(milliseconds: Iterable[float]) -> Times:
    """Return the percentiles: the smallest values that so many percent do not exceed."""
    found = sorted(milliseconds)
    if not found:
        return Times(p50_ms=0, p95_ms=0, p99_ms=0, longest_ms=0)

    def at(percent: int) -> float:
        return round(found[math.ceil(len(found) * percent / 100) - 1], 2)

    return Times(p50_ms=at(50), p95_ms=at(95), p99_ms=at(99), longest_ms=round(found[-1], 2))


def choose_length(since: datetime, until: datetime) -> timedelta:
    """Return how long a part of the time is."""
    fitting = (each for each in LENGTHS if (until - since) / each <= MOST_PARTS)
    return next(fitting, LENGTHS[-1])


def divide(since: datetime, until: datetime) -> tuple[datetime, ...]:
    """Return the beginnings of the parts, which are round in the zone of `since`; the first holds `since`."""
    length = choose_length(since, until)
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + (since - midnight) // length * length
    return tuple(begin + number * length for number in range(math.ceil((until - begin) / length) or 1))
