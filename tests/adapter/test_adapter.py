"""The whole line, from event to payload: what a caller of `Adapter(app)` can rely on."""

import asyncio
import json
import logging
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdify.adapter
from lambdify.adapter import Adapter
from lambdify.adapter.errors import EventUnknown, InterfaceUnknown
from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice
from lambdify.adapter.messages import Request

REQUEST = Request("GET", "/secret/path", "token=hidden", client="203.0.113.7")
EVENTS = [json.loads(file.read_text())["event"] for file in (Path(__file__).parent / "events").glob("*.json")]
TEXT = [("Content-Type", "text/plain")]
JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.none(), max_size=2)
    | st.just({})
)


def answering(body: bytes = b"fine", headers: list[tuple[str, str]] = TEXT) -> Any:
    """A WSGI app with one answer."""

    def app(environ, start_response):
        start_response("200 OK", headers)
        return [body]

    return app


def raising(error: BaseException) -> Any:
    """A WSGI app that raises."""

    def app(environ, start_response):
        raise error

    return app


def status(payload: dict[str, Any]) -> int:
    """The status, which CloudFront spells differently from everybody else."""
    return int(payload["status"] if "status" in payload else payload["statusCode"])


def test_one_name_is_public():
    assert lambdify.adapter.__all__ == ["Adapter"]


def test_the_app_and_its_interface_can_be_asked_for():
    app = answering()
    assert Adapter(app).app is app
    assert Adapter(app).interface == "wsgi"


def test_the_interface_can_be_said_where_it_cannot_be_seen(door, context):
    def app(*arguments):
        return answering()(*arguments)

    payload = Adapter(app, interface="wsgi")(door.write_event(REQUEST), context)
    assert door.source.read_payload(payload).body == b"fine"


def test_a_handler_is_not_wrapped_again():
    with pytest.raises(InterfaceUnknown, match="Lambda handler already"):
        Adapter(Adapter(answering()))


def test_several_cookies_reach_the_client(door, context):
    cookies = [("Set-Cookie", f"cookie{number}={number}; Path=/") for number in range(12)]
    payload = Adapter(answering(headers=[*TEXT, *cookies]))(door.write_event(REQUEST), context)
    received = [value for name, value in door.source.read_payload(payload).headers if name == "set-cookie"]
    assert received == [value for _, value in cookies]


def test_binary_bodies_reach_the_client(door, context):
    photo = bytes(range(256))
    payload = Adapter(answering(photo, [("Content-Type", "image/png")]))(door.write_event(REQUEST), context)
    assert payload.get("isBase64Encoded") or payload["bodyEncoding"] == "base64"
    assert door.source.read_payload(payload).body == photo


def test_the_error_of_an_app_is_a_plain_500_and_one_log_record(door, context, caplog):
    payload = Adapter(raising(LookupError("the password is swordfish")))(door.write_event(REQUEST), context)
    response = door.source.read_payload(payload)
    assert (response.status, response.body) == (500, b"Internal Server Error")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"GET /secret/path failed (request {context.aws_request_id})"
    assert "LookupError: the password is swordfish" in caplog.text
    assert "hidden" not in caplog.text


def test_the_traceback_is_shown_to_the_client_if_that_was_asked_for(door, context, caplog):
    adapter = Adapter(raising(LookupError("the shelf is empty")), show_errors=True)
    response = door.source.read_payload(adapter(door.write_event(REQUEST), context))
    assert response.status == 500
    assert dict(response.headers)["content-type"] == "text/plain; charset=utf-8"
    assert response.body.startswith(b"Traceback (most recent call last):")
    assert response.body.endswith(b"LookupError: the shelf is empty\n")
    assert "LookupError: the shelf is empty" in caplog.text


@pytest.mark.parametrize("character", ["x", "\0", "\x1b", "\u00e9", "\U0001f600", "\ud800"])
def test_of_a_long_traceback_the_end_is_shown_on_every_event_source(door, context, character):
    adapter = Adapter(raising(LookupError(f"{character * 100_000} is the end")), show_errors=True)
    response = door.source.read_payload(adapter(door.write_event(REQUEST), context))
    assert response.status == 500
    assert response.body.endswith(b" is the end\n")


