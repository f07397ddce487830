"""The gateway answers as API Gateway does, also where the function does not."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from lambdify.adapter.messages import Request, Response
from lambdify.cli.errors import NotDeployed, PythonNotFound
from lambdify.cli.local.fleet import Throttled
from lambdify.cli.local.front_ends import Api
from lambdify.cli.local.gateway import EVENT_LIMIT, Gateway
from lambdify.cli.local.sandbox import Outcome

API = Api(id="abc123", integration="arn:aws:lambda:us-east-1:000000000000:function:shop:live")
GET = Request(method="GET", path="/", scheme="http", host="127.0.0.1", port=8000, client="127.0.0.1")


THREADS = ThreadPoolExecutor(2)


def gateway(result: Callable[[], Outcome], **options: Any) -> Gateway:
    return Gateway(lambda: API, lambda *_: THREADS.submit(result), **options)


def returning(value: object) -> Gateway:
    return gateway(lambda: Outcome(json.dumps(value).encode(), failed=False))


def raising(error: Exception) -> Gateway:
    def result() -> Outcome:
        raise error

    return gateway(result)


def told(response: Response) -> tuple[int, str]:
    return response.status, json.loads(response.body)["message"]


def test_a_request_becomes_an_event_for_the_function_behind_the_default_route() -> None:
    asked: list[tuple[str, str, bytes]] = []

    def start(arn: str, request_id: str, event: bytes, _: object) -> "Future[Outcome]":
        asked.append((arn, request_id, event))
        return THREADS.submit(lambda: Outcome(b'{"statusCode": 200}', failed=False))

    Gateway(lambda: API, start).answer(
        GET._replace(path="/a%20b", query="c=%2B", headers=(("cookie", "d=1; e=2"),))
    )
    arn, request_id, body = asked[0]
    event = json.loads(body)
    assert arn == API.integration
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/a b", "c=%2B")
    assert event["cookies"] == ["d=1", "e=2"]
    assert event["requestContext"]["apiId"] == "abc123"
    assert event["requestContext"]["requestId"] == request_id
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["timeEpoch"] > 1_700_000_000_000


def test_a_payload_becomes_the_response() -> None:
    payload = {
        "statusCode": 404,
        "headers": {"x": "y"},
        "cookies": ["a=1"],
        "body": "//8=",
        "isBase64Encoded": True,
    }
    response = returning(payload).answer(GET)
    assert response == Response(404, (("x", "y"), ("set-cookie", "a=1")), b"\xff\xff")


def test_a_payload_without_a_status_is_a_body_of_json() -> None:
    response = returning({"hello": "world"}).answer(GET)
    assert (response.status, json.loads(response.body)) == (200, {"hello": "world"})


def test_a_function_that_failed_tells_the_client_nothing() -> None:
    secret = Outcome(b'{"errorMessage": "secret"}', failed=True)
    assert told(gateway(lambda: secret).answer(GET)) == (500, "Internal Server Error")


def test_a_payload_that_is_no_response_is_an_error_of_the_function() -> None:
    assert told(returning({"statusCode": "many"}).answer(GET)) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Throttled(), (503, "Service Unavailable")),
        (NotDeployed("gone"), (404, "Not Found")),
        (PythonNotFound("no Python 3.9"), (500, "Internal Server Error")),
    ],
)
def test_what_keeps_a_function_from_running_has_an_answer(error: Exception, answer: tuple[int, str]) -> None:
    assert told(raising(error).answer(GET)) == answer


def test_a_stage_without_an_api_is_not_found() -> None:
    nothing = Gateway(lambda: None, lambda *_: THREADS.submit(Outcome, b"{}", failed=False))
    assert told(nothing.answer(GET)) == (404, "Not Found")


@pytest.fixture
def done() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_client_does_not_wait_longer_than_api_gateway_does(done: threading.Event) -> None:
    def slow() -> Outcome:
        done.wait(10)
        return Outcome(b"{}", failed=False)

    assert told(gateway(slow, limit=0.1).answer(GET)) == (503, "Service Unavailable")


def test_an_event_over_lambdas_limit_does_not_reach_the_function() -> None:
    def never() -> Outcome:
        raise AssertionError("the function was called")

    big = GET._replace(method="POST", body=b"\xff" * (EVENT_LIMIT * 3 // 4))
    assert told(gateway(never).answer(big)) == (500, "Internal Server Error")
