"""What the log tells of some hours, as numbers. Pure: the page draws them, and --json has the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdify.cli.calls.log_lines import LogEntry
from lambdify.cli.dashboard import failures, figures, invocations, warmth
from lambdify.cli.dashboard.failures import Failure
from lambdify.cli.dashboard.figures import Times
from lambdify.cli.dashboard.invocations import Invocation
from lambdify.cli.dashboard.warmth import Warmth
from lambdify.cli.failures.places import Owns
from lambdify.cli.plan import costs
from lambdify.cli.settings import Settings

HOURS_PER_MONTH = 730
CLIENT_ERROR, SERVER_ERROR = 400, 500


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Requests, and how many of them were answered with an error."""

    requests: int
    answers_4xx: int
    answers_5xx: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the time, of which the pictures have a bar each."""

    begins: datetime
    answers: Answers
    times: Times
    cold_met: int
    """Cold starts that a visitor met."""
    cold_others: int
    """Cold starts that nobody waited for, as far as is known: of keep-warm calls, trials and functions."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """What came of the requests to one route."""

    method: str
    route: str
    answers: Answers
    times: Times
    cold: int
    usd: float


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """A cold start that a visitor met."""

    at: datetime
    request: str
    method: str
    route: str
    init_ms: float
    wait_ms: float
    version: str


@dataclass(frozen=True, kw_only=True)
class ColdStarts:
    """All cold starts."""

    count: int
    met: tuple[ColdStart, ...]
    """Those that visitors met, the last one first."""
    init: Times


@dataclass(frozen=True, kw_only=True)
class FunctionUse:
    """What a function did, or the tasks, or commands."""

    name: str
    runs: int
    failed: int
    times: Times
    cold: int
    usd: float
    last_failed: str
    """The request of the last failure; "" if there was none."""


@dataclass(frozen=True, kw_only=True)
class ReleaseMark:
    """A release that was begun in that time."""

    number: int
    at: datetime
    by: str
    commit: str
    version: str
    failed: bool


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the calls and requests of that time cost, without logs, free tiers and what costs when idle."""

    usd: float
    usd_per_month: float
    """If every hour is like these."""
    basis: str
    """Region and date of the prices."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What one stage did between two moments."""

    stage: str
    region: str
    since: datetime
    until: datetime
    hours: float
    """What was asked for."""
    complete: bool
    """False if the log was too long to be read that far back: then all counts are lower limits."""
    routes_known: bool
    """Whether requests left a line that tells their route. Otherwise `answers` counts all calls of the web
    app, keep-warm calls among them, and knows no status."""
    answers: Answers
    times: Times
    parts: tuple[Part, ...]
    calls: int
    """Everything that Lambda was called for."""
    cold_starts: ColdStarts
    routes: tuple[Route, ...]
    """The most frequent first."""
    failures: tuple[Failure, ...]
    functions: tuple[FunctionUse, ...]
    releases: tuple[ReleaseMark, ...]
    cost: Cost
    warmth: Warmth | None
    """None if visitors cannot be told from keep-warm calls."""
    tasks_waiting: int | None
    """None if the stage has no queue of tasks."""
    given_up: int | None
    """Events and tasks that were given up, whenever; None if the stage has neither functions nor tasks."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the numbers are made of."""

    entries: Sequence[LogEntry]
    since: datetime
    until: datetime
    hours: float
    complete: bool
    releases: tuple[ReleaseMark, ...]
    functions: Mapping[str, str]
    """The functions with a Lambda of their own, by the name of the Lambda."""
    region: str
    logs: str
    """The command that shows the stage's log."""
    tasks_waiting: int | None = None
    given_up: int | None = None


def compute(source: Source, settings: Settings, owns: Owns) -> Numbers:
    """Return the numbers; `owns` knows the project's files."""
    calls = invocations.collect(source.entries, source.functions)
    web = [each for each in calls if not each.function]
    known = settings.logs.requests or any(each.is_visit for each in web)
    visits = [each for each in web if each.is_visit] if known else web
    return Numbers(
        stage=settings.full_name,
        region=source.region,
        since=source.since,
        until=source.until,
        hours=source.hours,
        complete=source.complete,
        routes_known=known,
        answers=_count_answers(visits),
        times=figures.measure(each.wait_ms for each in visits),
        parts=_divide(source, calls, visits),
        calls=len(calls),
        cold_starts=_cold_starts(calls, visits if known else ()),
        routes=_routes(visits, settings) if known else (),
        failures=failures.group(source.entries, calls, source.functions, owns, source.logs),
        functions=_functions(calls, settings),
        releases=source.releases,
        cost=_cost(calls, visits, source, settings),
        warmth=compute_warmth(visits, settings) if known else None,
        tasks_waiting=source.tasks_waiting,
        given_up=source.given_up,
    )