def test_a_bad_request_shows_nothing_of_itself(context):
    event = {**http_api.write_event(REQUEST), "body": "secret?", "isBase64Encoded": True}
    payload = Adapter(answering(), show_errors=True)(event, context)
    assert (payload["statusCode"], payload["body"]) == (400, "Bad Request")


def test_a_header_that_splits_the_response_is_a_500(door, context, caplog):
    app = answering(headers=[("Location", "/\r\nSet-Cookie: stolen=1")])
    payload = Adapter(app)(door.write_event(REQUEST), context)
    assert door.source.read_payload(payload).status == 500
    assert "the header location holds CR, LF or NUL" in caplog.text


@pytest.mark.parametrize(
    ("event", "limit"),
    [
        (rest.write_event(REQUEST), 6_291_556),
        (http_api.write_event(REQUEST), 6_291_556),
        (alb.write_event(REQUEST), 1_048_576),
        (vpc_lattice.write_event(REQUEST), 6_291_556),
        (edge.write_event(REQUEST, at="origin-request"), 1_048_576),
        (edge.write_event(REQUEST, at="viewer-request"), 40_960),
    ],
    ids=["rest", "http_api", "alb", "vpc_lattice", "edge", "edge_viewer"],
)
def test_a_response_over_lambdas_limit_is_a_500_and_a_log_line_with_both_sizes(event, limit, context, caplog):
    assert status(Adapter(answering(b"x" * (limit - 500)))(event, context)) == 200
    assert status(Adapter(answering(b"x" * limit))(event, context)) == 500
    assert f"bytes as JSON, Lambda lets {limit:,} through" in caplog.text


def test_headers_that_no_front_end_lets_through_are_a_500_and_a_log_line(door, context, caplog):
    def app(environ, start_response):
        start_response("200 OK", [("X-Large", "x" * 7_000_000)])
        return [b"small"]

    assert status(Adapter(app)(door.write_event(REQUEST), context)) == 500
    assert "its headers take 7,000,000 bytes" in caplog.text


class ClosingBadly(list):
    """A body whose end is fine, and whose close() is not."""

    def __init__(self, error):
        super().__init__([b"hello"])
        self.error = error

    def close(self):
        raise self.error


def closing_badly(error):
    def app(environ, start_response):
        start_response("200 OK", TEXT)
        return ClosingBadly(error)

    return app


def test_what_an_app_raises_when_it_is_closed_is_logged_behind_its_answer(context, caplog):
    payload = Adapter(closing_badly(LookupError("too late")))(http_api.write_event(REQUEST), context)
    assert (payload["statusCode"], payload["body"]) == (200, "hello")
    assert (
        f"GET /secret/path was answered, then the app raised (request {context.aws_request_id})"
        in caplog.text
    )
    assert "LookupError: too late" in caplog.text


def test_an_app_may_end_the_process_when_it_is_closed(context):
    with pytest.raises(SystemExit):
        Adapter(closing_badly(SystemExit(1)))(http_api.write_event(REQUEST), context)


@pytest.mark.parametrize("size", [80_000, 90_000, 159_000])
@pytest.mark.parametrize("character", ["\N{GRINNING FACE}", "\1", "x"])
def test_whatever_json_makes_of_a_body_no_payload_is_larger_than_a_load_balancer_takes(
    character, size, context
):
    payload = Adapter(answering((character * size).encode()))(alb.write_event(REQUEST), context)
    written = json.dumps(payload, ensure_ascii=sys.version_info < (3, 12))
    assert len(written.encode()) <= alb.LIMIT


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), GeneratorExit(), BaseExceptionGroup("", [asyncio.CancelledError()])]
)
def test_what_is_no_exception_and_ends_nothing_is_a_500(error, context):
    assert status(Adapter(raising(error))(http_api.write_event(REQUEST), context)) == 500


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), BaseExceptionGroup("", [LookupError(), SystemExit(1)])]
)
def test_what_ends_a_process_ends_it(error, context):
    with pytest.raises(type(error)):
        Adapter(raising(error))(http_api.write_event(REQUEST), context)


