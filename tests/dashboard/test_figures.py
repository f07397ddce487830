"""Percentiles, and the parts of time that a picture has."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lambdify.cli.dashboard import figures

NOON = datetime(2026, 11, 23, 12, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ((), (0, 0, 0, 0)),
        ((7.0,), (7, 7, 7, 7)),
        ((3.0, 1.0, 2.0), (2, 3, 3, 3)),
        (tuple(float(each) for each in range(1, 101)), (50, 95, 99, 100)),
        (tuple(float(each) for each in range(1, 1001)), (500, 950, 990, 1000)),
    ],
)
def test_percentiles_are_the_smallest_values_that_so_many_do_not_exceed(values, times):
    found = figures.measure(values)
    assert (found.p50_ms, found.p95_ms, found.p99_ms, found.longest_ms) == times


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [(0.1, 1), (1, 1), (2, 2), (6, 10), (24, 30), (72, 120), (24 * 7, 180), (24 * 90, 1440 * 1)],
)
def test_there_are_as_many_parts_as_can_be_told_apart(hours, minutes):
    since, until = NOON - timedelta(hours=hours), NOON
    assert figures.choose_length(since, until) == timedelta(minutes=minutes)
    assert 1 <= len(figures.divide(since, until)) <= max(figures.MOST_PARTS + 1, hours / 24 + 1)


def test_the_parts_are_round_in_the_zone_and_hold_all_of_the_time():
    zone = timezone(timedelta(hours=5, minutes=45))
    since = (NOON - timedelta(hours=6)).astimezone(zone)
    begins = figures.divide(since, NOON.astimezone(zone))
    assert {each.minute % 10 for each in begins} == {0}
    assert begins[0] <= since < begins[1]
    assert begins[-1] <= NOON < begins[-1] + timedelta(minutes=10)
