"""A model of how many page views wait for a cold start, by how many environments are kept warm.

    python benchmarks/cold_starts.py            # the tables of docs/cold-starts.md
    python benchmarks/cold_starts.py --write    # the same, written there

    visitors ──a page, then what it asks for──▶ ┌ environments ┐
    keep-warm calls ──N at once──────────────▶ └──────────────┘ ──▶ share of views that waited for a start

It is a model, not a measurement: nobody but AWS knows when environments go. What it assumes:

- An environment works on one request at a time. A free one goes when it was idle for some minutes (`IDLE`),
  and each after some hours (`LIFE`); both are drawn evenly between two limits.
- Of several free ones, the one that was used last gets the request. AWS does not say which does; this is the
  worst case for the others.
- A cold start takes 1.2 s, a request 80 ms in the middle, some of them much longer (log-normal).
- Visitors come independently of each other, at the rate of the hour. When a page has come, the browser asks
  for its parts at once, within some 10 ms.
- A call that keeps N environments warm holds each as long as adapter/aws/warming.py does.

The dice are seeded, so each run gives the same figures.
"""

import argparse
import heapq
import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "cold-starts.md"
BEGIN, END = "<!-- model: begin -->", "<!-- model: end -->"
DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
IDLE = (5.5, 15.0)
"""Minutes; so most measurements of others say, which differ from year to year."""
LIFE = (90.0, 300.0)
"""Minutes."""
INIT, MEDIAN, SPREAD = 1.2, 0.08, 0.9
HOLD, LEAD = 0.1, 0.03
DEFAULT = 7
COUNTS = (0, 1, 3, 5, DEFAULT, 9)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Page views of a day, in its busy hours; at night there are few."""

    name: str
    views: int
    parts: int
    """What the browser asks for at once when a page has come."""
    hours: tuple[int, int] = (7, 23)
    quiet: float = 0.02
    """The rate of the other hours, as a part of that of the busy ones."""
    days: int = 14

    def moments(self, dice: random.Random) -> Iterator[float]:
        """Yield when pages are asked for, in seconds."""
        begin, end = self.hours
        busy = self.views / ((end - begin) * HOUR)
        for hour in range(24 * self.days):
            rate = busy if begin <= hour % 24 < end else busy * self.quiet
            moment = hour * HOUR
            while rate and (moment := moment + dice.expovariate(rate)) < (hour + 1) * HOUR:
                yield moment


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is kept warm, and how Lambda is assumed to be."""

    warm: int = DEFAULT
    every: float = 5.0
    """Minutes."""
    idle: tuple[float, float] = IDLE
    deployments: int = 0
    """A day."""
    started: int = 1
    """Environments that a new version has when the traffic moves to it."""


@dataclass
class Environment:
    """One: when it is free again, when it goes if nobody asks it before, and when it goes in any case."""

    free: float
    goes: float
    dies: float


class Lambda:
    """The environments of a function."""

    def __init__(self, idle: tuple[float, float], dice: random.Random) -> None:
        self._idle, self._dice = idle, dice
        self._environments: list[Environment] = []

    def serve(self, now: float, seconds: float) -> tuple[bool, float]:
        """Answer a request; return whether it waited for a cold start, and when it is answered."""
        self._environments = [each for each in self._environments if each.goes > now]
        free = [each for each in self._environments if each.free <= now]
        chosen = max(free, key=lambda each: each.free) if free else self._start(now)
        chosen.free = now + seconds + (0.0 if free else INIT)
        chosen.goes = max(chosen.free, min(chosen.dies, chosen.free + self._draw(self._idle)))
        return not free, chosen.free

    def deploy(self, now: float, number: int) -> None:
        """Replace all environments by so many of a new version."""
        self._environments.clear()
        for _ in range(number):
            started = self._start(now)
            started.goes = min(started.dies, now + self._draw(self._idle))

    def _start(self, now: float) -> Environment:
        made = Environment(now, now, now + self._draw(LIFE))
        self._environments.append(made)
        return made

    def _draw(self, minutes: tuple[float, float]) -> float:
        return MINUTE * self._dice.uniform(*minutes)