def test_logging_that_the_app_sets_up_does_not_silence_us(context, capsys):
    import logging.config

    root = logging.getLogger()
    before = list(root.handlers)
    loggers = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    disabled = {each: each.disabled for each in loggers}
    adapter = Adapter(raising(LookupError("wrong")))
    handlers = {"console": {"class": "logging.StreamHandler"}}
    logging.config.dictConfig({"version": 1, "handlers": handlers, "root": {"handlers": ["console"]}})
    # The logger was made by an earlier test; in a function, it is made at the first failure.
    logging.getLogger("lambdify.adapter").disabled = False
    adapter(http_api.write_event(REQUEST), context)
    root.handlers[:] = before
    for logger, was_disabled in disabled.items():
        logger.disabled = was_disabled
    assert "LookupError: wrong" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {"source": "aws.events", "detail": {"password": "swordfish"}},
            "an event from aws.events with detail, source",
        ),
        (
            {"Records": [{"eventSource": "aws:sqs", "body": "swordfish"}]},
            "an event from aws:sqs with Records",
        ),
        ({"Records": [{"EventSource": "aws:sns", "Sns": "swordfish"}]}, "an event from aws:sns with Records"),
        ({"Records": [], "source": 5}, "an event with Records, source"),
        ({"anything": "swordfish"}, "an event with anything"),
        ({}, "an event with no keys"),
        ("swordfish", "a str"),
        (None, "a NoneType"),
    ],
)
def test_an_event_that_is_not_http_is_refused_by_its_kind_and_not_its_content(event, said, context):
    with pytest.raises(EventUnknown) as caught:
        Adapter(answering())(event, context)
    assert str(caught.value) == f"this function answers HTTP requests; it received {said}"


def test_an_event_that_is_not_http_reaches_the_function_for_events(context):
    received = []

    def on_event(event, context):
        received.append((event, context))
        return {"batchItemFailures": []}

    queue = {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}
    assert Adapter(answering(), on_event=on_event)(queue, context) == {"batchItemFailures": []}
    assert received == [(queue, context)]


def test_what_the_function_for_events_raises_is_an_error_of_the_function(context):
    def on_event(event, context):
        raise LookupError("retry me")

    with pytest.raises(LookupError, match="retry me"):
        Adapter(answering(), on_event=on_event)({"source": "aws.events"}, context)


@given(st.data())
def test_an_http_event_never_reaches_the_function_for_events(data):
    def on_event(event, context):
        raise AssertionError("an HTTP event got here")

    event = deepcopy(data.draw(st.sampled_from(EVENTS)))
    added = data.draw(st.dictionaries(st.sampled_from(["source", "lambdify", "detail", "Records"]), JUNK))
    payload = Adapter(answering(), on_event=on_event)({**added, **event}, None)
    assert status(payload) == 200


def test_an_event_of_many_keys_is_described_briefly(context):
    with pytest.raises(EventUnknown) as caught:
        Adapter(answering())({f"key{number}": 0 for number in range(1000)}, context)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"httpMethod": "GET", "path": 5}, id="REST with a number"),
        pytest.param({"httpMethod": None, "path": None, "requestContext": None}, id="REST of nulls"),
        pytest.param(
            {"version": "2.0", "rawPath": "/", "requestContext": {}}, id="format 2.0 without a method"
        ),
        pytest.param({"requestContext": {"elb": {}}}, id="load balancer without a path"),
        pytest.param(
            {**http_api.write_event(REQUEST), "body": "?", "isBase64Encoded": True}, id="bad base64"
        ),
        pytest.param({**http_api.write_event(REQUEST), "headers": {"a": 5}}, id="a number for a header"),
        pytest.param({"method": "GET", "raw_path": None}, id="VPC Lattice without a path"),
        pytest.param({"version": "2.0", "method": "GET", "path": "/"}, id="VPC Lattice without headers"),
        pytest.param({"Records": [{"cf": {"request": None}}]}, id="CloudFront without a request"),
        pytest.param({**http_api.write_event(REQUEST), "body": "\ud800"}, id="half a character"),
    ],
)
def test_a_broken_http_event_is_answered_400(event, context, caplog):
    assert status(Adapter(answering())(event, context)) == 400
    assert "an HTTP event could not be read" in caplog.text
