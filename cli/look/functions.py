"""The functions of a stage as they are deployed: what calls each, how much waits for it, when it runs next.

The record of the live release says which functions there are, and their sources; the stack where they are.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from lambdify.cli.aws import attempt, translated
from lambdify.cli.failed_events import queue
from lambdify.cli.look import next_run
from lambdify.cli.releases import Release
from lambdify.cli.settings import names
from lambdify.cli.settings.functions import (
    SOURCES,
    Bucket,
    FunctionSettings,
    Invoker,
    Queue,
    Rule,
    Schedule,
    Source,
    Stream,
    Topic,
)
from lambdify.cli.stacks import aliases
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

T = TypeVar("T")
Ask = Callable[[Callable[[], T], str], T | None]
"""Calls the function, and returns None where a service refuses what the text names."""
GONE = "^ResourceNotFoundException:"


@dataclass(frozen=True, kw_only=True)
class FunctionSource:
    """What calls a function."""

    kind: str
    """The option of the settings: "schedule", "sqs"."""
    what: str
    """As the settings say it: 'cron = "0 6 * * *"', "orders"."""
    enabled: bool
    next_run: datetime | None
    """Of a schedule, in UTC; None if it does not run again, or nobody can tell."""
    waiting: int | None
    """About how many messages a queue holds; None for other sources, and if it is not known."""


@dataclass(frozen=True, kw_only=True)
class FunctionStatus:
    """A function as it is deployed."""

    name: str
    handler: str
    function: str
    """The name of its Lambda."""
    version: str
    """The version that its alias leads to."""
    sources: tuple[FunctionSource, ...]


def fetch(
    stage: Stage, deployed: Stack, live: Release | None, ask: Ask[Any], *, now: datetime | None = None
) -> tuple[FunctionStatus, ...]:
    """Return the functions of the live release that the stack has aliases of, in the settings' order."""
    there = {each.name: each for each in aliases.functions(deployed)}
    declared: Mapping[str, Any] = live.settings.get("functions", {}) if live else {}
    moment = now or datetime.now(UTC)
    return tuple(
        FunctionStatus(
            name=name,
            handler=function.handler,
            function=there[name].function,
            version=there[name].version,
            sources=tuple(
                _read_source(kind, number, source, function, stage, deployed, ask, moment)
                for kind, number, source in function.sources
            ),
        )
        for name, function in ((name, _read_function(name, each)) for name, each in declared.items())
        if name in there
    )


def count_tasks(stage: Stage, deployed: Stack) -> int | None:
    """Return about how many tasks wait; None if the stage has no queue of them."""
    if not any(each.name == "tasks" for each in aliases.functions(deployed)):
        return None
    url = _find_queue(queue.tasks_arn(stage), stage)
    return queue.count(url, stage) if url else None


def count_failed(stage: Stage, deployed: Stack) -> int | None:
    """Return about how many events and tasks were given up; None if the stage has no functions."""
    return queue.count(queue.find_url(stage), stage) if _has_failed_queue(deployed) else None


def _has_failed_queue(deployed: Stack) -> bool:
    return any(each.name != aliases.COMMANDS for each in aliases.functions(deployed))


def _read_function(name: str, values: Mapping[str, Any]) -> FunctionSettings:
    """Return a function of a record; options that this lambdify does not know are left out."""
    plain = {key: value for key, value in _known(FunctionSettings, values).items() if key not in SOURCES}
    sources = {
        option: tuple(shape(**_known(shape, each)) for each in values.get(option, ()))
        for option, shape in SOURCES.items()
    }
    return FunctionSettings(**{**plain, **sources, "name": name})


def _known(shape: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    options = {each.name for each in fields(shape)}
    return {key: value for key, value in values.items() if key in options}


def _read_source(
    kind: str,
    number: int,
    source: Source,
    function: FunctionSettings,
    stage: Stage,
    deployed: Stack,
    ask: Ask[Any],
    now: datetime,
) -> FunctionSource:
    what, runs, waiting = describe(source), None, None
    enabled = getattr(source, "enabled", True)
    if isinstance(source, Schedule) and enabled:
        name = names.schedule(stage.settings, function, number)
        runs = ask(lambda: _find_next_run(name, source, stage, now), f"the next run of {function.name}")
    if isinstance(source, Queue):
        waiting = ask(lambda: _count(source.queue, stage, deployed), f"how much waits in {what}")
    return FunctionSource(kind=kind, what=what, enabled=enabled, next_run=runs, waiting=waiting)


def describe(source: Source) -> str:
    """Return what a source is, as the settings say it, on one line."""
    match source:
        case Schedule():
            return source.written
        case Queue():
            return _last(source.queue)
        case Topic():
            return _last(source.topic)
        case Bucket():
            return ", ".join([source.bucket, *source.key])
        case Rule():
            return f"{_last(source.bus)}, {json.dumps(source.pattern)}"
        case Stream():
            table = source.stream.partition("/stream/")[0]
            return table.rpartition("/")[2]
        case Invoker():
            return source.service


def _last(arn: str) -> str:
    return arn.rpartition(":")[2].rpartition("/")[2]


@translated(during="looking for the next run")
def _find_next_run(name: str, schedule: Schedule, stage: Stage, now: datetime) -> datetime | None:
    found = attempt(stage.client("scheduler").get_schedule, none_if=GONE, Name=name)
    if found is None or found.get("State") == "DISABLED":
        return None
    made = found.get("LastModificationDate") or found.get("CreationDate") or now
    return next_run.find(found["ScheduleExpression"], schedule.timezone, made, now)


def _count(target: str, stage: Stage, deployed: Stack) -> int | None:
    """Return about how many messages wait in a queue: an ARN, or one of [resources]."""
    url = _find_queue(target, stage) if target.startswith("arn:") else _find_own(target, stage, deployed)
    return queue.count(url, stage) if url else None


@translated(during="looking for a queue")
def _find_queue(arn: str, stage: Stage) -> str:
    *_, owner, name = arn.split(":")
    sqs = stage.client("sqs")
    found = attempt(sqs.get_queue_url, none_if=queue.MISSING, QueueName=name, QueueOwnerAWSAccountId=owner)
    return found["QueueUrl"] if found else ""


@translated(during="looking for a queue")
def _find_own(logical: str, stage: Stage, deployed: Stack) -> str:
    """Return the URL of a queue of the stack, which is its physical id."""
    describe = stage.client("cloudformation").describe_stack_resources
    found = describe(StackName=deployed.id, LogicalResourceId=logical)["StackResources"]
    return str(found[0].get("PhysicalResourceId", "")) if found else ""
