"""The next run of a schedule, which AWS does not tell."""

from datetime import UTC, datetime

import pytest

from lambdify.cli.look import next_run

NOW = datetime(2026, 11, 29, 6, 30, 20, tzinfo=UTC)
"""A Sunday."""
MADE = datetime(2026, 11, 28, 23, 59, 50, tzinfo=UTC)


def when(expression, zone="UTC", now=NOW):
    found = next_run.find(expression, zone, MADE, now)
    return f"{found:%Y-%m-%d %H:%M:%S}" if found else ""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("at(2027-01-31T12:00:00)", "2027-01-31 12:00:00"),
        ("at(2026-11-29T06:30:00)", ""),
        ("rate(10 minutes)", "2026-11-29 06:39:50"),
        ("rate(1 minute)", "2026-11-29 06:30:50"),
        ("rate(2 hours)", "2026-11-29 07:59:50"),
        ("rate(3 days)", "2026-12-01 23:59:50"),
        ("cron(0 6 ? * 2-6 *)", "2026-11-30 06:00:00"),
        ("cron(0 6 ? * MON-FRI *)", "2026-11-30 06:00:00"),
        ("cron(31 6 * * ? *)", "2026-11-29 06:31:00"),
        ("cron(30 6 * * ? *)", "2026-11-30 06:30:00"),
        ("cron(0/15 * * * ? *)", "2026-11-29 06:45:00"),
        ("cron(5,50 7-9 * * ? *)", "2026-11-29 07:05:00"),
        ("cron(0 0 1 * ? *)", "2026-12-01 00:00:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00:00"),
        ("cron(0 0 ? * FRI-MON *)", "2026-11-30 00:00:00"),
        ("cron(0 0 ? JAN WED 2028)", "2028-01-05 00:00:00"),
        ("cron(0 0 1 1 ? 2020)", ""),
        ("cron(0 0 L * ? *)", ""),
        ("cron(0 0 15W * ? *)", ""),
        ("cron(0 0 ? * 6#1 *)", ""),
        ("nonsense", ""),
        ("rate(soon)", ""),
    ],
)
def test_the_next_run(expression, expected):
    assert when(expression) == expected


def test_times_are_those_of_the_zone():
    assert when("cron(0 8 * * ? *)", "Europe/Berlin") == "2026-11-29 07:00:00"
    assert when("cron(0 8 * * ? *)", "America/New_York") == "2026-11-29 13:00:00"
    assert when("at(2027-07-01T08:00:00)", "Europe/Berlin") == "2027-07-01 06:00:00"
    assert when("cron(0 8 * * ? *)", "Europe/Berlni") == ""


def test_a_minute_that_the_clock_leaves_out_is_left_out():
    before = datetime(2027, 3, 28, 0, 0, tzinfo=UTC)
    assert when("cron(30 2 * * ? *)", "Europe/Berlin", before) == "2027-03-29 00:30:00"


def test_a_minute_that_comes_twice_runs_once():
    before = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # the first 02:45
    assert when("cron(30 2 * * ? *)", "Europe/Berlin", before) == "2026-10-26 01:30:00"
