"""Where a request came to and where from: the client's word where it makes sense, else the front door's."""

import json
import re
from typing import Any
from wsgiref.util import request_uri

import pytest

from lambdify.adapter import Adapter, asgi, wsgi
from lambdify.adapter.event_sources import alb, http_api, rest
from lambdify.adapter.messages import Request

DOOR = "a1b2c3.execute-api.eu-central-1.amazonaws.com"

VALID = {
    "shop.example": ("shop.example", 443),
    "shop.example:8443": ("shop.example", 8443),
    "shop.example.": ("shop.example.", 443),
    "shop.example:": ("shop.example", 443),
    "shop.example:65535": ("shop.example", 65535),
    "shop.example:0065535": ("shop.example", 65535),
    f"shop.example:{'0' * 5000}80": ("shop.example", 80),
    "my_shop.example": ("my_shop.example", 443),
    "203.0.113.7:80": ("203.0.113.7", 80),
    "localhost": ("localhost", 443),
    "[::1]": ("::1", 443),
    "[::1]:8443": ("::1", 8443),
    "[2001:db8::7]:": ("2001:db8::7", 443),
    "[::ffff:203.0.113.7]": ("::ffff:203.0.113.7", 443),
}
INVALID = (
    "shop.example:65536", "shop.example:99999999999999", f"shop.example:{'9' * 5000}", "shop.example:-1",
    "shop.example:+80", "shop.example:8_0", "shop.example:\u0663", "shop.example:\u00b2", "a:80:90",
    "shop..example", ".shop.example", "shop.example..", ".", ":", ":80", "[:::]", "[::1", "::1]", "[]",
    "[::1]x", "[::1]80", "[::1]:65536", "[12345::1]", "[shop.example]", "[::1%25eth0]", "[v1.x]", "::1",
    "2001:db8::7",
    "2001:db8::7:80", "shop example", "ada@shop.example", "shop.example/path", "shop.example?a", "a#a",
    "shop.example\\x", "sh\u00f6p.example", "\u2100.example", "shop.example\r\nx", "\0", " ", "shop.example ",
    "http://shop.example",
)  # fmt: skip


def event(host: str | None, *, scheme: str = "https", **more: str) -> dict[str, Any]:
    written = http_api.write_event(Request("GET", "/a", scheme=scheme))
    written["requestContext"]["domainName"] = DOOR
    written["headers"] = {"x-forwarded-proto": scheme, **more}
    if host is not None:
        written["headers"]["host"] = host
    return written


def find(host: str | None, **more: str) -> tuple[str, int]:
    """Where both interfaces say that the request came to."""
    request = http_api.read_event(event(host, **more))
    environ = wsgi.build_environ(request, {}, None)
    scope = asgi.build_scope(request, {}, None, {})
    assert (environ["SERVER_NAME"], int(environ["SERVER_PORT"])) == scope["server"]
    if host is not None:
        assert environ["HTTP_HOST"] == host.encode().decode("latin-1") or environ["HTTP_HOST"] == host
    return scope["server"]


@pytest.mark.parametrize("host", VALID, ids=lambda host: host[:40])
def test_the_server_is_what_the_client_called(host):
    assert find(host) == VALID[host]


@pytest.mark.parametrize("host", INVALID, ids=lambda host: ascii(host[:40]))
def test_a_host_that_is_none_leaves_the_front_door(host):
    assert find(host) == (DOOR, 443)


def test_the_front_door_has_its_own_port():
    assert find("[:::]", **{"x-forwarded-port": "8443"}) == (DOOR, 8443)
    assert find(None, **{"x-forwarded-port": "65536"}) == (DOOR, 443)
    assert find("", scheme="http") == (DOOR, 80)


def test_a_front_door_without_a_name_is_localhost():
    written = alb.write_event(Request("GET", "/"))
    written["multiValueHeaders"]["host"] = ["[:::]"]
    request = alb.read_event(written)
    assert (request.host, request.port) == ("localhost", 443)
    named = rest.write_event(Request("GET", "/"))
    named["multiValueHeaders"] = named["headers"] = None
    named["requestContext"]["domainName"] = "shop..example"
    assert rest.read_event(named).host == "localhost"
    named["requestContext"]["domainName"] = "localhost:3000"
    assert (rest.read_event(named).host, rest.read_event(named).port) == ("localhost", 3000)


USUAL = [host for host in VALID if len(host) < 100]  # Starlette reads no port of 5,000 digits


@pytest.mark.parametrize("host", [*USUAL, *INVALID, None, ""], ids=lambda host: ascii(host)[:40])
def test_starlettes_redirect_to_https_never_fails(host):
    from starlette.applications import Starlette
    from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware

    adapter = Adapter(HTTPSRedirectMiddleware(Starlette()))
    payload = adapter(event(host, scheme="http"), None)
    adapter.close()
    assert payload["statusCode"] == 307
    assert re.fullmatch(r"https://[A-Za-z0-9._\[\]:-]+/a", payload["headers"]["location"])


@pytest.mark.parametrize("host", [*VALID, *INVALID, None, ""], ids=lambda host: ascii(host)[:40])
def test_flask_answers_whatever_the_host_is(host):
    from flask import Flask, request

    app = Flask(__name__)

    @app.get("/a")
    def index():
        return request.remote_addr

    assert Adapter(app)(event(host), None)["statusCode"] in (200, 400)


def test_a_uri_is_made_of_an_address_of_version_6():
    request = http_api.read_event(event("[::1]:8443"))
    assert request_uri(wsgi.build_environ(request, {}, None)) == "https://[::1]:8443/a"


@pytest.mark.parametrize(
    ("hop", "client"),
    [
        ("203.0.113.7", ("203.0.113.7", 0)),
        ("203.0.113.7:41234", ("203.0.113.7", 41234)),
        ("203.0.113.7:65536", ("203.0.113.7", 0)),
        ("203.0.113.7:", ("203.0.113.7", 0)),
        ("2001:db8::7", ("2001:db8::7", 0)),
        ("[2001:db8::7]:41234", ("2001:db8::7", 41234)),
        ("[2001:db8::7]", ("2001:db8::7", 0)),
    ],
)
def test_the_clients_port_is_the_one_that_a_load_balancer_adds(hop, client):
    written = alb.write_event(Request("GET", "/"))
    written["multiValueHeaders"]["x-forwarded-for"] = [f"198.51.100.9:1, {hop}"]
    request = alb.read_event(written)
    environ = wsgi.build_environ(request, {}, None)
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (client[0], str(client[1]))
    assert asgi.build_scope(request, {}, None, {})["client"] == client
    again = alb.read_event(alb.write_event(request))
    assert (again.client, again.client_port) == client
    assert sorted(again.headers) == sorted(request.headers)


def test_where_nobody_tells_the_port_it_is_0():
    environ = wsgi.build_environ(http_api.read_event(event("shop.example")), {}, None)
    assert environ["REMOTE_PORT"] == "0"


def test_an_asgi_app_behind_a2wsgi_knows_its_client():
    from a2wsgi import ASGIMiddleware
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.get("/a")
    async def client(request: Request):
        assert request.client
        return [request.client.host, request.client.port, str(request.url)]

    called = event("[::1]:8443")
    called["requestContext"]["http"]["sourceIp"] = "203.0.113.7"
    payload = Adapter(ASGIMiddleware(app))(called, None)
    assert json.loads(payload["body"]) == ["203.0.113.7", 0, "https://[::1]:8443/a"]
