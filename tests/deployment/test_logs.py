"""The function's lines: in order, each once, however late they come."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from lambdify.cli import logs
from lambdify.cli.errors import NotDeployed

GROUP = "/aws/lambda/shop-dev"
NOW = datetime.now(UTC).replace(microsecond=123000)


@pytest.fixture
def write(moto):
    """`write("text", 5, stream="other")`: a line that was written five seconds after NOW."""
    client = moto.client("logs")
    client.create_log_group(logGroupName=GROUP)
    streams = set()

    def write(message, seconds=0.0, stream="one"):
        if stream not in streams:
            client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
            streams.add(stream)
        at = round((NOW + timedelta(seconds=seconds)).timestamp() * 1000)
        event = {"timestamp": at, "message": message}
        client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[event])

    return write


@pytest.fixture
def read(moto, make_settings):
    """`read(since)`: the lines, as a generator."""

    def read(since=NOW - timedelta(minutes=1), **more):
        return logs.read(make_settings(), moto, since=since, **more)

    return read


def messages(lines):
    return [line.message for line in lines]


def test_the_lines_of_all_streams_come_in_the_order_they_were_written(write, read):
    write("second", 2)
    write("first", 1, stream="other")
    write("third", 3, stream="other")
    assert messages(read()) == ["first", "second", "third"]


def test_a_line_knows_when_and_where_it_was_written(write, read):
    write("hello\n", 0)
    (line,) = read()
    assert (line.at, line.stream, line.message) == (NOW, "one", "hello")


def test_only_lines_since_then_are_told(write, read):
    write("before", -5)
    write("at that very moment", 0)
    write("after", 1)
    assert messages(read(since=NOW)) == ["at that very moment", "after"]


def test_without_follow_the_lines_end(write, read):
    assert messages(read()) == []


def test_following_goes_on_with_what_comes_and_tells_nothing_twice(write, read):
    write("first", 0)
    later = iter([("second", 1), ("late, from elsewhere", 0.5, "other"), ("third", 40), ("fourth", 41)])

    def sleep(seconds):
        assert seconds == logs.PAUSE
        write(*next(later))

    told = messages(islice(read(follow=True, sleep=sleep), 5))
    assert told == ["first", "second", "late, from elsewhere", "third", "fourth"]


def test_lines_with_the_same_text_are_different_lines(write, read):
    write("again", 0)
    write("again", 0)
    assert messages(read()) == ["again", "again"]


def test_a_moment_between_two_milliseconds_tells_nothing_twice(write, read):
    write("first", 0)
    later = iter([("second", 0.001)])
    since = NOW + timedelta(microseconds=700)
    assert messages(islice(read(since, follow=True, sleep=lambda _: write(*next(later))), 2)) == [
        "first",
        "second",
    ]


def test_empty_pages_are_not_the_end(stubbed, make_settings):
    event = {"eventId": "1", "timestamp": 1000, "message": "hello", "logStreamName": "one"}
    stubbed.answers("logs.filter_log_events", {"events": [], "nextToken": "more"})
    since = datetime(1970, 1, 1, tzinfo=UTC)
    stubbed.answers(
        "logs.filter_log_events", {"events": [event]}, logGroupName=GROUP, startTime=0, nextToken="more"
    )
    assert messages(logs.read(make_settings(), stubbed.account, since=since)) == ["hello"]


def test_what_is_not_deployed_has_no_logs(moto, make_settings):
    with pytest.raises(NotDeployed, match='Nothing is deployed as "shop-dev"'):
        list(logs.read(make_settings(), moto, since=NOW))
