"""REMOTE_USER: whom an authorizer let in, for apps that take its word; nobody for all others."""

import json
from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.errors import AdapterError
from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice
from lambdify.adapter.messages import Request

GET = Request("GET", "/", headers=(("remote-user", "mallory"), ("remote_user", "mallory")))


def app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(environ.get("REMOTE_USER")).encode()]


def ask(event: dict[str, Any], **settings: Any) -> Any:
    return json.loads(Adapter(app, **settings)(event, None)["body"])


def with_context(source: Any, **context: Any) -> dict[str, Any]:
    event = source.write_event(GET)
    event["requestContext"] = {**event["requestContext"], **context}
    return event


KNOWN = {
    "REST, Lambda authorizer": (with_context(rest, authorizer={"principalId": "ada", "plan": "pro"}), "ada"),
    "REST, Cognito": (with_context(rest, authorizer={"claims": {"sub": "ada", "name": "Ada"}}), "ada"),
    "REST, IAM": (
        with_context(rest, identity={"sourceIp": "203.0.113.7", "userArn": "arn:aws:iam::1:user/ada"}),
        "arn:aws:iam::1:user/ada",
    ),
    "HTTP API, JWT": (with_context(http_api, authorizer={"jwt": {"claims": {"sub": "ada"}}}), "ada"),
    "HTTP API, Lambda authorizer": (
        with_context(http_api, authorizer={"lambda": {"principalId": "ada"}}), "ada",
    ),
    "HTTP API, IAM": (
        with_context(http_api, authorizer={"iam": {"userArn": "arn:aws:iam::1:user/ada"}}),
        "arn:aws:iam::1:user/ada",
    ),
    "VPC Lattice, IAM": (
        with_context(vpc_lattice, identity={"principal": "arn:aws:iam::1:role/ada", "type": "AWS_IAM"}),
        "arn:aws:iam::1:role/ada",
    ),
}  # fmt: skip
UNKNOWN = {
    "nobody was asked": http_api.write_event(GET),
    "REST without one": rest.write_event(GET),
    "a load balancer": alb.write_event(GET),
    "CloudFront": edge.write_event(GET),
    "VPC Lattice, version 1": vpc_lattice.write_event(GET, version=1),
    "null": with_context(rest, authorizer=None, identity=None),
    "a text": with_context(rest, authorizer="ada"),
    "nulls inside": with_context(
        http_api, authorizer={"jwt": None, "lambda": None, "iam": {"userArn": None}}
    ),
    "a number": with_context(rest, authorizer={"principalId": 5}),
    "empty": with_context(rest, authorizer={"principalId": "", "claims": {}}),
    "an authorizer that names nobody": with_context(http_api, authorizer={"lambda": {"plan": "pro"}}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_whom_the_authorizer_let_in_where_that_is_set(name):
    event, user = KNOWN[name]
    assert ask(event, remote_user=True) == user
    assert ask(event) is None


@pytest.mark.parametrize("name", UNKNOWN)
def test_it_is_nobody_where_nobody_was_let_in(name):
    assert ask(UNKNOWN[name], remote_user=True) is None


def test_characters_are_bytes_as_everywhere_in_environ():
    event = with_context(rest, authorizer={"principalId": "ad\u00e1"})
    assert ask(event, remote_user=True) == "ad\u00e1".encode().decode("latin-1")


def test_an_asgi_app_has_no_place_for_it():
    async def asgi_app(scope, receive, send): ...

    with pytest.raises(AdapterError, match="remote_user"):
        Adapter(asgi_app, remote_user=True)
