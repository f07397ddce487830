"""Times of schedules: crontab's five fields, AWS's six, intervals, dates and time zones, as AWS takes them.

Pure. crontab and EventBridge Scheduler write the same times differently: a week begins with 0 or with 1, one
of the two day fields has to be "?", and there is a year. So each field is read as a set of numbers, and
written anew.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/crontab.html
"""

import datetime as dt
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

CRON_FORM = 'five fields as in crontab ("0 6 * * 1-5"), or six as AWS has them ("0 6 ? * MON-FRI *")'
EVERY_FORM = "whole minutes, hours or days"
AT_FORM = 'a date and a time without an offset, such as "2027-01-31T12:00:00"; timezone says where'
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NICKNAMES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""https://man7.org/linux/man-pages/man5/crontab.5.html"""


class Malformed(ValueError):
    """A text is no such time: the message describes the form."""


class Impossible(ValueError):
    """A text has the form, and AWS cannot do it; the message says what, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Field(NamedTuple):
    """A field of crontab."""

    least: int
    most: int
    names: Sequence[str] = ()
    """Names of the numbers, the first one for `first`."""
    first: int = 0


MINUTE, HOUR, DAY, MONTH = Field(0, 59), Field(0, 23), Field(1, 31), Field(1, 12, MONTHS, 1)
WEEKDAY = Field(0, 7, DAYS)
"""0 and 7 are Sunday."""
AWS_FIELDS = (MINUTE, HOUR, DAY, MONTH, Field(1, 7, DAYS, 1), Field(1970, 2199))


def translate_cron(text: str) -> str:
    """Return AWS's six fields for crontab's five, or for AWS's own. Raises Malformed or Impossible."""
    fields = NICKNAMES.get(text.strip().lower(), text).split()
    if len(fields) == 6:
        return _check_aws(text, fields)
    if len(fields) != 5:
        raise Malformed(CRON_FORM)
    minutes, hours, days, months = map(_read, fields, (MINUTE, HOUR, DAY, MONTH))
    weekdays = {day % 7 + 1 for day in _read(fields[4], WEEKDAY)}
    any_day, any_weekday = len(days) == 31, len(weekdays) == 7
    if not any_day and not any_weekday:
        raise Impossible(f'"{text}": crontab takes either day, AWS cannot.', "Write two schedules.")
    if any_weekday and all(LONGEST_MONTHS[month - 1] < min(days) for month in months):
        raise Impossible(f'"{text}" never comes: no such month has a day {min(days)}.', "Choose another day.")
    return " ".join([
        _write(minutes, MINUTE),
        _write(hours, HOUR),
        _write(days, DAY) if any_weekday else "?",
        _write(months, MONTH),
        "?" if any_weekday else _write(weekdays, Field(1, 7), steps=False),
        "*",
    ])  # fmt: skip


def translate_every(text: str) -> str:
    """Return what AWS's rate() takes for an interval: "1 minute" for "1 minutes". Raises Malformed."""
    found = re.fullmatch(r"([1-9]\d{0,4}) *(minute|hour|day)s?", text.strip())
    if not found:
        raise Malformed(EVERY_FORM)
    return f"{found[1]} {found[2]}{'' if found[1] == '1' else 's'}"


def read_at(value: object) -> str:
    """Return a time as AWS's at() takes it, from text or TOML's own form. Raises Malformed."""
    try:
        time = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Malformed(AT_FORM) from error
    # Python takes a date alone for its midnight, and the week dates of ISO 8601.
    whole = not isinstance(value, str) or re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value)
    if not isinstance(time, dt.datetime) or time.tzinfo is not None or not whole:
        raise Malformed(AT_FORM)
    return time.isoformat(timespec="seconds")


def timezones() -> frozenset[str]:
    """Return the names of all time zones; an empty set where the machine has no list of them."""
    # The import takes long, and most settings have no time zone.
    import zoneinfo

    return frozenset(zoneinfo.available_timezones())


def moment(at: str, timezone: str) -> dt.datetime:
    """Return the time of `at`, aware. A zone that the machine does not know counts as UTC."""
    import zoneinfo

    try:
        zone: dt.tzinfo = zoneinfo.ZoneInfo(timezone)
    except zoneinfo.ZoneInfoNotFoundError:
        zone = dt.UTC
    return dt.datetime.fromisoformat(at).replace(tzinfo=zone)


def _read(text: str, field: Field) -> set[int]:
    """Return the numbers of a field of crontab. Raises Malformed."""
    return {number for part in text.split(",") for number in _read_part(part, field)}


def _read_part(part: str, field: Field) -> range:
    found = re.fullmatch(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?", part)
    if not found:
        raise Malformed(CRON_FORM)
    star, first, last, step = found.groups()
    if star:
        # Sunday is 0 in a step over all weekdays: 7 would be the same day again.
        least, most = field.least, min(field.most, 6) if field is WEEKDAY else field.most
    else:
        least = _number(first, field)
        most = _number(last, field) if last else field.most if step else least
    # Friday to Sunday is 5-7: a range by names that ends with Sunday goes on to the end of the week.
    if field is WEEKDAY and last and most == 0 < least:
        most = 7
    if least > most or step == "0":
        raise Malformed(CRON_FORM)
    return range(least, most + 1, int(step or 1))


def _number(text: str, field: Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.first
    if not text.isascii() or not text.isdigit() or not field.least <= int(text) <= field.most:
        raise Malformed(CRON_FORM)
    return int(text)


def _write(numbers: set[int], field: Field, *, steps: bool = True) -> str:
    """Return the numbers as AWS writes them: "*", "0/15", "2-6", "1,3,7"."""
    ordered = sorted(numbers)
    apart = {after - before for before, after in itertools.pairwise(ordered)}
    if len(ordered) == field.most - field.least + 1:
        return "*"
    if len(ordered) > 2 and apart == {1}:
        return f"{ordered[0]}-{ordered[-1]}"
    if steps and len(ordered) > 2 and len(apart) == 1 and ordered[-1] + min(apart) > field.most:
        return f"{ordered[0]}/{min(apart)}"
    return ",".join(map(str, ordered))


def _check_aws(text: str, fields: list[str]) -> str:
    """Return AWS's six fields. Raises Malformed, or Impossible where both days are set, or none."""
    for written, field, marks in zip(fields, AWS_FIELDS, ("", "", "?LW", "", "?L#", ""), strict=True):
        for part in written.split(","):
            _check_aws_part(part, field, marks)
    if (fields[2] == "?") == (fields[4] == "?"):
        raise Impossible(
            f'"{text}": AWS takes either the day of the month or the day of the week.',
            "Write ? for the other one.",
        )
    return " ".join(fields).upper()


def _check_aws_part(part: str, field: Field, marks: str) -> None:
    """Check one part of a field of AWS's. Raises Malformed."""
    if (part == "?" and "?" in marks) or (part in ("L", "LW") and "L" in marks):
        return
    if "W" in marks and (nearest := re.fullmatch(r"(\d+)W", part)):
        _number(nearest[1], field)
        return
    if "#" in marks and (nth := re.fullmatch(r"(\w+)(?:#([1-5])|L)", part)) and not part.isdigit():
        _number(nth[1], field)
        return
    found = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/([1-9]\d{0,3}))?", part)
    if not found or (found[1] == "*" and found[2]):
        raise Malformed(CRON_FORM)
    for each in (found[1], found[2]):
        if each and each != "*":
            _number(each, field)
