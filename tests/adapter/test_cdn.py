"""Behind a CDN: whose host and client the app sees, and whom it believes."""

import json
from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api, rest
from lambdify.adapter.in_front.cdn import Server, settle
from lambdify.adapter.messages import Request, Response

from .entry_process import FASTAPI, FLASK, Invoke, payloads

SECRET = "e967e6af-7e50-4f7e-8c82-9ed57ef32449"
API, EDGE, VISITOR = "abc123.execute-api.eu-central-1.amazonaws.com", "130.176.1.2", "203.0.113.7"
SOURCES = {
    "http-api": http_api.write_event,
    "function-url": lambda request: http_api.write_event(request, function_url=True),
    "rest-api": rest.write_event,
}


def by_cdn(
    secret: str = SECRET, host: str = "shop.example", client: str = VISITOR
) -> tuple[tuple[str, str], ...]:
    return (
        ("x-forwarded-for", VISITOR),
        ("x-lambdify-cdn", secret),
        ("x-forwarded-host", host),
        ("x-lambdify-client", client),
    )


def request_of(headers: tuple[tuple[str, str], ...], mount: str = "") -> Request:
    return Request("GET", "/basket", "a=1", headers, mount=mount, host=API, client=EDGE)


class App:
    """What stands behind: it keeps what it was asked."""

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        self.request, self.event = request, event
        return Response(200, (), b"app")

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: object) -> None:
        self.request, self.event, self.reply = request, event, reply

    def close(self) -> None:
        self.closed = True


def seen(kind: str, headers: tuple[tuple[str, str], ...], mount: str = "") -> App:
    """What the app sees of a request that this kind of endpoint has sent on."""
    app, event = App(), SOURCES[kind](request_of(headers, mount))
    source = rest if kind == "rest-api" else http_api
    Server(app, SECRET).run(source.read_event(event), event, None)  # type: ignore[arg-type]
    return app


@pytest.mark.parametrize("kind", SOURCES)
def test_the_app_sees_host_and_client_of_its_visitor(kind: str) -> None:
    app = seen(kind, by_cdn(), mount="/live" if kind == "rest-api" else "")
    headers = dict(app.request.headers)
    assert (app.request.host, app.request.port, app.request.scheme) == ("shop.example", 443, "https")
    assert headers["host"] == "shop.example"
    assert app.request.client == VISITOR
    assert (app.request.mount, app.request.path, app.request.query) == ("", "/basket", "a=1")
    assert headers["x-forwarded-for"] == VISITOR
    assert not {"x-lambdify-cdn", "x-forwarded-host", "x-lambdify-client"} & headers.keys()
    assert SECRET not in json.dumps(app.event)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("secret", ["", "guessed", SECRET[:-1], SECRET + "0", f"{SECRET},{SECRET}", "ü"])
def test_who_does_not_know_the_secret_is_not_believed(kind: str, secret: str) -> None:
    app = seen(kind, by_cdn(secret, host="evil.example", client="198.51.100.1"))
    assert app.request.host == API
    assert app.request.client == EDGE
    assert not {"x-lambdify-cdn", "x-forwarded-host", "x-lambdify-client"} & dict(app.request.headers).keys()
    assert "evil.example" not in str(app.request)


def test_a_request_without_our_headers_is_left_as_it_is() -> None:
    request = request_of((("accept", "*/*"), ("cookie", "a=1")), mount="/live")
    assert settle(request, SECRET.encode()) is request


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        ("shop.example:8443", "shop.example", 8443),
        ("[2001:db8::1]", "2001:db8::1", 443),
        ("127.0.0.1:8000", "127.0.0.1", 8000),
    ],
)
def test_a_host_may_have_a_port_and_be_an_address(host: str, name: str, port: int) -> None:
    settled = settle(request_of(by_cdn(host=host)), SECRET.encode())
    assert (settled.host, settled.port, dict(settled.headers)["host"]) == (name, port, host)


