"""The endpoint of one stage: HTTP requests become HTTP API events, the function's payloads become responses.

What API Gateway itself answers, in its own words:

    body over 10 MB                          413  Request Entity Too Large     (http_server.py)
    no API, no function                      404  Not Found
    function raised, died or timed out       500  Internal Server Error
    not done in 30 s, or throttled           503  Service Unavailable
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

import json
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lambdify.adapter.errors import PayloadRefused
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request, Response
from lambdify.cli.errors import LambdifyError, NotDeployed
from lambdify.cli.local.fleet import Throttled
from lambdify.cli.local.http_server import plain
from lambdify.cli.local.sandbox import Outcome

INTEGRATION_LIMIT = 30.0
"""Seconds. Fixed on AWS; the function goes on to its own timeout all the same."""
EVENT_LIMIT = 6 * 1024 * 1024 + 100
"""Bytes of an event, with its body in base64 if it is not text: Lambda's own limit."""
_log = logging.getLogger(__name__)

Start = Callable[[str, str, bytes], "Future[Outcome]"]
"""(ARN, request id, event) → what becomes the Outcome, or raises Throttled or NotDeployed."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """What was deployed as the endpoint of a stage."""

    id: str
    integration: str
    """ARN of the function's alias behind the $default route."""


class Gateway:
    """Answers the requests of one stage. `find_api` says what is deployed there now, or None."""

    def __init__(
        self, find_api: Callable[[], Api | None], start: Start, *, limit: float = INTEGRATION_LIMIT
    ) -> None:
        self._find_api, self._start, self._limit = find_api, start, limit

    def answer(self, request: Request) -> Response:
        """The response to one request, as a client of API Gateway would get it."""
        api = self._find_api()
        if api is None:
            return plain(HTTPStatus.NOT_FOUND, "Not Found")
        request_id = str(uuid.uuid4())
        event = json.dumps(_write_event(request, api, request_id)).encode()
        if len(event) > EVENT_LIMIT:
            _log.warning("%s %s: the event has %d bytes, over Lambda's limit", *request[:2], len(event))
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        return self._await(self._start(api.integration, request_id, event))

    def _await(self, under_way: "Future[Outcome]") -> Response:
        try:
            outcome = under_way.result(self._limit)
        except (FutureTimeoutError, Throttled):
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
        except NotDeployed:
            return plain(HTTPStatus.NOT_FOUND, "Not Found")
        except LambdifyError as error:
            _log.error("%s %s", error.message, error.hint)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        if outcome.failed:
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        try:
            return http_api.read_payload(json.loads(outcome.payload))
        except PayloadRefused as error:
            _log.error("%s", error)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")


def _write_event(request: Request, api: Api, request_id: str) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    return http_api.write_event(request, api_id=api.id, request_id=request_id, milliseconds=now)
