"""When a schedule runs next, computed from its expression: EventBridge Scheduler does not tell. Pure.

    at(2027-01-31T12:00:00)   then, in the schedule's time zone
    rate(10 minutes)          every so often since it was made, or changed
    cron(0 6 ? * 2-6 *)       the next such minute in the time zone; a minute that a clock change leaves out
                              is left out, and one that comes twice runs once

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from lambdify.cli.settings.schedules import AWS_FIELDS, Field

UNITS: Mapping[str, int] = {"minute": 60, "hour": 3600, "day": 86400}
HORIZON = 366 * 9
"""Days that are looked through: the 29th of February may be eight years away."""


def find(expression: str, zone: str, made: datetime, now: datetime) -> datetime | None:
    """Return the next run after `now`, in UTC; None if there is none, or nobody can tell.

    `made` is when the schedule was made, or changed last; both times are aware.
    """
    kind, _, rest = expression.partition("(")
    text = rest.removesuffix(")")
    if kind == "rate":
        return _next_of_rate(text, made, now)
    try:
        place = zoneinfo.ZoneInfo(zone or "UTC")
    except zoneinfo.ZoneInfoNotFoundError:
        return None
    if kind == "at":
        moment = datetime.fromisoformat(text).replace(tzinfo=place).astimezone(UTC)
        return moment if moment > now else None
    return _next_of_cron(text.split(), place, now) if kind == "cron" else None


def _next_of_rate(text: str, made: datetime, now: datetime) -> datetime | None:
    found = re.fullmatch(r"(\d+) (minute|hour|day)s?", text)
    if not found:
        return None
    every = timedelta(seconds=int(found[1]) * UNITS[found[2]])
    return (made + every * (max(now - made, timedelta()) // every + 1)).astimezone(UTC)


def _next_of_cron(fields: list[str], place: tzinfo, now: datetime) -> datetime | None:
    """Return the next minute that fits; None for days that are counted from the end of a month, too."""
    if len(fields) != 6 or re.search(r"[LW#]", fields[2] + fields[4].replace("WED", "")):
        return None
    minutes, hours, days, months, weekdays, years = map(_read, fields, AWS_FIELDS)
    today = now.astimezone(place).date()
    for day in (today + timedelta(days=ahead) for ahead in range(HORIZON)):
        fits = day.day in days and day.isoweekday() % 7 + 1 in weekdays
        if not fits or day.month not in months or day.year not in years:
            continue
        times = (time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes))
        for moment in (_moment(datetime.combine(day, each), place) for each in times):
            if moment and moment > now:
                return moment
    return None


def _moment(there: datetime, place: tzinfo) -> datetime | None:
    """Return the first moment at which clocks show that time; None if they leave it out."""
    moment = there.replace(tzinfo=place).astimezone(UTC)
    return moment if moment.astimezone(place).replace(tzinfo=None) == there else None


def _read(text: str, field: Field) -> frozenset[int]:
    """Return the numbers that a field of cron allows."""
    return frozenset(number for part in text.split(",") for number in _read_part(part, field))


def _read_part(part: str, field: Field) -> Iterator[int]:
    least, most, names, _ = field
    span, _, step = part.partition("/")
    if span in ("*", "?"):
        first, last = least, most
    else:
        begin, _, end = span.partition("-")
        first = _number(begin, names)
        last = _number(end, names) if end else most if step else first
    if first > last:  # FRI-MON
        yield from range(first, most + 1)
        first = least
    yield from range(first, last + 1, int(step or 1))


def _number(text: str, names: Sequence[str]) -> int:
    return names.index(text) + 1 if text in names else int(text)
