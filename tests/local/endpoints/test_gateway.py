"""The gateway answers as API Gateway does, also where the function does not."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from lambdify.adapter.messages import Request, Response
from lambdify.cli.errors import NotDeployed, PythonNotFound
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.endpoints.gateway import EVENT_LIMIT, Gateway
from lambdify.cli.local.functions.fleet import Throttled
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.http_server import StreamedResponse
from lambdify.cli.local.response_stream import ResponseStream, StreamBroken

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
        done.wait(60)
        return Outcome(b"{}", failed=False)

    assert told(gateway(slow, limit=0.1).answer(GET)) == (503, "Service Unavailable")


def test_an_event_over_lambdas_limit_does_not_reach_the_function() -> None:
    def never() -> Outcome:
        raise AssertionError("the function was called")

    big = GET._replace(method="POST", body=b"\xff" * (EVENT_LIMIT * 3 // 4))
    assert told(gateway(never).answer(big)) == (500, "Internal Server Error")


# ---------------------------------------------------------------- other kinds of endpoints

ARN = API.integration
URL = Api(kind="function-url", id="abc123", integration=ARN)
REST = Api(kind="rest-api", id="abc123", integration=ARN, mount="/live")


def event_of(api: Api, request: Request) -> dict[str, Any]:
    """The event that the function gets for a request."""
    events: list[dict[str, Any]] = []

    def start(arn: str, request_id: str, event: bytes, _: object) -> "Future[Outcome]":
        events.append(json.loads(event))
        return THREADS.submit(lambda: Outcome(b'{"statusCode": 200}', failed=False))

    assert Gateway(lambda: api, start).answer(request).status == 200
    return events[0]


def test_behind_a_function_url_the_path_stays_encoded() -> None:
    event = event_of(URL, GET._replace(path="/a%20b"))
    assert event["rawPath"] == "/a%20b"
    assert event["requestContext"]["domainName"] == "abc123.lambda-url.local.on.aws"


@pytest.mark.parametrize(
    ("asked", "path", "whole"),
    [("/live/a%20b", "/a%20b", "/live/a%20b"), ("/live/", "/", "/live/"), ("/live", "/", "/live/")],
)
def test_behind_a_rest_api_the_stage_is_the_mount(asked: str, path: str, whole: str) -> None:
    event = event_of(REST, GET._replace(path=asked))
    assert (event["path"], event["requestContext"]["path"]) == (path, whole)
    assert event["requestContext"]["stage"] == "live"
    assert event["resource"] == ("/" if path == "/" else "/{proxy+}")


@pytest.mark.parametrize("path", ["/", "/lively", "/other/live"])
def test_a_rest_api_has_nothing_outside_its_stage(path: str) -> None:
    nothing = Gateway(lambda: REST, lambda *_: THREADS.submit(Outcome, b"{}", failed=False))
    assert told(nothing.answer(GET._replace(path=path))) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("api", "outcome", "answer"),
    [
        (URL, Outcome(b"{}", failed=True), (502, "Internal Server Error")),
        (URL, Throttled(), (429, "Rate Exceeded.")),
        (URL, NotDeployed("gone"), (403, "Forbidden")),
        (REST, Outcome(b"{}", failed=True), (502, "Internal server error")),
        (REST, Outcome(b"no JSON", failed=False), (502, "Internal server error")),
        (REST, Throttled(), (500, "Internal server error")),
    ],
)
def test_every_kind_says_what_went_wrong_in_its_own_words(
    api: Api, outcome: Outcome | Exception, answer: tuple[int, str]
) -> None:
    def result() -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    request = GET._replace(path=f"{api.mount}/")
    assert told(Gateway(lambda: api, lambda *_: THREADS.submit(result)).answer(request)) == answer


# ---------------------------------------------------------------- endpoints that stream

STREAMING = replace(URL, streams=True)


def streaming(send: Callable[[ResponseStream], Outcome]) -> Gateway:
    return Gateway(lambda: STREAMING, lambda *arguments: THREADS.submit(send, arguments[3]))


def test_what_a_function_streams_goes_on_as_it_comes() -> None:
    first, second = threading.Event(), threading.Event()

    def send(stream: ResponseStream) -> Outcome:
        stream.put(b'{"statusCode": 201, "cookies": ["a=1"]}' + bytes(8))
        first.wait(60)
        stream.put(b"one")
        second.wait(60)
        stream.put(b"two")
        stream.end()
        return Outcome(b"", failed=False)

    answer = streaming(send).answer(GET)
    assert isinstance(answer, StreamedResponse)
    assert (answer.status, answer.headers) == (201, (("set-cookie", "a=1"),))
    first.set()
    pieces = iter(answer.pieces)
    assert next(pieces) == b"one"
    second.set()
    assert list(pieces) == [b"two"]


def test_a_function_that_fails_half_way_breaks_the_response_off() -> None:
    def send(stream: ResponseStream) -> Outcome:
        stream.put(b'{"statusCode": 200}' + bytes(8) + b"half")
        return Outcome(b"{}", failed=True)

    answer = streaming(send).answer(GET)
    assert isinstance(answer, StreamedResponse)
    pieces = iter(answer.pieces)
    assert next(pieces) == b"half"
    with pytest.raises(StreamBroken):
        next(pieces)


def test_a_function_that_fails_before_it_streams_is_an_error() -> None:
    failed = streaming(lambda _: Outcome(b"{}", failed=True)).answer(GET)
    assert told(failed) == (502, "Internal Server Error")


def test_a_payload_behind_an_endpoint_that_streams_is_shown_as_it_is() -> None:
    payload = b'{"statusCode": 404, "body": "hello"}'
    answer = streaming(lambda _: Outcome(payload, failed=False)).answer(GET)
    assert answer == Response(200, (("content-type", "application/octet-stream"),), payload)


@pytest.mark.parametrize("prelude", [b"no JSON", b"[]", b'{"statusCode": "many"}'])
def test_a_prelude_that_is_no_response_is_an_error_of_the_function(prelude: bytes) -> None:
    def send(stream: ResponseStream) -> Outcome:
        stream.put(prelude + bytes(8))
        return Outcome(b"", failed=False)

    assert told(
        Gateway(lambda: replace(REST, mount="", streams=True), lambda *a: THREADS.submit(send, a[3])).answer(
            GET
        )
    ) == (502, "Internal server error")
