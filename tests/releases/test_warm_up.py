"""All environments that are kept warm are started before the traffic moves to their version."""

import io
import json
import threading
from dataclasses import replace

import pytest
from botocore.response import StreamingBody
from releases.shipping import Minutes
from stages import stage_in

from lambdify.adapter.aws import warming
from lambdify.cli.releases import warm_up

THREE = {"warm.concurrency": 3}
PATIENCE = 60.0


class Starts:
    """Versions that note what the alias led to when each environment was to start, all of them at once."""

    def __init__(self, alias, number=3):
        self._alias, self._together = alias, threading.Barrier(number, timeout=PATIENCE)
        self.seen = []

    def __call__(self, version, event):
        if "hold" in event:
            assert 0 < event["hold"] <= warming.HOLD + warming.LEAD * 3, "else the function holds nothing"
            if self._together.wait() == 0:  # one of them, when all have begun
                self.seen.append((version, self._alias()))
        return {"statusCode": 200}


@pytest.fixture
def starts(functions, alias):
    """What is noted from now on."""

    def begin():
        functions.answer = Starts(alias)
        return functions.answer.seen

    return begin


@pytest.mark.cloud
@pytest.mark.slow
def test_they_run_before_a_deployment_and_a_rollback_move_the_traffic(ship, back, starts, alias):
    ship(overrides=THREE)
    seen = starts()
    ship("app = 2", THREE)
    assert seen == [("2", ("1", {}))]
    back(overrides=THREE)
    assert seen[1:] == [("1", ("2", {}))]
    assert alias() == ("1", {})


@pytest.mark.cloud
@pytest.mark.slow
def test_they_run_before_the_first_part_of_a_shift_and_before_all_of_it(ship, starts, alias):
    shifted = THREE | {"release.shift": "50% every 1 minutes"}
    ship(overrides=shifted)
    seen = starts()
    ship("app = 2", shifted, sleep=Minutes(lambda: None))
    assert seen == [("2", ("1", {})), ("2", ("1", {"2": 0.5}))]
    assert alias() == ("2", {})


@pytest.mark.cloud
@pytest.mark.slow
def test_one_that_does_not_start_is_told_and_the_release_goes_on(ship, functions, alias, talk):
    ship(overrides=THREE)
    first = iter([True])

    def answer(version, event):
        if "hold" in event and next(first, False):
            raise ZeroDivisionError("no room")
        return {"statusCode": 200}

    functions.answer = answer
    ship("app = 2", THREE)
    assert "1 of 3 environments of version 2 did not start" in talk.said
    assert "Its first visitors may wait for a cold start." in talk.said
    assert alias() == ("2", {})


class Lambda:
    """Lambda, whose answers `answer` makes in the thread of each call."""

    def __init__(self, answer):
        self._answer, self.asked = answer, []

    def invoke(self, **call):
        self.asked.append(call)
        body = json.dumps(self._answer()).encode()
        return {"Payload": StreamingBody(io.BytesIO(body), len(body)), "ExecutedVersion": "7"}


@pytest.fixture
def start(stubbed, make_settings, talk):
    """`start(answer, {"warm.concurrency": 3})`: the calls that were made."""

    def start(answer, overrides, **options):
        calls = Lambda(answer)
        stage = stage_in(replace(stubbed.account, client=lambda _: calls), make_settings(overrides=overrides))
        warm_up.start("7", stage, talk.console, **options)
        return calls.asked

    return start


def test_each_is_a_call_of_the_version_itself(start):
    asked = start(lambda: {"lambdify": "warm"}, THREE)
    assert [(each["FunctionName"], each["Qualifier"]) for each in asked] == [("shop-dev", "7")] * 3
    assert {each["Payload"] for each in asked} == {b'{"lambdify": "keep-warm", "hold": 0.19}'}


def test_what_gives_no_answer_is_not_waited_for(start, talk):
    ends = threading.Event()
    try:
        start(lambda: ends.wait(PATIENCE), THREE, patience=0.05)
    finally:
        ends.set()
    assert "3 of 3 environments of version 7 did not start: there was no answer within 0.05 s" in talk.said


@pytest.mark.parametrize(
    "overrides",
    [
        {"warm.concurrency": 1},
        THREE | {"warm.every": "off"},
        {"http.endpoint": "none"},
        {"function.reserved_concurrency": 0},
    ],
)
def test_nothing_is_started_that_is_not_kept_warm(start, overrides):
    assert start(lambda: None, overrides) == []


@pytest.mark.parametrize("number", [2, 7, 100])
def test_the_function_holds_as_long_as_it_is_asked_to(start, number):
    """It bounds the time by the number in its bundle; what is longer holds nothing."""
    asked = start(dict, {"warm.concurrency": number})
    slept = []
    warming.warm(json.loads(asked[0]["Payload"]), None, number, sleep=slept.append)
    assert slept == [json.loads(asked[0]["Payload"])["hold"]] != [0.0]
