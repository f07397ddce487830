"""The lines of some hours, as far back as they can be read in some time."""

from datetime import timedelta
from itertools import count as counter

import pytest
from stages import stage_in

from lambdify.cli.dashboard import reading
from lambdify.cli.errors import NotDeployed

from .hand_made import NOON

HOURS = 24
SINCE = NOON - timedelta(hours=HOURS)
GROUP = "/aws/lambda/shop-dev"


@pytest.fixture
def logs(moto):
    client = moto.client("logs")
    client.create_log_group(logGroupName=GROUP)
    for stream in ("a", "b"):
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    for number in range(2 * HOURS):
        at = round((NOON - timedelta(minutes=30 * number)).timestamp() * 1000)
        event = {"timestamp": at, "message": f"{number / 2:g} hours ago"}
        client.put_log_events(logGroupName=GROUP, logStreamName="ab"[number % 2], logEvents=[event])
    return moto


def read(account, settings, **more):
    return reading.read(stage_in(account, settings), since=SINCE, until=NOON, **more)


def test_every_line_is_read_once_oldest_first(logs, make_settings):
    found = read(logs, make_settings())
    expected = [f"{number / 2:g} hours ago" for number in reversed(range(2 * HOURS))]
    assert [line.message for line in found.lines] == expected
    assert (found.since, found.until, found.complete) == (SINCE, NOON, True)


@pytest.mark.parametrize(("patience", "hours"), [(5, 1), (12, 3), (24, 7), (40, 15)])
def test_where_time_is_short_the_newest_hours_are_there_and_whole(logs, make_settings, patience, hours):
    ticks = counter()
    found = read(logs, make_settings(), patience=patience, clock=lambda: next(ticks))
    assert (found.since, found.until, found.complete) == (NOON - timedelta(hours=hours), NOON, False)
    assert len(found.lines) == 2 * hours + 1
    assert found.lines[-1].message == "0 hours ago"


def test_of_a_log_that_is_too_busy_for_an_hour_there_is_the_hour_s_beginning(logs, make_settings):
    ticks = counter()
    found = read(logs, make_settings(), patience=1, clock=lambda: next(ticks))
    assert (found.since, found.complete) == (NOON - timedelta(hours=1), False)
    assert [line.message for line in found.lines] == ["1 hours ago"]
    assert found.until == NOON - timedelta(minutes=30)


@pytest.mark.parametrize("hours", [0.25, 1, 2, 24, 24 * 90])
def test_the_parts_meet_and_hold_the_whole_time(hours):
    since = NOON - timedelta(hours=hours)
    parts = list(reading.split(since, NOON))
    assert (parts[-1][0], parts[0][1]) == (since, NOON)
    assert [start for start, _ in parts[:-1]] == [end for _, end in parts[1:]]
    assert len(parts) <= 12


def test_a_stage_that_is_not_there_says_so(moto, make_settings):
    with pytest.raises(NotDeployed):
        read(moto, make_settings())
