"""The daemon's API on its own socket (unix_http.py), for ministack and the commands.

    POST /invoke     an invocation that ministack passes on (ministack_bridge.py)
    POST /endpoint   {name, region, port} → {url}
    GET  /status     → {stages}

A LambdifyError becomes {"error": class, "message": ..., "hint": ...} with status 500; cloud.py raises it
again.
"""

import base64
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from lambdify.cli.calls.invocation import read_payload
from lambdify.cli.errors import LambdifyError
from lambdify.cli.local.functions.fleet import Throttled
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.response_stream import DELIMITER
from lambdify.cli.local.unix_http import Request, Response

Route = Callable[[dict[str, Any]], object]
"""Takes the arguments of a request and returns the response; both are JSON."""


class Control:
    """Answers requests with the functions that it is given."""

    def __init__(
        self, invoke: Callable[[str, str, bytes], Outcome], routes: Mapping[tuple[str, str], Route]
    ) -> None:
        """`invoke` takes ARN, request id and event; `questions` are by method and path."""
        self._invoke, self._routes = invoke, routes

    def answer(self, request: Request) -> Response:
        """Return the response to one request."""
        try:
            if (request.method, request.path) == ("POST", "/invoke"):
                return self._run(request)
            route = self._routes.get((request.method, request.path))
            if route is None:
                return _json(HTTPStatus.NOT_FOUND, {})
            return _json(HTTPStatus.OK, route(json.loads(request.body or b"{}")))
        except LambdifyError as error:
            refusal = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, refusal)

    def _run(self, request: Request) -> Response:
        headers = request.headers
        arn = ":".join(headers["x-amzn-lambda-function-arn"].split(":")[:7])
        version = headers["x-amzn-lambda-function-version"]
        try:
            outcome = self._invoke(f"{arn}:{version}", headers["x-amzn-lambda-request-id"], request.body)
        except Throttled:
            return _json(HTTPStatus.TOO_MANY_REQUESTS, {})
        log = base64.b64encode(outcome.log.encode()).decode()
        failed = (("x-amz-function-error", "Unhandled"),) if outcome.failed else ()
        payload = outcome.payload
        if DELIMITER in payload:  # ministack accepts JSON only, while Lambda returns a stream as it is
            payload = json.dumps(read_payload(payload)).encode()
        return Response(HTTPStatus.OK, payload, (("x-amz-log-result", log), *failed))


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode(), (("content-type", "application/json"),))
