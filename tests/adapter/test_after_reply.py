"""A response that is handed over to Lambda's Runtime API while the app goes on."""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

from .aws_service import HANG_UP, AwsService
from .test_runtime import CLIENT

EVENT = http_api.write_event(Request("GET", "/", client="192.0.2.1"))
CONTEXT = SimpleNamespace(aws_request_id="42")
PATH = "/2018-06-01/runtime/invocation/42/response"

Start = Callable[..., AwsService]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """AWS's client, loaded as it is in Lambda."""
    (tmp_path / "awslambdaric").mkdir()
    (tmp_path / "awslambdaric" / "__init__.py").touch()
    (tmp_path / "awslambdaric" / "lambda_runtime_client.py").write_text(CLIENT)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("awslambdaric.lambda_runtime_client")
    for name in ("awslambdaric", "awslambdaric.lambda_runtime_client"):
        sys.modules.pop(name)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """`runtime(answer)`: the Runtime API."""
    services: list[AwsService] = []

    def start(answer: Any = (202, {})) -> AwsService:
        services.append(AwsService([answer]))
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", services[-1].url.removeprefix("http://"))
        return services[-1]

    yield start
    for service in services:
        service.close()


@pytest.fixture
def app() -> Iterator[Any]:
    """`app.adapter` of an app whose background task waits for what `app.sent()` returns, and notes that."""
    app = FastAPI()
    app.noted = []
    app.sent = lambda: ["nothing"]

    async def work() -> None:
        await asyncio.sleep(0.05)
        give_up = asyncio.get_running_loop().time() + 60
        while not (found := app.sent()) and asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.001)
        app.noted.append(found)

    @app.get("/")
    async def home(tasks: BackgroundTasks) -> str:
        tasks.add_task(work)
        return "made"

    app.adapter = Adapter(app)
    yield app
    app.adapter.close()


def posts(client: ModuleType, result: Any) -> list[Any]:
    """What AWS's loop posts for the invocation, and for the same again."""
    loop = client.LambdaRuntimeClient()
    loop.post_invocation_result("42", result)
    first = len(loop.posted)
    loop.post_invocation_result("42", result)
    return [first, len(loop.posted)]


def test_a_background_task_of_fastapi_runs_after_the_reply(app, client, runtime):
    service = runtime()
    for number in (1, 2):
        app.sent = lambda number=number: [path for path, _, _ in service.asked][number - 1 :]
        result = app.adapter(EVENT, CONTEXT)
        assert posts(client, result) == [0, 1], "what was handed over is not posted again; anything else is"
    assert app.noted == [[PATH], [PATH]]
    _, headers, payload = service.asked[0]
    assert headers["content-type"] == "application/json"
    assert (payload["statusCode"], payload["body"]) == (200, '"made"')
    assert json.loads(json.dumps(result)) == payload


@pytest.mark.parametrize("answer", [(413, {}), (500, {}), HANG_UP])
def test_what_lambda_does_not_take_is_posted_by_aws_s_loop(app, client, runtime, answer):
    runtime(answer)
    assert app.adapter(EVENT, CONTEXT)["body"] == '"made"'
    assert len(app.noted) == 1
    assert posts(client, "result") == [1, 2]


def test_where_nobody_listens_it_is_posted_by_aws_s_loop(app, client, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    assert app.adapter(EVENT, CONTEXT)["body"] == '"made"'
    assert posts(client, "result") == [1, 2]


def test_without_aws_s_client_the_response_waits_for_the_app(app, runtime):
    service = runtime()
    assert app.adapter(EVENT, CONTEXT)["body"] == '"made"'
    assert service.asked == []
    assert app.noted == [["nothing"]]


def test_outside_of_lambda_the_response_waits_for_the_app(app, client, monkeypatch):
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    assert app.adapter(EVENT, CONTEXT)["body"] == '"made"'
    assert app.noted == [["nothing"]]


def test_a_client_that_cannot_be_told_is_left_alone(app, client, runtime):
    service = runtime()
    del client.LambdaRuntimeClient.post_invocation_result
    assert app.adapter(EVENT, CONTEXT)["body"] == '"made"'
    assert service.asked == []


def test_it_can_be_turned_off(app, client, runtime):
    service = runtime()
    adapter = Adapter(app, after_reply=False)
    assert adapter(EVENT, CONTEXT)["body"] == '"made"'
    assert service.asked == []
    adapter.close()
