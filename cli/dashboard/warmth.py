"""How many environments visitors would have needed at once, and what keeping so many warm costs. Pure.

A request meets a cold start if each environment that there is works on another one. With N of them kept warm,
only a request that comes while N others run still does. So for each request that met one, those are counted
that ran when it came; each without its own cold start, which would not have been there either.

The log does not tell when it came: AWS fetches the code first, for a time that no line has. But environments
of its version that worked before and after were there, and had no place for it. So they count as well.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from lambdify.cli.dashboard.invocations import Invocation
from lambdify.cli.plan import costs

EVERY = 5
"""Minutes between two keep-warm calls that are priced where the stage has none."""
MOST = 20
"""More than this is no matter of keeping warm, but of provisioned concurrency."""

UNTOLD = "not told from keep-warm calls: requests = true under [logs] in lambdify.toml tells them"
"""What is said of visitors where no request leaves a line."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a number of environments that are kept warm would have done."""

    concurrency: int
    spared: int
    """Visitors that would have met no cold start."""
    usd_per_month: float
    """For all of them."""


@dataclass(frozen=True, kw_only=True)
class Warmth:
    """What came at once, and what would have been warm for it."""

    visitors: int
    at_once: int
    """The most requests that ran at the same time."""
    overlapped: int
    """Requests that came while another one ran."""
    cold: int
    """Requests that met a cold start."""
    kept: int
    """Environments that are kept warm."""
    advice: Offer | None
    """The fewest environments that would have spared as many as any number could; None if no more than those
    that are kept warm would have."""


def compute(
    visits: Sequence[Invocation], *, kept: int, every: int, memory: int, architecture: str, most: int = MOST
) -> Warmth:
    """Return what the visits, which are requests, needed.

    `kept` are the environments that are kept warm, by a call every so many minutes; `memory` is in MB.
    """
    begins = sorted(each.came for each in visits)
    ends = sorted(_find_ends(visits))
    lives = _find_lives(visits)
    places = [max(_count_running(each, begins, ends), 1 + _count_busy(each, lives)) for each in visits]
    needed = [place for each, place in zip(visits, places, strict=True) if each.init_ms is not None]
    chosen = min(max(needed, default=0), most)
    offer = Offer(
        concurrency=chosen,
        spared=sum(kept < each <= chosen for each in needed),
        usd_per_month=round(
            costs.price_keep_warm(every, chosen, memory=memory, architecture=architecture), 4
        ),
    )
    return Warmth(
        visitors=len(visits),
        at_once=max(places, default=0),
        overlapped=sum(each > 1 for each in places),
        cold=len(needed),
        kept=kept,
        advice=offer if offer.spared else None,
    )


def describe(warmth: Warmth) -> str:
    """Return what visitors met, and what would have spared them, as sentences; "" if nobody came."""
    if not warmth.visitors:
        return ""
    many = f"{warmth.visitors:,}, at most {warmth.at_once:,} at once"
    busy = f"{many}; {warmth.overlapped:,} came while another one ran"
    if not warmth.cold:
        return f"{busy}; none met a cold start"
    if warmth.advice is None:
        more = f"keeping more than {warmth.kept} warm would have spared none"
        return f"{busy}; {warmth.cold:,} met a cold start, and {more}"
    offer = warmth.advice
    dollars = costs.format_dollars(offer.usd_per_month)
    line = f"concurrency = {offer.concurrency} under [warm]"
    spared = f"would have spared {offer.spared:,}, for about {dollars} a month"
    return f"{busy}; {warmth.cold:,} met a cold start: {line} {spared}"


def _find_ends(visits: Sequence[Invocation]) -> Iterator[datetime]:
    """Yield when each visit would have ended without its cold start, before the next one in its environment.

    The log's times and durations are of different clocks, by some milliseconds.
    """
    by_environment = sorted(visits, key=lambda each: (each.environment, each.came))
    for visit, later in zip_longest(by_environment, by_environment[1:]):
        end = visit.came + timedelta(milliseconds=visit.duration_ms)
        yield min(end, later.came) if later and later.environment == visit.environment else end


def _find_lives(visits: Sequence[Invocation]) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """Return when the first and the last visit came to each environment, by its version and name."""
    lives: dict[tuple[str, str], tuple[datetime, datetime]] = {}
    for each in visits:
        key = (each.version, each.environment)
        first, last = lives.get(key, (each.came, each.came))
        lives[key] = (min(first, each.came), max(last, each.came))
    return lives


def _count_busy(visit: Invocation, lives: Mapping[tuple[str, str], tuple[datetime, datetime]]) -> int:
    """Return how many other environments were there when a visit met a cold start; 0 if it met none."""
    if visit.init_ms is None:
        return 0
    return sum(
        version == visit.version and environment != visit.environment and first < visit.came < last
        for (version, environment), (first, last) in lives.items()
    )


def _count_running(visit: Invocation, begins: Sequence[datetime], ends: Sequence[datetime]) -> int:
    """Return how many requests ran when this one came, it included."""
    return max(1, bisect_right(begins, visit.came) - bisect_right(ends, visit.came))
