"""The function's lines: in order, each once, however late they come."""

import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Thread

import pytest
from stages import stage_in

from lambdify.cli.calls.log_lines import INIT
from lambdify.cli.errors import NotDeployed
from lambdify.cli.look import logs

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
        return logs.read(stage_in(moto, make_settings()), since=since, **more)

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
    assert messages(logs.read(stage_in(stubbed.account, make_settings()), since=since)) == ["hello"]


def test_what_is_not_deployed_has_no_logs(moto, make_settings):
    with pytest.raises(NotDeployed, match='Nothing is deployed as "shop-dev"'):
        list(logs.read(stage_in(moto, make_settings()), since=NOW))


# -------------------------------------------------------------------- some lines


def test_a_text_is_looked_for_and_the_rest_is_left_out(write, read):
    for text in ("no error here", "error 7 of one", "error 8"):
        write(text)
    assert messages(read(pattern=logs.filter_pattern("error 7"))) == ["error 7 of one"]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", ""),
        ("error 7", '"error 7"'),
        ('say "hi"', '"say \\"hi\\""'),
        ('{ $.level = "ERROR" }', '{ $.level = "ERROR" }'),
        ("%[45]0.%", "%[45]0.%"),
        ("?ERROR ?WARN", "?ERROR ?WARN"),
    ],
)
def test_cloudwatchs_patterns_go_there_as_they_are_and_a_text_as_a_phrase(text, pattern):
    assert logs.filter_pattern(text) == pattern


ONE, TWO = "1a2b3c4d-0000-4000-8000-000000000001", "5e6f7a8b-0000-4000-8000-000000000002"


def test_the_lines_of_a_request_are_found_among_those_of_others(write, moto, make_settings):
    write("INIT_START Runtime Version: python:3.13", 0, "one")
    write("importing", 1, "one")
    write(f"START RequestId: {ONE} Version: 7", 2, "one")
    write(f"START RequestId: {TWO} Version: 7", 2, "two")
    write("mine", 3, "one")
    write("not mine", 3, "two")
    write(f"END RequestId: {ONE}", 4, "one")
    write(f"REPORT RequestId: {ONE}\tDuration: 2.00 ms", 4, "one")
    write(f"START RequestId: {TWO} Version: 7", 5, "one")
    for wanted in (ONE, ONE[:8]):
        found = logs.read_request(wanted, stage_in(moto, make_settings()), since=NOW - timedelta(minutes=1))
        shown = [(entry.request, entry.message) for entry in found if entry.kind == "line"]
        assert shown == [(INIT, "importing"), (ONE, "mine")]
        assert found[-1].kind == "report"


def test_of_a_request_that_there_is_not_there_are_no_lines(write, moto, make_settings):
    write("hello")
    assert logs.read_request(ONE, stage_in(moto, make_settings()), since=NOW - timedelta(minutes=1)) == []


# -------------------------------------------------------------------- Live Tail


def test_where_live_tail_is_refused_it_asks_and_says_so(stubbed, make_settings):
    event = {"eventId": "1", "timestamp": 1000, "message": "hello", "logStreamName": "one"}
    stubbed.refuses("logs.start_live_tail", "AccessDeniedException", "no logs:StartLiveTail", 400)
    stubbed.answers("logs.filter_log_events", {"events": [event]})
    said = []
    since = datetime(1970, 1, 1, tzinfo=UTC)
    following = logs.read(
        stage_in(stubbed.account, make_settings()),
        since=since,
        follow=True,
        live=True,
        note=said.append,
    )
    assert messages(islice(following, 1)) == ["hello"]
    assert len(said) == 1
    assert "no logs:StartLiveTail" in said[0]


def test_a_session_that_ended_is_begun_anew_and_tells_nothing_twice(write, moto, make_settings):
    """moto's sessions tell what there is, and end."""
    write("first", 0)
    later = iter([("second", 1), ("third", 2)])
    following = logs.read(
        stage_in(moto, make_settings()),
        since=NOW,
        follow=True,
        live=True,
        sleep=lambda _: write(*next(later)),
    )
    assert messages(islice(following, 3)) == ["first", "second", "third"]


@pytest.mark.cloud
@pytest.mark.slow
def test_live_tail_tells_what_was_there_and_what_comes_each_once(account, make_settings):
    client = account.client("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="one")

    def put(*messages):
        now = round(time.time() * 1000)
        events = [{"timestamp": now, "message": message} for message in messages]
        client.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)

    put("before", "before")
    said = []
    since = datetime.now(UTC) - timedelta(minutes=1)
    following = logs.read(
        stage_in(account, make_settings()),
        since=since,
        follow=True,
        live=True,
        note=said.append,
    )
    # The session has begun when what was there before is told.
    told = messages(islice(following, 2))
    writer = Thread(target=put, args=("now", "now", "and then"))
    writer.start()
    told += messages(islice(following, 3))
    writer.join()
    following.close()
    assert told == ["before", "before", "now", "now", "and then"]
    assert said == []


@pytest.mark.cloud
@pytest.mark.slow
def test_live_tail_filters_as_well(account, make_settings):
    client = account.client("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="one")
    events = [
        {"timestamp": round(time.time() * 1000), "message": text} for text in ("no", "an error", "nothing")
    ]
    since = datetime.now(UTC) - timedelta(minutes=1)
    following = logs.read(
        stage_in(account, make_settings()),
        since=since,
        follow=True,
        live=True,
        pattern='"error"',
    )
    writer = Thread(
        target=client.put_log_events,
        kwargs={"logGroupName": GROUP, "logStreamName": "one", "logEvents": events},
    )
    writer.start()
    assert messages(islice(following, 1)) == ["an error"]
    writer.join()
    following.close()
