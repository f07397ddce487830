"""When a schedule is due: in its time zone, over changes of the clocks, once or again and again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.cli.local.events.timetable import Refused, find_next, read_zone

MINUTE = timedelta(minutes=1)


def daily(expression: str, after: datetime) -> datetime | None:
    """Reads "02:30", or "every minute", instead of a cron expression."""
    following = after.replace(second=0, microsecond=0) + MINUTE
    if expression == "every minute":
        return following
    hour, minute = map(int, expression.split(":"))
    at = following.replace(hour=hour, minute=minute)
    return at if at >= following else at + timedelta(days=1)


def rate(expression: str) -> int | None:
    return int(expression.removeprefix("rate ")) if expression.startswith("rate ") else None


def due(expression: str, zone: str, after: str, *, fired: bool = True) -> str | None:
    """Times are in UTC."""
    begun = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found = find_next(expression, zone, after=begun, fired=fired, cron=daily, rate=rate)
    return found and datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("rate 300", "Europe/Berlin", "2026-11-29T10:00:30", "2026-11-29T10:05:30"),
        ("06:00", "UTC", "2026-11-29T05:59:59", "2026-11-29T06:00:00"),
        ("06:00", "", "2026-11-29T06:00:00", "2026-11-30T06:00:00"),
        ("06:00", "Europe/Berlin", "2026-11-29T00:00:00", "2026-11-29T05:00:00"),
        ("06:00", "Europe/Berlin", "2026-06-29T00:00:00", "2026-06-29T04:00:00"),
        ("00:15", "Asia/Kolkata", "2026-11-29T00:00:00", "2026-11-29T18:45:00"),
        # In Berlin, 02:00 to 03:00 is left out on 29 March, and comes twice on 25 October.
        ("02:30", "Europe/Berlin", "2026-03-28T12:00:00", "2026-03-30T00:30:00"),
        ("every minute", "Europe/Berlin", "2026-03-29T00:59:00", "2026-03-29T01:00:00"),
        ("02:30", "Europe/Berlin", "2026-10-24T12:00:00", "2026-10-25T00:30:00"),
        ("02:30", "Europe/Berlin", "2026-10-25T00:30:00", "2026-10-26T01:30:00"),
        ("02:30", "Europe/Berlin", "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
    ],
    ids=[
        *("a rate", "by the clock of UTC", "the next day", "in winter", "in summer", "half an hour off"),
        *("skipped where left out", "goes on behind it", "the first of two", "and only that one"),
        "made in the second pass",
    ],
)
def test_a_schedule_is_due_next(expression: str, zone: str, after: str, expected: str) -> None:
    assert due(expression, zone, after) == expected


def test_a_time_is_due_once_in_its_zone() -> None:
    expression = "at(2027-01-31T12:00:00)"
    assert due(expression, "Europe/Berlin", "2026-11-29T00:00:00", fired=False) == "2027-01-31T11:00:00"
    assert due(expression, "Europe/Berlin", "2027-01-31T11:00:00") is None
    assert due(expression, "UTC", "2028-01-01T00:00:00", fired=False) == "2027-01-31T12:00:00"


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: read_zone("Europe/Berlni"), "Timezone Europe/Berlni"),
        (lambda: read_zone("/etc/passwd"), "Timezone /etc/passwd"),
        (lambda: read_zone("Europe"), "Timezone Europe"),
        (
            lambda: due("at(tomorrow)", "UTC", "2026-11-29T00:00:00", fired=False),
            r"Expression at\(tomorrow\)",
        ),
    ],
    ids=["no zone", "a path", "a folder of zones", "no time"],
)
def test_what_is_neither_a_zone_nor_a_time_is_refused(read: Callable[[], object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        read()
