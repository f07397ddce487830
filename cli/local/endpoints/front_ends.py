"""The front ends of AWS, one for each kind of endpoint: the format of events, the time limit, and the
responses of the front end itself.

http-api      https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
rest-api      https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
function-url  https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lambdify.adapter.event_sources import http_api, rest
from lambdify.adapter.messages import Request, Response
from lambdify.cli.local.endpoints.distribution import Distribution
from lambdify.cli.local.http_server import plain
from lambdify.cli.settings import Settings
from lambdify.cli.template import ALIAS
from lambdify.cli.template.endpoints.rest_api import STAGE


@dataclass(frozen=True, kw_only=True)
class Api:
    """The deployed endpoint of a stage."""

    id: str
    integration: str
    """ARN of the function's alias that it calls."""
    kind: str = "http-api"
    mount: str = ""
    """The first part of every path: "/live" of a REST API."""
    streams: bool = False
    """Whether responses are streamed."""
    distribution: Distribution | None = None
    """The CDN in front of it; None if there is none."""
    names: tuple[str, ...] = ()
    """The names that it has, or its CDN; the first is the address of the stage."""
    path: str = ""
    """What paths on these names begin with: "/shop"; mostly "". An API's own address has it not."""

    def answers_to(self, host: str) -> bool:
        """Return whether a host is one of its names."""
        return host in self.names or f"*.{host.partition('.')[2]}" in self.names

    def mount_on(self, host: str) -> str:
        """Return what a path on that host begins with; a CDN asks it by its own address."""
        return self.path if self.distribution is None and self.answers_to(host) else self.mount


def describe_api(settings: Settings, function: str) -> Api:
    """Return the endpoint that a stage with the function of that ARN would have; the usual one for none."""
    kind = settings.http.endpoint if settings.http.endpoint in FRONT_ENDS else "http-api"
    return Api(
        id="serve",
        integration=f"{function}:{ALIAS}",
        kind=kind,
        mount=f"/{STAGE}" if kind == "rest-api" else "",
        streams=settings.http.streaming,
    )


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """The behaviour of one kind of endpoint."""

    write_event: Callable[[Request, Api, str, int], dict[str, Any]]
    """Request, endpoint, request id and milliseconds since 1970 → event."""
    read_payload: Callable[[object], Response]
    limit: float | None
    """Seconds that it waits for a response; None for no limit but the function's timeout."""
    missing: Response
    """There is no such endpoint, or no function behind it."""
    failed: Response
    """The function raised, died, timed out, or returned no response."""
    late: Response
    throttled: Response
    too_large: Response
    """The event would be over Lambda's limit."""


def _write_http_api(request: Request, api: Api, request_id: str, now: int) -> dict[str, Any]:
    return http_api.write_event(request, api_id=api.id, request_id=request_id, milliseconds=now)


def _write_function_url(request: Request, api: Api, request_id: str, now: int) -> dict[str, Any]:
    return http_api.write_event(
        request, api_id=api.id, request_id=request_id, milliseconds=now, function_url=True
    )


def _write_rest_api(request: Request, api: Api, request_id: str, now: int) -> dict[str, Any]:
    stage = api.mount[1:]
    return rest.write_event(request, api_id=api.id, stage=stage, request_id=request_id, milliseconds=now)


FRONT_ENDS: Mapping[str, FrontEnd] = {
    "http-api": FrontEnd(
        write_event=_write_http_api,
        read_payload=http_api.read_payload,
        limit=30.0,
        missing=plain(HTTPStatus.NOT_FOUND, "Not Found"),
        failed=plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"),
        late=plain(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable"),
        throttled=plain(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable"),
        too_large=plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"),
    ),
    "rest-api": FrontEnd(
        write_event=_write_rest_api,
        read_payload=rest.read_payload,
        limit=29.0,
        missing=plain(HTTPStatus.FORBIDDEN, "Forbidden"),
        failed=plain(HTTPStatus.BAD_GATEWAY, "Internal server error"),
        late=plain(HTTPStatus.GATEWAY_TIMEOUT, "Endpoint request timed out"),
        throttled=plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error"),
        too_large=plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long"),
    ),
    "function-url": FrontEnd(
        write_event=_write_function_url,
        read_payload=http_api.read_payload,
        limit=None,
        missing=plain(HTTPStatus.FORBIDDEN, "Forbidden"),
        failed=plain(HTTPStatus.BAD_GATEWAY, "Internal Server Error"),
        late=plain(HTTPStatus.GATEWAY_TIMEOUT, "Gateway Timeout"),
        throttled=plain(HTTPStatus.TOO_MANY_REQUESTS, "Rate Exceeded."),
        too_large=plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long"),
    ),
}
"""By the kind of endpoint in the settings. AWS's limits are fixed; the function runs on after them."""