def _count_answers(visits: Iterable[Invocation]) -> Answers:
    statuses = [each.status for each in visits]
    return Answers(
        requests=len(statuses),
        answers_4xx=sum(CLIENT_ERROR <= each < SERVER_ERROR for each in statuses),
        answers_5xx=sum(each >= SERVER_ERROR for each in statuses),
    )


def _divide(source: Source, calls: Sequence[Invocation], visits: Sequence[Invocation]) -> tuple[Part, ...]:
    begins = figures.divide(source.since.astimezone(), source.until.astimezone())
    length = figures.choose_length(source.since, source.until)
    found: dict[int, list[Invocation]] = defaultdict(list)
    for each in calls:
        found[(each.at - begins[0]) // length].append(each)
    seen = {id(each) for each in visits}
    return tuple(_part(begin, found[number], seen) for number, begin in enumerate(begins))


def _part(begin: datetime, calls: Sequence[Invocation], visits: set[int]) -> Part:
    chosen = [each for each in calls if id(each) in visits]
    cold = sum(each.init_ms is not None for each in calls)
    met = sum(each.init_ms is not None and each.is_visit for each in calls)
    return Part(
        begins=begin,
        answers=_count_answers(chosen),
        times=figures.measure(each.wait_ms for each in chosen),
        cold_met=met,
        cold_others=cold - met,
    )


def _cold_starts(calls: Sequence[Invocation], visits: Sequence[Invocation]) -> ColdStarts:
    inits = [each.init_ms for each in calls if each.init_ms is not None]
    met = (
        ColdStart(
            at=each.at,
            request=each.request,
            method=each.method,
            route=each.route,
            init_ms=each.init_ms,
            wait_ms=round(each.wait_ms, 2),
            version=each.version,
        )
        for each in reversed(visits)
        if each.init_ms is not None
    )
    return ColdStarts(count=len(inits), met=tuple(met), init=figures.measure(inits))


def _routes(visits: Iterable[Invocation], settings: Settings) -> tuple[Route, ...]:
    found: dict[tuple[str, str], list[Invocation]] = defaultdict(list)
    for each in visits:
        found[each.method, each.route].append(each)
    routes = (
        Route(
            method=method,
            route=route,
            answers=_count_answers(those),
            times=figures.measure(each.wait_ms for each in those),
            cold=sum(each.init_ms is not None for each in those),
            usd=_price(those, settings) + costs.price_requests(len(those), settings.http.endpoint),
        )
        for (method, route), those in found.items()
    )
    return tuple(sorted(routes, key=lambda each: (-each.answers.requests, each.route, each.method)))


def _functions(calls: Iterable[Invocation], settings: Settings) -> tuple[FunctionUse, ...]:
    found: dict[str, list[Invocation]] = {name: [] for name in settings.functions}
    for each in calls:
        if each.function:
            found.setdefault(each.function, []).append(each)
    return tuple(
        FunctionUse(
            name=name,
            runs=len(those),
            failed=sum(each.failed for each in those),
            times=figures.measure(each.duration_ms for each in those),
            cold=sum(each.init_ms is not None for each in those),
            usd=_price(those, settings),
            last_failed=next((each.request for each in reversed(those) if each.failed), ""),
        )
        for name, those in sorted(found.items())
    )


def _cost(
    calls: Sequence[Invocation], visits: Sequence[Invocation], source: Source, settings: Settings
) -> Cost:
    usd = _price(calls, settings) + costs.price_requests(len(visits), settings.http.endpoint)
    hours = (source.until - source.since).total_seconds() / 3600
    monthly = usd / hours * HOURS_PER_MONTH if hours else 0
    return Cost(usd=usd, usd_per_month=round(monthly, 4), basis=costs.basis())


def _price(calls: Iterable[Invocation], settings: Settings) -> float:
    """Return USD for what Lambda bills of the calls, each by the memory of its Lambda."""
    architecture = settings.function.architecture
    return sum(
        costs.price_calls(1, each.billed_ms / 1000, memory=each.memory_mb, architecture=architecture)
        for each in calls
    )


def compute_warmth(visits: Sequence[Invocation], settings: Settings) -> Warmth:
    """Return how many environments the visits needed at once, with what the settings keep warm."""
    warm = settings.warm
    return warmth.compute(
        visits,
        kept=warm.concurrency if warm.every else 0,
        every=warm.every or warmth.EVERY,
        memory=settings.function.memory,
        architecture=settings.function.architecture,
    )
