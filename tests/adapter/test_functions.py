"""Functions: which of them an event is for, what they find around them, and what AWS is answered."""

import contextvars
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, current_app

from lambdify.adapter import Adapter
from lambdify.adapter.errors import AppNotLoaded, EventUnknown
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.functions import Functions, find_alias, find_sources
from lambdify.adapter.messages import Request

LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev"
ORDERS = "arn:aws:sqs:eu-west-1:123456789012:orders"
HTTP = http_api.write_event(Request("GET", "/"))
BATCH = {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": ORDERS, "messageId": "1", "body": "{}"}]}
SCHEDULED = {
    "source": "aws.scheduler",
    "detail-type": "Scheduled Event",
    "resources": ["arn:aws:scheduler:eu-west-1:123456789012:schedule/default/shop-dev-report"],
    "detail": {"kind": "full"},
}
CODE = """
def report(event, context): return {"reported": event.get("detail"), "by": context.invoked_function_arn}
def orders(event, context): return "ok"
def both(event, context): return "both"
async def later(event, context): return {"later": True}
class Worker:
    def __call__(self, event, context): return "called"
    def work(self, event, context): return "worked"
worker = Worker()
limit = 5
"""
DECLARED = {
    "report": {"handler": "jobs:report", "sources": ["arn:aws:scheduler:*:*:schedule/*/shop-dev-report*"]},
    "orders": {"handler": "jobs:orders", "sources": [ORDERS]},
}

Route = Callable[..., Any]


def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"home"]


def called_as(qualifier: str) -> Any:
    arn = f"{LAMBDA}:{qualifier}" if qualifier else LAMBDA
    return SimpleNamespace(invoked_function_arn=arn, aws_request_id="42")


def otherwise(event: Any, context: Any) -> Any:
    return "the app"


@pytest.fixture
def route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Route:
    """`route(event, qualifier)`: what comes of an event that invokes the Lambda by that alias or version."""
    (tmp_path / "jobs.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "jobs", raising=False)

    def call(
        event: Any, qualifier: str = "live", declared: Any = DECLARED, app: Any = None, context: Any = None
    ) -> Any:
        functions = Functions({"functions": declared}, app or Adapter(wsgi))
        return functions.before(otherwise)(event, context or called_as(qualifier))

    yield call
    sys.modules.pop("jobs", None)


# -------------------------------------------------------------------- which function


@pytest.mark.parametrize(
    ("qualifier", "expected"),
    [("report", {"reported": {"kind": "full"}, "by": f"{LAMBDA}:report"}), ("orders", "ok")],
)
def test_the_alias_of_the_arn_names_the_function_whatever_the_event_is(route, qualifier, expected):
    assert route(SCHEDULED, qualifier) == expected


@pytest.mark.parametrize("event", [HTTP, {"lambdify": "keep-warm"}, {"lambdify": "check"}, {}, None, [], "x"])
def test_by_its_alias_a_function_gets_even_what_looks_like_another_ones(route, event):
    assert route(event, "orders") == "ok"


@pytest.mark.parametrize("event", [HTTP, SCHEDULED, BATCH, {"lambdify": "keep-warm"}, {}, None])
def test_what_comes_by_live_is_the_apps_and_never_a_functions(route, event):
    assert route(event, "live") == "the app"


@pytest.mark.parametrize("qualifier", ["", "7", "$LATEST", "another"])
def test_where_the_arn_tells_nothing_a_request_is_the_apps(route, qualifier):
    assert route(HTTP, qualifier) == "the app"
    assert route({"lambdify": "keep-warm"}, qualifier) == "the app"


@pytest.mark.parametrize("qualifier", ["", "7", "$LATEST", "another"])
def test_where_the_arn_tells_nothing_the_source_names_the_function(route, qualifier):
    assert route(SCHEDULED, qualifier)["reported"] == {"kind": "full"}
    assert route(BATCH, qualifier) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        "text",
        {"Records": []},
        {"Records": [None]},
        {"Records": "no list"},
        {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": f"{ORDERS}-more"}]},
        {**SCHEDULED, "resources": ["arn:aws:scheduler:eu-west-1:123456789012:schedule/default/other"]},
        {"resources": [{}, 7], "source": 7},
    ],
)
def test_what_neither_tells_is_an_error_and_never_the_apps(route, event):
    with pytest.raises(EventUnknown, match="which names no function, from what calls none of the functions"):
        route(event, "7")


def test_a_source_that_calls_two_functions_tells_nothing(route):
    declared = {**DECLARED, "both": {"handler": "jobs:both", "sources": [ORDERS]}}
    with pytest.raises(EventUnknown, match="from what calls orders and both"):
        route(BATCH, "7", declared)


def test_a_function_without_a_source_is_called_by_its_alias_alone(route):
    with pytest.raises(EventUnknown):
        route(BATCH, "7", {"orders": {"handler": "jobs:orders"}})


