"""The local cloud from outside: what is deployed through AWS's APIs answers HTTP."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lambdify.cli.local import cloud as room

from .stacks import Deployed

pytestmark = pytest.mark.cloud

ECHO = "def handler(event, context):\n    print('asked for', event['rawPath'])\n    return event\n"
Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(cloud: room.Cloud, tmp_path: Path) -> Iterator[Deploy]:
    deployed: list[Deployed] = []

    def make(source: str, **options: Any) -> Deployed:
        deployed.append(Deployed(cloud, tmp_path, source, **options))
        return deployed[-1]

    yield make
    for each in deployed:
        each.remove()


def eventually(check: Callable[[], bool], seconds: float = 5) -> bool:
    give_up = time.monotonic() + seconds
    while not check():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def test_a_deployed_function_answers_http_with_what_api_gateway_would_have_asked(deploy: Deploy) -> None:
    app = deploy(ECHO)
    event = httpx.post(f"{app.url}/a%20b?x=1&x=2", content=b"hello", headers={"x-probe": "1"}).json()
    assert event["version"] == "2.0"
    assert event["rawPath"] == "/a b"
    assert event["rawQueryString"] == "x=1&x=2"
    assert event["body"] == "hello"
    assert event["headers"]["x-probe"] == "1"
    assert event["requestContext"]["http"]["method"] == "POST"


def test_a_redeployed_function_answers_at_the_same_url_at_once(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return 'one'\n")
    url = app.url
    assert httpx.get(url).text == "one"
    app.update("def handler(event, context):\n    return 'two'\n")
    assert app.url == url
    assert httpx.get(url).text == "two"


def test_its_log_lines_reach_cloudwatch_once(deploy: Deploy) -> None:
    app = deploy(ECHO)
    httpx.get(f"{app.url}/shop")
    assert eventually(lambda: any(line.startswith("REPORT") for line in app.log()))
    assert app.log().count("asked for /shop") == 1
    assert sum(line.startswith("START") for line in app.log()) == 1


def test_an_invocation_brings_back_what_the_function_returns(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return [event, context.invoked_function_arn]\n")
    answer = app.account.client("lambda").invoke(
        FunctionName=app.name, Qualifier="live", Payload=b'{"n": 1}', LogType="Tail"
    )
    event, arn = json.load(answer["Payload"])
    assert event == {"n": 1}
    assert f":function:{app.name}" in arn
    assert answer["ExecutedVersion"] == "1"
    assert "FunctionError" not in answer
    assert answer["LogResult"]


def test_an_invocation_brings_back_how_the_function_failed(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    raise ValueError('no such thing')\n")
    answer = app.account.client("lambda").invoke(FunctionName=app.name, Qualifier="live")
    body = json.load(answer["Payload"])
    assert answer["FunctionError"] == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "no such thing")
    assert body["stackTrace"]
