"""When a schedule of EventBridge Scheduler is due: its expression in its time zone. Pure.

ministack takes every expression for UTC. On AWS, a time that a change of the clocks leaves out is skipped,
and one that comes twice counts once:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Cron = Callable[[str, datetime], datetime | None]
"""Returns the first minute after a time at which a cron expression holds, both without a zone."""
Rate = Callable[[str], int | None]
"""Returns the seconds of a rate expression; None if it is none."""


class Refused(Exception):
    """There is no such expression or time zone."""


def read_zone(name: str) -> tzinfo:
    """Return the time zone, which for "" is UTC. Raises Refused."""
    if name in {"", "UTC"}:  # a machine without a database of zones has this one
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise Refused(f"Invalid Schedule Expression Timezone {name}.") from error


def find_next(
    expression: str, zone: str, *, after: float, fired: bool, cron: Cron, rate: Rate
) -> float | None:
    """Return when a schedule is due next, in seconds since 1970; None for never. Raises Refused.

    `after` is when it was due last if it has `fired`, else when it was made.
    """
    place = read_zone(zone)
    if expression.startswith("at("):
        return None if fired else _read_at(expression, place)
    if every := rate(expression):
        return after + every
    return _find_cron(expression, place, after, cron)


def _read_at(expression: str, zone: tzinfo) -> float:
    try:
        when = datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)")  # noqa: DTZ007 - the zone is the schedule's
    except ValueError as error:
        raise Refused(f"Invalid Schedule Expression {expression}.") from error
    return when.replace(tzinfo=zone).timestamp()


def _find_cron(expression: str, zone: tzinfo, after: float, cron: Cron) -> float | None:
    found = cron(expression, datetime.fromtimestamp(after, zone).replace(tzinfo=None))
    while found is not None:
        due = found.replace(tzinfo=zone)
        if due.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == found:
            # Of an hour that comes twice, the first pass may be over.
            return due.timestamp() if due.timestamp() > after else due.replace(fold=1).timestamp()
        found = cron(expression, found)
    return None
