"""Times of schedules: crontab's fields as AWS's, intervals, and dates."""

import datetime as dt

import pytest

from lambdify.cli.settings import schedules
from lambdify.cli.settings.functions import Schedule
from lambdify.cli.settings.schedules import Impossible, Malformed

CRON = {
    "* * * * *": "* * * * ? *",
    "0 6 * * 1-5": "0 6 ? * 2-6 *",
    "*/15 * * * *": "0/15 * * * ? *",
    "10/20 * * * *": "10/20 * * * ? *",
    "0 9-17/2 * * *": "0 9,11,13,15,17 * * ? *",
    "0 9-17 * * *": "0 9-17 * * ? *",
    "5,35 */2 * jan,JUL *": "5,35 0/2 * 1,7 ? *",
    "0 0 1 * *": "0 0 1 * ? *",
    "0 0 */2 * *": "0 0 1/2 * ? *",
    "0 0 1,15 2 *": "0 0 1,15 2 ? *",
    "0 0 29 2 *": "0 0 29 2 ? *",
    "0 0 * * 0": "0 0 ? * 1 *",
    "0 0 * * 7": "0 0 ? * 1 *",
    "0 0 * * 0,7": "0 0 ? * 1 *",
    "0 0 * * sun": "0 0 ? * 1 *",
    "0 0 * * fri-sun": "0 0 ? * 1,6,7 *",
    "0 0 * * 5-7": "0 0 ? * 1,6,7 *",
    "0 0 * * */2": "0 0 ? * 1,3,5,7 *",
    "0 0 * * 0-6": "0 0 * * ? *",
    "0 0 1-31 * 1": "0 0 ? * 2 *",
    "@daily": "0 0 * * ? *",
    "@Weekly": "0 0 ? * 1 *",
    " 0  6 * * * ": "0 6 * * ? *",
    # AWS's own.
    "0 6 ? * MON-FRI *": "0 6 ? * MON-FRI *",
    "0 6 ? * mon *": "0 6 ? * MON *",
    "0 18 ? * 6L *": "0 18 ? * 6L *",
    "0 18 ? * FRI#2 2027-2029": "0 18 ? * FRI#2 2027-2029",
    "0/5 8-17 L * ? *": "0/5 8-17 L * ? *",
    "0 0 15W * ? *": "0 0 15W * ? *",
    "*/5 * * * ? *": "*/5 * * * ? *",
}


@pytest.mark.parametrize(("written", "translated"), CRON.items())
def test_cron_is_written_as_aws_takes_it(written, translated):
    assert schedules.translate_cron(written) == translated


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * fry",
        "5-1 * * * *",
        "*/0 * * * *",
        "1,,2 * * * *",
        "٣ * * * *",
        "@reboot",
        "* * * * ? * *",
        "0 0 ? * 0 *",
        "0 0 ? * 8 *",
        "0 0 32W * ? *",
        "0 0 * * ? 1969",
        "0 0 *-5 * ? *",
        "0 0 ? ? 1 *",
        "0 0 ? * MON#6 *",
    ],
)
def test_what_is_no_cron_is_refused(text):
    with pytest.raises(Malformed, match="five fields as in crontab"):
        schedules.translate_cron(text)


@pytest.mark.parametrize(
    "text", ["0 6 1 * 1", "0 6 */2 * mon", "0 6 31 2,4,6,9,11 *", "0 6 * * * *", "0 6 ? * ? *"]
)
def test_what_aws_cannot_do_is_refused(text):
    with pytest.raises(Impossible):
        schedules.translate_cron(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("10 minutes", "10 minutes"), ("1 minutes", "1 minute"), ("2 hour", "2 hours"), ("1day", "1 day")],
)
def test_an_interval_has_the_number_that_aws_wants(text, rate):
    assert Schedule(every=text).expression == f"rate({rate})"


@pytest.mark.parametrize("text", ["30 seconds", "0 minutes", "minutes", "1.5 hours", "-1 days", "1 week"])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(Malformed):
        schedules.translate_every(text)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2027-01-31T12:00:00", "2027-01-31T12:00:00"),
        ("2027-01-31 12:00", "2027-01-31T12:00:00"),
        (dt.datetime(2027, 1, 31, 12), "2027-01-31T12:00:00"),  # noqa: DTZ001
    ],
)
def test_a_time_is_read_from_text_and_from_toml(value, read):
    assert schedules.read_at(value) == read
    assert Schedule(at=read).expression == "at(2027-01-31T12:00:00)"


@pytest.mark.parametrize(
    "value",
    [
        "2027-01-31",
        "2027-02-30T12:00:00",
        "2027-01-31T12:00:00Z",
        "2027-W05-1T12:00:00",
        "tomorrow",
        5,
        dt.date(2027, 1, 31),
        dt.datetime(2027, 1, 31, tzinfo=dt.UTC),
    ],
)
def test_what_is_no_time_is_refused(value):
    with pytest.raises(Malformed):
        schedules.read_at(value)


def test_a_time_is_in_its_zone():
    summer = schedules.moment("2027-07-01T12:00:00", "Europe/Berlin")
    assert summer.astimezone(dt.UTC) == dt.datetime(2027, 7, 1, 10, tzinfo=dt.UTC)
    assert schedules.moment("2027-07-01T12:00:00", "Nowhere/Town").utcoffset() == dt.timedelta(0)


def test_a_schedule_is_told_as_it_was_written():
    assert Schedule(cron="0 6 * * *", timezone="Europe/Berlin").written == 'cron = "0 6 * * *", Europe/Berlin'
    assert Schedule(every="1 hour").written == 'every = "1 hour"'
