"""The daemon's API on its own socket (unix_http.py), for ministack and the commands.

    POST /invoke          an invocation that ministack passes on (events/invocations.py)
    POST /invoke-stream   one whose response is passed back as it comes, in frames (response_frames.py)
    POST /endpoint        {name, region, port} → {url}
    GET  /status          → {stages}

A LambdifyError becomes {"error": class, "message": ..., "hint": ...} with status 500; cloud.py raises it
again.
"""

import base64
import json
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from lambdify.cli.calls.invocation import read_payload
from lambdify.cli.errors import LambdifyError
from lambdify.cli.local.functions.fleet import Throttled
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.response_frames import Kind, write_frame
from lambdify.cli.local.response_stream import DELIMITER, ResponseStream, StreamBroken
from lambdify.cli.local.unix_http import Request, Response

Route = Callable[[dict[str, Any]], object]
"""Takes the arguments of a request and returns the response; both are JSON."""


class Lambda(Protocol):
    """Runs functions."""

    def invoke(self, arn: str, request_id: str, event: bytes, *, version: str) -> Outcome:
        """Run the event in the version, and return the outcome. The function sees the ARN."""

    def stream(
        self, arn: str, request_id: str, event: bytes, stream: ResponseStream, *, version: str
    ) -> Future[Outcome]:
        """Do the same in a thread of its own, with a streamed response."""


class Control:
    """Answers requests with the functions that it is given."""

    def __init__(self, lambda_: Lambda, routes: Mapping[tuple[str, str], Route]) -> None:
        """`routes` are by method and path."""
        self._lambda, self._routes = lambda_, routes

    def answer(self, request: Request) -> Response:
        """Return the response to one request."""
        try:
            if (request.method, request.path) == ("POST", "/invoke"):
                return self._run(request)
            if (request.method, request.path) == ("POST", "/invoke-stream"):
                return self._stream(request)
            route = self._routes.get((request.method, request.path))
            if route is None:
                return _json(HTTPStatus.NOT_FOUND, {})
            return _json(HTTPStatus.OK, route(json.loads(request.body or b"{}")))
        except LambdifyError as error:
            refusal = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, refusal)

    def _run(self, request: Request) -> Response:
        called = _read_call(request)
        try:
            outcome = self._lambda.invoke(called.arn, called.request_id, request.body, version=called.version)
        except Throttled:
            return _json(HTTPStatus.TOO_MANY_REQUESTS, {})
        log = base64.b64encode(outcome.log.encode()).decode()
        failed = (("x-amz-function-error", "Unhandled"),) if outcome.failed else ()
        payload = outcome.payload
        if DELIMITER in payload:  # ministack accepts JSON only, while Lambda returns a stream as it is
            payload = json.dumps(read_payload(payload)).encode()
        return Response(HTTPStatus.OK, payload, (("x-amz-log-result", log), *failed))

    def _stream(self, request: Request) -> Response:
        """Return the response as soon as the function begins to answer, or has not and never will."""
        called, stream = _read_call(request), ResponseStream()
        under_way = self._lambda.stream(
            called.arn, called.request_id, request.body, stream, version=called.version
        )
        # This ends the stream in any case. After a complete response, the call changes nothing.
        under_way.add_done_callback(lambda _: stream.end(broken=True))
        pieces = iter(stream)
        first = b""
        with suppress(StreamBroken):
            first = next(pieces, b"")
        try:
            if not first:
                under_way.result()
        except Throttled:
            return _json(HTTPStatus.TOO_MANY_REQUESTS, {})
        return Response(HTTPStatus.OK, b"", (_FRAMES,), _write_frames(first, pieces, under_way))


_FRAMES = ("content-type", "application/octet-stream")


class _Called(NamedTuple):
    """What ministack says of an invocation."""

    arn: str
    """With the alias that was called, else with the version."""
    version: str
    request_id: str


def _read_call(request: Request) -> _Called:
    arn = request.headers["x-amzn-lambda-function-arn"]
    version = request.headers["x-amzn-lambda-function-version"]
    qualified = arn if len(arn.split(":")) > 7 else f"{arn}:{version}"
    return _Called(qualified, version, request.headers["x-amzn-lambda-request-id"])


def _write_frames(first: bytes, pieces: Generator[bytes], under_way: Future[Outcome]) -> Generator[bytes]:
    """Yield what the function streams, else what it returned or raised, and at the end how it went."""
    try:
        if first:
            yield write_frame(Kind.PAYLOAD, first)
            with suppress(StreamBroken):
                for piece in pieces:
                    yield write_frame(Kind.PAYLOAD, piece)
        outcome = under_way.result()
        if not first:
            yield write_frame(Kind.PAYLOAD, outcome.payload)
        error = outcome.payload.decode(errors="replace") if outcome.failed else ""
        end = {"failed": outcome.failed, "error": error, "log": outcome.log}
        yield write_frame(Kind.END, json.dumps(end).encode())
    finally:
        # The function does not wait for a client that has gone.
        pieces.close()


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode(), (("content-type", "application/json"),))