def test_a_batch_of_two_queues_of_two_functions_is_nobodys(route):
    declared = {**DECLARED, "both": {"handler": "jobs:both", "sources": [f"{ORDERS}-2"]}}
    second = {**BATCH["Records"][0], "eventSourceARN": f"{ORDERS}-2"}
    with pytest.raises(EventUnknown):
        route({"Records": [*BATCH["Records"], second]}, "7", declared)


@pytest.mark.parametrize(
    ("arn", "alias"),
    [
        (f"{LAMBDA}:report", "report"),
        (LAMBDA, ""),  # its name is no alias, whatever it is
        (f"{LAMBDA}:7", "7"),
        ("report", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_the_alias_is_the_eighth_part_of_the_arn(arn, alias):
    assert find_alias(SimpleNamespace(invoked_function_arn=arn)) == alias


def test_a_context_without_an_arn_has_no_alias():
    assert find_alias(None) == ""


@pytest.mark.parametrize(
    ("event", "sources"),
    [
        (BATCH, (ORDERS,)),
        (SCHEDULED, ("aws.scheduler", *SCHEDULED["resources"])),
        ({"Records": [{"EventSource": "aws:sns", "Sns": {"TopicArn": "arn:topic"}}]}, ("arn:topic",)),
        ({"Records": [{"s3": {"bucket": {"arn": "arn:aws:s3:::b"}}}]}, ("arn:aws:s3:::b",)),
        ({"eventSource": "aws:kafka", "eventSourceArn": "arn:msk", "records": {}}, ("arn:msk",)),
        ({"Records": [{"Sns": None, "s3": 7}]}, ()),
    ],
)
def test_every_source_is_found_where_its_events_have_it(event, sources):
    assert find_sources(event) == sources


# -------------------------------------------------------------------- handlers


@pytest.mark.parametrize(
    ("handler", "result"),
    [
        ("jobs:worker", "called"),
        ("jobs:worker.work", "worked"),
        ("jobs:later", {"later": True}),
        ("jobs:Worker()", "called"),
    ],
)
def test_a_handler_is_anything_that_can_be_called_with_event_and_context(route, handler, result):
    assert route({}, "x", {"x": {"handler": handler}}) == result


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (
            "jobs:wrok",
            r"\[functions.x\] handler = 'jobs:wrok' cannot be loaded: 'jobs' has no attribute 'wrok'",
        ),
        ("no_jobs:x", "there is no module 'no_jobs'"),
        ("jobs:limit", r"\[functions.x\] handler = 'jobs:limit' is not a function of event and context"),
        ("jobs", "is not a reference"),
    ],
)
def test_a_handler_that_cannot_be_one_is_named(route, handler, why):
    with pytest.raises(AppNotLoaded, match=why):
        route({}, "x", {"x": {"handler": handler}})


def test_a_module_is_imported_at_the_first_call_and_once(route, tmp_path, monkeypatch):
    (tmp_path / "jobs.py").write_text("import sys\nprint('imported')\ndef work(event, context): return 1\n")
    functions = Functions({"functions": {"x": {"handler": "jobs:work"}}}, Adapter(wsgi))
    call = functions.before(otherwise)
    assert "jobs" not in sys.modules
    assert [call({}, called_as("x")), call({}, called_as("x"))] == [1, 1]
    assert "jobs" in sys.modules


def test_what_a_function_raises_fails_the_invocation(route, tmp_path):
    (tmp_path / "jobs.py").write_text("def report(event, context): raise LookupError('no orders')\n")
    with pytest.raises(LookupError, match="no orders"):
        route(SCHEDULED, "report")


def test_the_check_imports_every_function_and_tells_what_failed(route, caplog):
    declared = {
        **DECLARED,
        "gone": {"handler": "jobs:gone"},
        "broken": {"handler": "jobs_that_raise:work"},
        "exits": {"handler": "jobs_that_exit:work"},
    }
    folder = Path(sys.path[0])
    (folder / "jobs_that_raise.py").write_text("import no_such_package\n")
    (folder / "jobs_that_exit.py").write_text("raise SystemExit(3)\n")
    for qualifier in ("7", "live", ""):
        answer = route({"lambdify": "check"}, qualifier, declared)
        assert json.loads(json.dumps(answer))["lambdify"] == "checked"
        assert answer["failed"].keys() == {"gone", "broken", "exits"}
    assert answer["failed"]["broken"] == {
        "type": "ModuleNotFoundError",
        "message": "No module named 'no_such_package'",
    }
    assert "[functions.broken] cannot be loaded" in caplog.text
    assert 'jobs_that_raise.py", line 1' in caplog.text


def test_a_check_of_sound_functions_tells_that_none_failed(route):
    assert route({"lambdify": "check"}, "7") == {"lambdify": "checked", "failed": {}}


# -------------------------------------------------------------------- what AWS is answered


@pytest.mark.parametrize("source", ["aws:sqs", "aws:dynamodb", "aws:kinesis"])
@pytest.mark.parametrize(
    ("result", "failures"),
    [
        ('"ok"', []),
        ("None", []),
        ("{'statusCode': 200}", []),
        ("[1]", []),
        ("object()", []),
        ("{'batchItemFailures': None}", []),
        ("{'batchItemFailures': [{'itemIdentifier': '1'}], 'more': object()}", [{"itemIdentifier": "1"}]),
    ],
)
def test_a_batch_is_answered_by_its_failures_whatever_is_returned(route, tmp_path, source, result, failures):
    (tmp_path / "jobs.py").write_text(f"def orders(event, context): return {result}\n")
    event = {"Records": [{**BATCH["Records"][0], "eventSource": source}]}
    assert route(event, "orders") == {"batchItemFailures": failures}


@pytest.mark.parametrize(
    "event",
    [{}, {"Records": []}, {"Records": [{"EventSource": "aws:sns"}]}, {"Records": [{"eventSource": 7}]}],
)
def test_any_other_event_is_answered_by_the_result(route, event):
    assert route(event, "orders") == "ok"


# -------------------------------------------------------------------- what is around a function


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ("object()", None),
        ("{1, 2}", None),
        ("__import__('decimal').Decimal('1.5')", Decimal("1.5")),
        ("[1]", [1]),
    ],
)
def test_a_source_that_waits_for_no_answer_is_not_told_of_a_failure_that_is_none(
    route, tmp_path, caplog, result, answer
):
    (tmp_path / "jobs.py").write_text(f"def report(event, context): return {result}\n")
    assert route(SCHEDULED, "report") == answer
    assert ("what report returned is not JSON, so it is dropped" in caplog.text) == (answer is None)