@pytest.mark.parametrize("host", ["", "two words", "a/b", "shop.example:port", "shop.example:99999"])
def test_what_is_no_host_is_not_taken_for_one(host: str) -> None:
    settled = settle(request_of(by_cdn(host=host)), SECRET.encode())
    assert settled.host == API
    assert "x-forwarded-host" not in dict(settled.headers)


def test_hops_before_the_cdn_stay_and_those_of_the_cdn_go() -> None:
    pairs = dict(by_cdn())

    def hops(said: str) -> str | None:
        headers = tuple({**pairs, "x-forwarded-for": said}.items())
        return dict(settle(request_of(headers), SECRET.encode()).headers).get("x-forwarded-for")

    assert hops(f"10.0.0.1, {VISITOR}, {EDGE}") == f"10.0.0.1, {VISITOR}"
    assert hops(f"{VISITOR}") == VISITOR
    assert hops(EDGE) is None


def test_repeated_headers_of_a_visitor_stay_repeated() -> None:
    headers = (("accept", "a"), *by_cdn(), ("x-tag", "1"), ("x-tag", "2"), ("x-empty", ""))
    settled = settle(request_of(headers), SECRET.encode()).headers
    assert [pair for pair in settled if pair[0] == "x-tag"] == [("x-tag", "1"), ("x-tag", "2")]
    assert ("x-empty", "") in settled


def test_a_streamed_response_is_for_the_same_visitor() -> None:
    app, reply = App(), object()
    event = rest.write_event(request_of(by_cdn(), mount="/live"))
    server = Server(app, SECRET)  # type: ignore[arg-type]
    server.stream(rest.read_event(event), event, None, reply)  # type: ignore[arg-type]
    assert (app.request.host, app.request.client, app.request.mount) == ("shop.example", VISITOR, "")
    assert app.reply is reply
    assert SECRET not in json.dumps(app.event)


def test_the_shutdown_is_passed_on() -> None:
    app = App()
    Server(app, SECRET).close()  # type: ignore[arg-type]
    assert app.closed


BASKET = """
from flask import Flask, request
app = Flask(__name__)

@app.get("/basket")
def basket():
    import os
    return f"{request.url} {request.remote_addr} {os.environ.get('LAMBDIFY_CDN')}"
"""


def test_a_deployed_function_with_a_cdn_settles_and_hides_its_secret(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDIFY_CDN", SECRET)
    done = invoke(BASKET, http_api.write_event(request_of(by_cdn())))
    assert payloads(done)[0]["body"] == f"https://shop.example/basket?a=1 {VISITOR} None"


@pytest.mark.parametrize("source", [FLASK, FASTAPI.replace("BROKEN", "False")])
def test_without_a_cdn_the_headers_are_the_apps_business_and_nothing_is_imported(
    invoke: Invoke, source: str
) -> None:
    module = "lambdify.adapter.in_front.cdn"
    told = f"\nimport atexit, sys\natexit.register(lambda: print('{module}' in sys.modules))\n"
    done = invoke(source + told, http_api.write_event(Request("GET", "/")))
    assert done.stdout.splitlines()[-1] == "False"


def test_an_adapter_of_ones_own_may_stand_behind_a_cdn() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [f"{environ['HTTP_HOST']} {environ['REMOTE_ADDR']}".encode()]

    adapter = Adapter(app)
    adapter.stand_behind_cdn(SECRET)
    answer = adapter(http_api.write_event(request_of(by_cdn())), None)
    assert answer["body"] == f"shop.example {VISITOR}"


@pytest.mark.parametrize("kind", SOURCES)
def test_a_request_without_any_of_our_headers_is_left_as_it_came(kind: str) -> None:
    """The trial of a version asks the endpoint itself."""
    app = seen(kind, (("accept", "text/html"),))
    assert (app.request.host, app.request.client) == (API, EDGE)
    assert dict(app.request.headers)["accept"] == "text/html"
