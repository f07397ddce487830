"""The handler of a function that streams, beside a stand-in for AWS's client; in tests/local it is real."""

import importlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lambdify.adapter.errors import AdapterError
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

from .runtime_api import ACCEPTED, RuntimeApi, chunk

CLIENT = """
class LambdaRuntimeClient:
    def __init__(self):
        self.posted = []

    def post_invocation_result(self, invoke_id, result_data, content_type="application/json"):
        self.posted.append((invoke_id, result_data, content_type))
"""
HELLO = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""
EVENT = http_api.write_event(Request(method="GET", path="/", client="192.0.2.1"), function_url=True)
CONTEXT = SimpleNamespace(aws_request_id="42")

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: RuntimeApi) -> Iterator[Load]:
    """Import the module as Lambda does, on a task root with that app; at the end it is forgotten."""

    def load(source: str = HELLO, client: str = CLIENT, **bundle: Any) -> ModuleType:
        (tmp_path / "app.py").write_text(source, encoding="utf-8")
        (tmp_path / ".lambdify").mkdir()
        (tmp_path / ".lambdify" / "bundle.json").write_text(json.dumps({"app": "app:app"} | bundle))
        (tmp_path / "awslambdaric").mkdir()
        (tmp_path / "awslambdaric" / "__init__.py").touch()
        (tmp_path / "awslambdaric" / "lambda_runtime_client.py").write_text(client, encoding="utf-8")
        monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", api.address)
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module("lambdify.adapter.streaming.runtime")

    yield load
    for name in ("lambdify.adapter.streaming.runtime", "lambdify.adapter.entry"):
        package, _, module = name.rpartition(".")
        if sys.modules.pop(name, None):
            delattr(sys.modules[package], module)
    for name in ("app", "awslambdaric", "awslambdaric.lambda_runtime_client"):
        sys.modules.pop(name, None)


@pytest.fixture
def call(load: Load, api: RuntimeApi) -> Iterator[Callable[..., bytes]]:
    """What the Runtime API gets when the handler is called."""
    threads = ThreadPoolExecutor(1)

    def call(runtime: ModuleType, event: Any = EVENT, answer: bytes = ACCEPTED) -> bytes:
        received = threads.submit(api.read_all, answer)
        assert runtime.handler(event, CONTEXT) is None
        return received.result(60)

    yield call
    threads.shutdown()


def test_an_http_event_is_answered_by_a_stream_and_its_result_is_not_posted(load, call):
    runtime = load()
    assert call(runtime).endswith(chunk(b"hello") + b"0\r\n\r\n")
    client = runtime.LambdaRuntimeClient()
    client.post_invocation_result("42", "null", "application/json")
    assert client.posted == []
    client.post_invocation_result("42", "null", "application/json")  # it was left out once
    assert client.posted == [("42", "null", "application/json")]


def test_any_other_event_is_answered_by_its_result(load):
    runtime = load()
    assert runtime.handler({"lambdify": "keep-warm"}, CONTEXT) == {"lambdify": "warm"}
    client = runtime.LambdaRuntimeClient()
    client.post_invocation_result("42", '{"lambdify": "warm"}', content_type="application/json")
    assert len(client.posted) == 1


def test_what_comes_by_the_alias_of_a_function_is_never_streamed(load, call):
    runtime = load(
        HELLO + "def work(event, context): return [1]", functions={"work": {"handler": "app:work"}}
    )
    alias = "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:work"
    assert runtime.handler(EVENT, SimpleNamespace(invoked_function_arn=alias, **vars(CONTEXT))) == [1]
    assert call(runtime).endswith(chunk(b"hello") + b"0\r\n\r\n")


def test_a_client_that_cannot_be_told_fails_the_init(load):
    with pytest.raises(AdapterError, match="has no post_invocation_result"):
        load(client="class LambdaRuntimeClient: pass")


def test_an_exception_before_the_response_is_a_500(load, call, caplog):
    runtime = load("def app(environ, start_response): raise LookupError('a secret')")
    sent = call(runtime)
    assert b'"statusCode": 500' in sent
    assert b"a secret" not in sent
    assert "LookupError: a secret" in caplog.text


def test_an_exception_within_the_response_ends_it(load, call, caplog):
    runtime = load(HELLO.replace("return [b", "yield from [b") + "    raise LookupError('too bad')\n")
    sent = call(runtime)
    assert chunk(b"hello") + b"0\r\nLambda-Runtime-Function-Error-Type: Function.LookupError\r\n" in sent
    assert "GET / failed while it was answered (request 42)" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("start_response('200 OK', []); return ['text']", id="text for bytes"),
        pytest.param("start_response('200 OK', [('Content-Length', '3')]); return [b'hello']", id="too long"),
        pytest.param("start_response('200 OK', [('Content-Length', '9')]); return [b'']", id="too short"),
        pytest.param("raise __import__('asyncio').CancelledError", id="no Exception"),
    ],
)
def test_a_first_piece_that_cannot_be_sent_is_a_500(load, call, caplog, answer):
    sent = call(load(f"def app(environ, start_response): {answer}"))
    assert sent.startswith(b"POST /2018-06-01/runtime/invocation/42/response ")
    assert b'"statusCode": 500' in sent
    assert "GET / failed (request 42)" in caplog.text


def test_what_an_app_raises_when_it_is_closed_comes_after_its_answer(load, call, caplog):
    source = """
class Body(list):
    def close(self):
        raise LookupError("too late")

def app(environ, start_response):
    start_response("200 OK", [])
    return Body([b"hello"])
"""
    assert call(load(source)).endswith(chunk(b"hello") + b"0\r\n\r\n")
    assert "GET / was answered, then the app raised (request 42)" in caplog.text
    assert "LookupError: too late" in caplog.text


@pytest.mark.parametrize("end", ["SystemExit", "KeyboardInterrupt"])
def test_an_app_may_end_the_process(load, end):
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        load(f"def app(environ, start_response): raise {end}").handler(EVENT, CONTEXT)


def test_an_event_that_cannot_be_read_is_a_400(load, call):
    runtime = load()
    assert b'"statusCode": 400' in call(runtime, EVENT | {"body": "%", "isBase64Encoded": True})


def test_a_handler_of_the_projects_own_streams_what_it_returns(load, call):
    payload = {"statusCode": 201, "body": "made"}
    runtime = load(f"def app(event, context): return {json.dumps(payload)}")
    sent = call(runtime)
    assert b'"statusCode": 201' in sent
    assert sent.endswith(chunk(b"made") + b"0\r\n\r\n")


def test_a_handler_of_the_projects_own_that_raises_is_a_500(load, call):
    assert b'"statusCode": 500' in call(load("def app(event, context): raise LookupError"))


def test_a_response_that_is_no_longer_read_is_no_error(load, api, caplog):
    runtime = load()
    api.close()
    with caplog.at_level(logging.INFO):
        assert runtime.handler(EVENT, CONTEXT) is None
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "no longer read" in caplog.text


def test_what_the_runtime_api_refuses_is_logged(load, call, caplog):
    call(load(), answer=b"HTTP/1.1 413 Too Large\r\n\r\n")
    assert "Lambda refused a streamed response: b'HTTP/1.1 413" in caplog.text