def test_whoever_invokes_a_function_is_told_that_its_result_is_no_json(route, tmp_path):
    (tmp_path / "jobs.py").write_text("def report(event, context): return {1}\n")
    assert route({"kind": "full"}, "report") == {1}, "AWS's runtime client says what is wrong with it"


class Middleware:
    def __init__(self, app):
        self.wsgi_app = app

    def __call__(self, environ, start_response):
        return self.wsgi_app(environ, start_response)


SHOP = Flask("shop")


async def name_later(event, context):
    return current_app.name


@pytest.mark.parametrize("app", [SHOP, Middleware(SHOP), Middleware(Middleware(SHOP))])
@pytest.mark.parametrize("handler", [lambda event, context: current_app.name, name_later])
def test_a_function_beside_a_flask_app_is_in_its_context(app, handler):
    surroundings = Functions({}, Adapter(app)).surroundings
    assert surroundings.run(None, handler, {}, None) == "shop"
    assert not current_app


def test_middleware_without_an_end_is_no_trouble():
    class Endless:
        @property
        def app(self):
            return Endless()

        def __call__(self, environ, start_response):
            raise AssertionError

    assert Functions({}, Adapter(Endless())).surroundings.run(None, lambda: 1) == 1


def test_a_coroutine_beside_an_asgi_app_runs_on_the_apps_loop(context):
    import asyncio

    loops = []

    async def app(scope, receive, send):
        loops.append(asyncio.get_running_loop())
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    done = []

    async def work(event, context):
        async def finish():
            await asyncio.sleep(0.01)
            done.append(event)

        loops.append(asyncio.get_running_loop())
        done.append(asyncio.create_task(finish()))
        return "worked"

    adapter = Adapter(app)
    surroundings = Functions({}, adapter).surroundings
    assert surroundings.run(context, work, "event", context) == "worked"
    assert loops[0] is loops[1]
    assert done[1:] == ["event"], "what it leaves behind is waited for: the process freezes afterwards"
    adapter.close()


def test_coroutines_beside_a_wsgi_app_share_a_loop_and_leave_nothing_behind(context):
    import asyncio

    loops, done = [], []

    async def work():
        async def finish():
            await asyncio.sleep(0.01)
            done.append(1)

        loops.append(asyncio.get_running_loop())
        done.append(asyncio.create_task(finish()))

    surroundings = Functions({}, Adapter(wsgi)).surroundings
    surroundings.run(context, work)
    surroundings.run(context, work)
    assert loops[0] is loops[1]
    assert done[1::2] == [1, 1]
    loops[0].close()


def test_context_variables_of_a_function_end_with_it():
    variable = contextvars.ContextVar("variable", default="unset")

    async def work():
        variable.set("set")

    surroundings = Functions({}, Adapter(wsgi)).surroundings
    surroundings.run(None, work)
    assert variable.get() == "unset"
    surroundings._loop.close()
