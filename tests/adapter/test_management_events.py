"""Events of lambdify's own, which keep it warm; and that no event makes the app's handler run a command."""

import json

import pytest

from .entry_process import FLASK, HOME, INVOKE, KEEP_WARM, payloads

pytestmark = pytest.mark.slow


def test_keep_warm_is_answered_without_the_app(invoke):
    done = invoke(FLASK, KEEP_WARM)
    assert payloads(done) == [{"lambdify": "warm"}]
    assert done.stderr.splitlines() == ["imported"]


@pytest.mark.parametrize(
    "event",
    [
        {**HOME, "lambdify": "keep-warm"},
        {**HOME, "lambdify": "keep-warm", "concurrency": 100, "hold": 900},
        {**HOME, "body": json.dumps(KEEP_WARM), "isBase64Encoded": False},
        {**HOME, "headers": {**HOME["headers"], "lambdify": "keep-warm"}, "queryStringParameters": KEEP_WARM},
    ],
    ids=["a key", "all keys", "the body", "headers and query"],
)
def test_no_request_can_be_taken_for_keep_warm(invoke, event):
    assert payloads(invoke(FLASK, event))[0]["body"] == "home"


COMMAND = {"words": ["sh", "-c", "echo it ran"], "environment": {}, "log": True}
"""What the Lambda for commands takes (adapter/commands), and its handler alone."""


@pytest.mark.parametrize(
    "event",
    [
        {**HOME, **COMMAND},
        {**HOME, "lambdify": "release-command", **COMMAND},
        {**HOME, "body": json.dumps(COMMAND), "isBase64Encoded": False},
        {**HOME, "headers": {**HOME["headers"], "words": "sh"}, "queryStringParameters": {"words": "sh"}},
    ],
    ids=["keys", "more keys", "the body", "headers and query"],
)
def test_a_request_that_looks_like_a_command_reaches_the_app(invoke, event):
    done = invoke(FLASK, event)
    assert payloads(done)[0]["body"] == "home"
    assert "it ran" not in done.stdout


@pytest.mark.parametrize("event", [COMMAND, {"lambdify": "release-command"}, {**COMMAND, "detached": True}])
def test_the_handler_of_the_app_runs_no_commands(invoke, event):
    done = invoke(FLASK, event)
    assert done.returncode == 1
    assert "EventUnknown" in done.stderr
    assert not done.stdout


def test_the_handler_of_the_app_imports_nothing_of_commands(invoke):
    script = INVOKE + "print(json.dumps([name for name in sys.modules if 'adapter.commands' in name]))"
    assert payloads(invoke(FLASK, HOME, script=script))[-1] == []


def test_where_the_bundle_keeps_one_warm_an_event_for_several_calls_nobody(invoke):
    """The schedule of a deployment that is under way may ask for more than the version of before allows."""
    done = invoke(FLASK, {**KEEP_WARM, "concurrency": 5})
    assert payloads(done) == [{"lambdify": "warm"}]


def test_an_event_that_keeps_several_warm_is_answered_without_the_app(invoke):
    done = invoke(FLASK, {**KEEP_WARM, "hold": 0.01}, concurrency=2)
    assert payloads(done) == [{"lambdify": "warm"}]
    assert "called" not in done.stderr


@pytest.mark.parametrize(
    "event",
    [
        {"lambdify": "something else"},
        {"lambdify": "keep-warm", "more": 1},
        {"lambdify": "release-command"},
        {},
    ],
)
def test_an_unknown_event_is_refused(invoke, event):
    done = invoke(FLASK, event)
    assert done.returncode == 1
    assert "EventUnknown: this function answers HTTP requests; it received an event with" in done.stderr