def simulate(traffic: Traffic, setup: Setup, seed: int = 1) -> float:
    """Return the share of page views of which any part waited for a cold start."""
    dice = random.Random(seed)
    function = Lambda(setup.idle, random.Random(seed + 1))
    order = itertools.count()
    events: list[tuple[float, int, Callable[[float], None]]] = []
    waited: set[int] = set()

    def at(moment: float, what: Callable[[float], None]) -> None:
        heapq.heappush(events, (moment, next(order), what))

    def request(view: int, parts: int) -> Callable[[float], None]:
        def ask(now: float) -> None:
            cold, answered = function.serve(now, dice.lognormvariate(0, SPREAD) * MEDIAN)
            if cold:
                waited.add(view)
            for _ in range(parts):
                at(answered + 0.05 + dice.expovariate(100), request(view, 0))

        return ask

    def keep_warm(now: float) -> None:
        others = setup.warm - 1
        for number in range(setup.warm):
            seconds = HOLD + LEAD * (others if not number else others - number) if others else 0.002
            at(now + LEAD * number, lambda then, held=seconds: function.serve(then, held))

    moments = list(traffic.moments(dice))
    for view, moment in enumerate(moments):
        at(moment, request(view, traffic.parts))
    for moment in _every(setup.every * MINUTE if setup.warm else 0, traffic.days):
        at(moment, keep_warm)
    for moment in _every(DAY / setup.deployments if setup.deployments else 0, traffic.days):
        at(moment, lambda now: function.deploy(now, setup.started))
    while events:
        now, _, what = heapq.heappop(events)
        what(now)
    return len(waited) / len(moments)


def _every(seconds: float, days: int) -> Iterable[float]:
    return (number * seconds for number in range(int(days * DAY / seconds))) if seconds else ()


BLOG = Traffic(name="blog, 200 views a day", views=200, parts=0)
OFFICE = Traffic(name="office, 3,000 views from 9 to 17", views=3_000, parts=4, hours=(9, 17), days=7)
SHOP = Traffic(name="shop, 30,000 views a day", views=30_000, parts=4, days=1)
TRAFFIC = (
    Traffic(name="webhook, 300 a day and night", views=300, parts=0, hours=(0, 24)),
    BLOG,
    replace(BLOG, parts=3),
    replace(BLOG, parts=6),
    OFFICE,
    SHOP,
)


def describe(traffic: Traffic) -> str:
    """Return the name of a row."""
    return f"{traffic.name}; page and {traffic.parts} at once" if traffic.parts else traffic.name


def row(name: str, shares: Iterable[float]) -> str:
    """Return a row of a table; shares are in percent."""
    return f"| {name} | {' | '.join(_percent(each) for each in shares)} |"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.0995 else f"{share:.1%}" if share >= 0.00995 else f"{share:.2%}"


def by_count(traffic: Traffic) -> str:
    """Return the row of a kind of traffic in the first table."""
    return row(describe(traffic), (simulate(traffic, Setup(warm=count)) for count in COUNTS))


def by_idle_time(idle: tuple[float, float]) -> str:
    """Return the row of an idle time in the second table."""
    pauses = (3.0, 5.0, 10.0)
    shares = (simulate(replace(BLOG, parts=6), Setup(idle=idle, every=every)) for every in pauses)
    return row(f"{idle[0]:g} to {idle[1]:g} minutes", shares)


def by_started(traffic: Traffic, deployments: int) -> str:
    """Return the row of a kind of traffic in the third table."""
    setups = (Setup(deployments=deployments, started=started) for started in (1, DEFAULT))
    name = f"{describe(traffic)}; {deployments} deployments a day"
    return row(name, (simulate(traffic, setup) for setup in setups))


def tables() -> Iterator[str]:
    """Yield the lines of the tables."""
    yield header("page views that wait for a cold start, `concurrency` =", map(str, COUNTS))
    yield from map(by_count, TRAFFIC)
    yield ""
    yield header(
        f"the blog's page and 6, `concurrency = {DEFAULT}`, environments go after",
        _named("every {} min", 3, 5, 10),
    )
    yield from map(by_idle_time, ((4.0, 6.0), IDLE, (30.0, 45.0)))
    yield ""
    yield header("environments that a new version has before it gets traffic", ("1", f"all {DEFAULT}"))
    yield by_started(OFFICE, 20)
    yield by_started(SHOP, 20)


def header(name: str, columns: Iterable[str]) -> str:
    """Return the first two lines of a table."""
    names = [*columns]
    return f"| {name} | {' | '.join(names)} |\n| --- | {' | '.join('---:' for _ in names)} |"


def _named(text: str, *numbers: int) -> Iterator[str]:
    return (text.format(each) for each in numbers)


def main() -> None:
    """Print the tables, or write them."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--write", action="store_true", help=f"write them to {PAGE.name}")
    given = options.parse_args()
    text = "\n".join(tables())
    if not given.write:
        print(text)
        return
    page = PAGE.read_text(encoding="utf-8")
    inside = re.compile(f"(?<={re.escape(BEGIN)}\n).*(?={re.escape(END)})", re.DOTALL)
    PAGE.write_text(inside.sub(lambda _: f"\n{text}\n\n", page), encoding="utf-8")


if __name__ == "__main__":
    main()
