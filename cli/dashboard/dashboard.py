"""lambdify dashboard: read what a stage did, as numbers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from lambdify.cli import releases
from lambdify.cli.calls import log_lines
from lambdify.cli.dashboard import invocations, numbers, reading
from lambdify.cli.dashboard.numbers import Numbers, ReleaseMark, Source
from lambdify.cli.dashboard.warmth import Warmth
from lambdify.cli.failures import places
from lambdify.cli.look import functions, kept_warm
from lambdify.cli.look.refusals import unless_refused
from lambdify.cli.releases import Release
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """The numbers, and what could not be read."""

    numbers: Numbers
    left_out: tuple[str, ...]
    """Parts that a service refused, and why."""


def fetch(
    stage: Stage,
    hours: float,
    *,
    flags: Sequence[str] = (),
    patience: float = reading.PATIENCE,
    clock: Callable[[], float] = time.monotonic,
) -> Dashboard:
    """Return the numbers of the last hours. Raises NotDeployed.

    `flags` lead commands to the stage's account. The log is read for `patience` seconds at most.
    """
    deployed = stack.fetch(stage)
    left_out: list[str] = []
    until = datetime.now(UTC)
    since = until - timedelta(hours=hours)
    found = reading.read(stage, since=since, until=until, patience=patience, clock=clock)
    ask = partial(unless_refused, left_out=left_out)
    marks = ask(lambda: releases.find_since(stage, found.since), "the releases")
    source = Source(
        entries=tuple(log_lines.read(found.lines)),
        since=found.since,
        until=found.until,
        hours=hours,
        complete=found.complete,
        releases=tuple(map(_mark, reversed(marks or ()))),
        functions=_own_lambdas(deployed),
        region=stage.region,
        logs=" ".join([stage.command("logs"), *flags]),
        tasks_waiting=ask(lambda: functions.count_tasks(stage, deployed), "how many tasks wait"),
        given_up=ask(lambda: functions.count_failed(stage, deployed), "what was given up"),
    )
    owns = cache(places.files_of(stage.settings.root))
    settings = _as_deployed(stage, left_out)
    return Dashboard(numbers=numbers.compute(source, settings, owns), left_out=tuple(left_out))


def measure_warmth(stage: Stage, hours: float, *, patience: float) -> Warmth | None:
    """Return what visitors of the last hours needed at once; None if no request leaves a line.

    The log is read for `patience` seconds at most. Raises NotDeployed.
    """
    if not stage.settings.logs.requests:
        return None
    deployed, until = stack.fetch(stage), datetime.now(UTC)
    found = reading.read(stage, since=until - timedelta(hours=hours), until=until, patience=patience)
    calls = invocations.collect(log_lines.read(found.lines), _own_lambdas(deployed))
    return numbers.compute_warmth([each for each in calls if each.is_visit], _as_deployed(stage, []))


def _as_deployed(stage: Stage, left_out: list[str]) -> Settings:
    """Return the settings with what is kept warm in truth, unless AWS does not say it."""
    found = unless_refused(lambda: kept_warm.fetch(stage), "the keep-warm schedule", left_out)
    return replace(stage.settings, warm=found.settings) if found else stage.settings


def _own_lambdas(deployed: Stack) -> dict[str, str]:
    return {name: alias.name for name, alias in aliases.find_lambdas(deployed).items()}


def _mark(release: Release) -> ReleaseMark:
    return ReleaseMark(
        number=release.number,
        at=release.at,
        by=release.by.rpartition(":")[2],
        commit=release.commit,
        version=release.version,
        failed=release.state == "failed",
    )
