"""EventBridge Scheduler: each schedule in its time zone, to the second, with its context attributes.

ministack takes each expression for UTC, looks every ten seconds, hands <aws.scheduler.*> on as it is, and
accepts any text as an expression. On AWS a schedule is due to the minute:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import eventbridge, scheduler

from lambdify.cli.local.events import timetable
from lambdify.cli.local.events.replacement import replace
from lambdify.cli.local.events.timetable import Refused

TICK = 1
"""Seconds between two looks."""
LATE = 60.0
"""Seconds after which a schedule counts as missed, since this machine was asleep: it goes on from now."""
Key = tuple[str, str, str]
"""Account, region, and group with name."""


@dataclass
class _Progress:
    """How far a schedule has come."""

    plan: tuple[Any, ...]
    """What it says of its times; with another plan it begins anew."""
    since: float
    """When it was due last, or was made; seconds since 1970."""
    fired: bool = False


_progress: dict[Key, _Progress] = {}


def install() -> None:
    """Replace ministack's clock, and what it accepts."""
    replace(scheduler, "_tick_schedules", tick)
    scheduler._SCHEDULE_TICK_INTERVAL = TICK
    for name in ("_create_schedule", "_update_schedule"):
        _check_first(name)


def tick() -> None:
    """Fire every schedule that is due."""
    now = time.time()
    schedules = dict(scheduler._schedules._data)
    for gone in _progress.keys() - schedules.keys():
        del _progress[gone]
    for key, schedule in schedules.items():
        due = _find_due(key, schedule, now)
        if due is not None:
            _fire(key, schedule, due)


def _find_due(key: Key, schedule: Mapping[str, Any], now: float) -> float | None:
    """Return the time for which a schedule is to fire now, and note it; None if it is not."""
    expression, zone = schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone") or ""
    plan = (expression, zone, schedule["CreationDate"], schedule.get("StartDate"))
    progress = _progress.get(key)
    if progress is None or progress.plan != plan:
        made = scheduler._to_epoch(schedule["LastModificationDate"]) or now
        progress = _progress[key] = _Progress(plan, made)
    if not _is_on(schedule, now):
        progress.since = now
        return None
    try:
        due = find_next(expression, zone, after=progress.since, fired=progress.fired)
    except Refused:  # a template may bring what the API refuses
        return None
    if due is None or due > now:
        return None
    progress.since, progress.fired = (due if now - due < LATE else now), True
    return due


def find_next(expression: str, zone: str, *, after: float, fired: bool) -> float | None:
    """Return when a schedule is due next: timetable.find_next with ministack's reading of expressions."""
    return timetable.find_next(
        expression, zone, after=after, fired=fired, cron=_next_by_cron, rate=eventbridge._parse_rate_seconds
    )


def _is_on(schedule: Mapping[str, Any], now: float) -> bool:
    start, end = (scheduler._to_epoch(schedule.get(name)) for name in ("StartDate", "EndDate"))
    return schedule.get("State") == "ENABLED" and (start or 0) <= now and (end is None or now <= end)


def _next_by_cron(expression: str, after: datetime) -> datetime | None:
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        raise Refused(f"Invalid Schedule Expression {expression}.")
    try:
        found = eventbridge._cron_next_fire(fields, after)
    except ValueError as error:  # such as minute 99, which ministack reads without a look
        raise Refused(f"Invalid Schedule Expression {expression}.") from error
    return None if found is None else found.replace(tzinfo=None)


def _fire(key: Key, schedule: Mapping[str, Any], due: float) -> None:
    account, region, _ = key
    execution, target = str(uuid.uuid4()), dict(schedule["Target"])
    if "Input" in target:
        target["Input"] = write_input(target["Input"], schedule["Arn"], due, execution)
    event = {
        "EventId": execution,
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": due,
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    with request_scope(account, region):
        eventbridge._invoke_target(target, event, schedule)
        over = schedule["ScheduleExpression"].startswith("at(")
        if over and schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._delete_schedule(schedule["Name"], {"groupName": schedule["GroupName"]})


def write_input(text: str, arn: str, due: float, execution: str) -> str:
    """Return a target's input with its context attributes filled in; `due` is in seconds since 1970."""
    values = {
        "schedule-arn": arn,
        "scheduled-time": datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": execution,
        "attempt-number": "1",
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _check_first(name: str) -> None:
    """Refuse an expression or time zone that there is not, as the API of AWS does."""

    def check(name: str, body: Mapping[str, Any]) -> Any:
        expression, zone = body.get("ScheduleExpression"), body.get("ScheduleExpressionTimezone") or ""
        try:
            if expression:
                find_next(expression, zone, after=time.time(), fired=False)
        except Refused as refused:
            return scheduler._error(400, "ValidationException", str(refused))
        return original(name, body)

    original = replace(scheduler, name, check)
