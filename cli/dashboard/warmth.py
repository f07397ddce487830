"""How many environments visitors would have needed at once, and what keeping so many warm costs. Pure.

A request meets a cold start if each environment that there is works on another one. With N of them kept warm,
only a request that comes while N others run still does. So for each request that met one, those are counted
that ran when it came; each without its own cold start, which would not have been there either.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdify.cli.dashboard.invocations import Invocation
from lambdify.cli.plan import costs

EVERY = 5
"""Minutes between two keep-warm calls that are priced where the stage has none."""
MOST = 20
"""More than this is no matter of keeping warm, but of provisioned concurrency."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a number of environments that are kept warm would have done."""

    concurrency: int
    spared: int
    """Visitors that would have met no cold start."""
    usd_per_month: float


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
    advice: Offer | None
    """The fewest environments that would have spared as many as any number could; None if none were cold."""


def compute(
    visits: Sequence[Invocation], *, every: int, memory: int, architecture: str, most: int = MOST
) -> Warmth:
    """Return what the visits, which are requests, needed.

    `every` are the minutes between two keep-warm calls, and `memory` is in MB.
    """
    begins = sorted(each.came for each in visits)
    ends = sorted(each.came + timedelta(milliseconds=each.duration_ms) for each in visits)
    places = {each.request: _count_running(each, begins, ends) for each in visits}
    needed = sorted(places[each.request] for each in visits if each.init_ms is not None)
    advice = None
    if needed:
        chosen = min(max(needed), most)
        advice = Offer(
            concurrency=chosen,
            spared=sum(each <= chosen for each in needed),
            usd_per_month=round(
                costs.price_keep_warm(every, chosen, memory=memory, architecture=architecture), 4
            ),
        )
    return Warmth(
        visitors=len(visits),
        at_once=max(places.values(), default=0),
        overlapped=sum(each > 1 for each in places.values()),
        cold=len(needed),
        advice=advice,
    )


def _count_running(visit: Invocation, begins: Sequence[datetime], ends: Sequence[datetime]) -> int:
    """Return how many requests ran when this one came, it included."""
    return max(1, bisect_right(begins, visit.came) - bisect_right(ends, visit.came))
