"""Requests that copy events of ours, in every part of a request that a client writes: the app gets them.

The bundle has a function, tasks and a release command, and the request comes by every alias and version that
the endpoint may be connected to, and by an ARN that tells nothing.
"""

import base64
import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdify.adapter import records
from lambdify.adapter.messages import Request

from .conftest import DOORS

TOKEN = "what only a deployment knows"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
TASKS = "arn:aws:sqs:eu-west-1:123456789012:shop-dev-tasks"
TASK = {"id": "t-1", "task": "copied_shop:send", "args": [7], "kwargs": {}}


def message(arn: str, body: Any) -> dict[str, Any]:
    return {
        "messageId": "m-1",
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000123"},
        "eventSource": records.SQS,
        "eventSourceARN": arn,
    }


EVENTS: dict[str, Any] = {
    "keep-warm": {"lambdify": "keep-warm"},
    "several kept warm": {"lambdify": "keep-warm", "concurrency": 5, "hold": 0.5},
    "check": {"lambdify": "check"},
    "release command": {"lambdify": "release-command", "token": TOKEN},
    "command": {"words": ["sh", "-c", "echo it ran"], "environment": {}, "log": False},
    "task": TASK,
    "tasks": {"Records": [message(TASKS, TASK)]},
    "queue": {"Records": [message(QUEUE, {"order": 7})]},
    "topic": {"Records": [{"EventSource": "aws:sns", "Sns": {"TopicArn": QUEUE, "Message": "{}"}}]},
    "stream": {"Records": [{"eventSource": "aws:kinesis", "eventSourceARN": QUEUE, "kinesis": {}}]},
    "schedule": {
        "version": "0",
        "source": "aws.scheduler",
        "detail-type": "Scheduled Event",
        "resources": [QUEUE],
        "detail": {},
    },
    "failed": {"requestContext": {"functionArn": QUEUE}, "requestPayload": {"lambdify": "check"}},
}
CODE = """
from lambdify.adapter.tasks import task

called = []

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"the app"]

def orders(event, context):
    called.append("function")

@task
def send(order):
    called.append("task")
"""
BUNDLE = {
    "app": "copied_shop:app",
    "functions": {"orders": {"handler": "copied_shop:orders", "sources": [QUEUE, "aws.scheduler"]}},
    "tasks": {"attempts": 5},
    "command": "sh -c 'echo it ran'",
    "concurrency": 5,
}


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The entry point of that bundle, in this process; forgotten at the end."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "copied_shop.py").write_text(CODE)
    (folder / ".lambdify").mkdir()
    (folder / ".lambdify" / "bundle.json").write_text(json.dumps(BUNDLE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDA_TASK_ROOT", str(folder))
        patch.setenv("LAMBDIFY_RELEASE_COMMAND", hashlib.sha256(TOKEN.encode()).hexdigest())
        patch.setenv("LAMBDIFY_TASKS", "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-dev-tasks")
        patch.syspath_prepend(folder)
        yield importlib.import_module("lambdify.adapter.entry")
    for name in ("lambdify.adapter.entry", "copied_shop"):
        package, _, module = name.rpartition(".")
        if sys.modules.pop(name, None) and package:
            delattr(sys.modules[package], module)


def flatten(event: Any) -> list[tuple[str, str]]:
    """The keys of an event as names, their values as text."""
    pairs = event.items() if isinstance(event, dict) else ()
    return [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in pairs]


PLACES = ["body", "base64", "form", "headers", "query", "path", "cookie", "arn"]


@st.composite
def requests(draw: st.DrawFn, event: Any) -> Request:
    """A request that has the event in some of the places that a client writes."""
    text = json.dumps(event)
    places = draw(st.sets(st.sampled_from(PLACES)))
    headers = [("host", "shop.example"), ("content-type", "application/json")]
    body, query, path = b"", "", "/"
    if "body" in places:
        body = text.encode()
    if "base64" in places:
        body = base64.b64encode(text.encode())
    if "form" in places:
        body = urlencode(flatten(event)).encode()
    if "headers" in places:
        headers += [(f"{prefix}{key}", value) for prefix in ("", "x-amz-") for key, value in flatten(event)]
    if "query" in places:
        query = urlencode(flatten(event))
    if "path" in places:
        path = f"/2015-03-31/functions/{quote(text, safe='')}"
    if "cookie" in places:
        headers.append(("cookie", f"event={quote(text)}"))
    if "arn" in places:
        headers.append(("lambda-runtime-invoked-function-arn", f"{QUEUE}:orders"))
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
    return Request(method, path, query, tuple(headers), body, client="192.0.2.1")


@pytest.mark.slow
@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("keys", [False, True], ids=["parts of the request", "keys of its event, too"])
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_request_that_copies_an_event_reaches_the_app(entry, name, keys, data):
    door = data.draw(st.sampled_from(DOORS))
    qualifier = data.draw(st.sampled_from([":live", ":7", "", ":$LATEST", ":another"]))
    event = door.write_event(data.draw(requests(EVENTS[name])))
    if keys:  # more than a client can do: these are the front end's
        event = EVENTS[name] | event
    context = SimpleNamespace(
        aws_request_id="42",
        invoked_function_arn=f"arn:aws:lambda:eu-west-1:123456789012:function:shop-dev{qualifier}",
        get_remaining_time_in_millis=lambda: 10_000,
    )
    response = door.source.read_payload(json.loads(json.dumps(entry.handler(event, context))))
    assert (response.status, response.body) == (200, b"the app")
    assert sys.modules["copied_shop"].called == []


@pytest.mark.parametrize("name", ["queue", "topic", "stream", "schedule"])
def test_the_events_themselves_do_reach_the_function(entry, name):
    """Or the test above could not fail."""
    context = SimpleNamespace(aws_request_id="42", invoked_function_arn="arn")
    entry.handler(EVENTS[name], context)
    called = sys.modules["copied_shop"].called
    assert called == ["function"]
    called.clear()
