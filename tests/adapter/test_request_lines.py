"""A line for each request: the route as the framework matched it, method, status, milliseconds, cold."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI
from flask import Blueprint, Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api, rest
from lambdify.adapter.messages import Request
from lambdify.adapter.observability import request_lines
from lambdify.adapter.observability.request_lines import Environment

from .conftest import REQUEST_ID, Context
from .entry_process import KEEP_WARM, Invoke

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Sends GET requests to an app, and returns the lines that they left."""
    monkeypatch.setattr(Environment, "cold", True)

    def send(app: Any, *paths: str, method: str = "GET") -> list[dict[str, Any]]:
        adapter = Adapter(app, log_requests=True)
        for path in paths:
            adapter(http_api.write_event(Request(method, path)), Context())
        adapter.close()
        return read(capsys.readouterr().out)

    return send


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line)["lambdify"] for line in text.splitlines() if line.startswith('{"lambdify": {')]


def routes(lines: list[dict[str, Any]]) -> list[str]:
    return [line["route"] for line in lines]


def make_flask() -> Flask:
    app = Flask("shop")
    shelf = Blueprint("shelf", "shop", url_prefix="/shelf")

    @app.get("/books/<int:number>")
    def book(number: int) -> str:
        return "a book"

    @app.get("/pieces")
    def pieces() -> Iterator[str]:
        yield "one"
        yield "two"

    @app.get("/fails")
    def fails() -> str:
        raise ValueError("to be seen")

    @shelf.get("/<name>")
    def shelf_named(name: str) -> str:
        return name

    app.register_blueprint(shelf)
    return app


def test_flask_says_its_rule(ask: Ask) -> None:
    lines = ask(make_flask(), "/books/7", "/shelf/poems", "/pieces")
    assert routes(lines) == ["/books/<int:number>", "/shelf/<name>", "/pieces"]
    assert [line["status"] for line in lines] == [200, 200, 200]


def test_a_line_has_the_request_and_its_time(ask: Ask) -> None:
    first, second = ask(make_flask(), "/books/7", "/books/8")
    assert first | {"ms": 0} == {
        "route": "/books/<int:number>",
        "method": "GET",
        "status": 200,
        "ms": 0,
        "cold": True,
        "request": REQUEST_ID,
    }
    assert 0 < first["ms"] < 60_000
    assert second["cold"] is False


def test_what_the_app_answers_with_is_the_status(ask: Ask) -> None:
    lines = ask(make_flask(), "/fails", "/nothing")
    assert [(line["route"], line["status"]) for line in lines] == [("/fails", 500), ("/nothing", 404)]


def test_an_app_inside_another_one_is_found_with_its_mount(ask: Ask) -> None:
    inside = DispatcherMiddleware(make_flask(), {"/api": make_flask()})
    assert routes(ask(ProxyFix(inside), "/api/books/7", "/books/7")) == [
        "/api/books/<int:number>",
        "/books/<int:number>",
    ]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/nothing/123", "/nothing/{id}"),
        ("/nothing/123/456/edit", "/nothing/{id}/{id}/edit"),
        ("/a/3f2b8c1e-0000-4000-8000-1234567890ab", "/a/{id}"),
        ("/a/0123456789abcdef0123456789abcdef", "/a/{id}"),
        ("/reset/dGhpcyBpcyBhIHRva2VuIDEyMw", "/reset/{id}"),
        ("/how-we-put-django-on-lambda", "/how-we-put-django-on-lambda"),
        ("/caf%C3%A9", "/café"),
        ('/"quoted"', '/"quoted"'),
        ("/" + "x" * 5_000, "/" + "x" * 199),
    ],
)
def test_a_path_that_no_route_matches_is_without_ids(ask: Ask, path: str, route: str) -> None:
    assert routes(ask(make_flask(), path)) == [route]


def test_neither_query_nor_line_ends_get_into_the_log(ask: Ask) -> None:
    (line,) = ask(make_flask(), "/a%0Ab?token=secret")
    assert line["route"] == "/a\nb"


class Broken:
    """A WSGI app that raises where a test wants it to."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if self.where == "call":
            raise RuntimeError(self.where)
        start_response("200 OK", [])
        if self.where == "iter":
            return None
        return self.pieces()

    def pieces(self) -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError(self.where)


@pytest.mark.parametrize("where", ["call", "iter", "piece"])
def test_what_a_wsgi_app_raises_is_a_500(ask: Ask, where: str) -> None:
    assert [line["status"] for line in ask(Broken(where), "/")] == [500]


def test_what_an_asgi_app_raises_is_a_500(ask: Ask) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("to be seen")

    assert [line["status"] for line in ask(app, "/")] == [500]


def test_a_response_that_nobody_reads_on_has_its_line_and_is_closed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    closed = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"one", b"two")

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Pieces:
        start_response("200 OK", [])
        return Pieces()

    environ = {"SCRIPT_NAME": "", "PATH_INFO": "/", "REQUEST_METHOD": "GET"}
    result = request_lines.watch(app, "wsgi")(environ, lambda *_: None)
    assert next(result) == b"one"
    result.close()
    assert closed == [True]
    assert [line["status"] for line in read(capsys.readouterr().out)] == [200]


def make_fastapi() -> FastAPI:
    app, router = FastAPI(), APIRouter(prefix="/v1")
    inner = FastAPI()

    @router.get("/books/{number}")
    async def book(number: int) -> int:
        return number

    @inner.get("/pens/{number}")
    def pen(number: int) -> int:
        return number

    @app.get("/pieces")
    async def pieces() -> StreamingResponse:
        async def stream() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return StreamingResponse(stream())

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> str:
        tasks.add_task(asyncio.sleep, 0.5)
        return "now"

    @app.get("/fails")
    async def fails() -> None:
        raise ValueError("to be seen")

    app.include_router(router)
    app.mount("/inner", inner)
    return app


def test_fastapi_says_its_route(ask: Ask) -> None:
    lines = ask(make_fastapi(), "/v1/books/7", "/inner/pens/7", "/pieces", "/nothing/123", "/fails")
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/v1/books/{number}", 200),
        ("/inner/pens/{number}", 200),
        ("/pieces", 200),
        ("/nothing/{id}", 404),
        ("/fails", 500),
    ]


def test_what_goes_on_after_the_response_is_no_part_of_its_time(ask: Ask) -> None:
    (line,) = ask(make_fastapi(), "/later")
    assert line["ms"] < 400


def test_starlette_says_its_route(ask: Ask, tmp_path: Any) -> None:
    (tmp_path / "a.css").write_text("")

    async def book(request: Any) -> PlainTextResponse:
        return PlainTextResponse("a book")

    app = Starlette(
        routes=[
            Mount("/shop", routes=[Route("/books/{number:int}", book)]),
            Mount("/static", StaticFiles(directory=tmp_path)),
        ]
    )
    assert routes(ask(app, "/shop/books/7", "/static/a.css")) == ["/shop/books/{number}", "/static/{path}"]


def test_a_router_that_notes_no_route_has_the_names_of_its_parameters(ask: Ask) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["path_params"] = {"shop": "old-town", "book": 7}
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

    assert routes(ask(app, "/shops/old-town/books/7")) == ["/shops/{shop}/books/{book}"]


def test_the_stage_of_a_rest_api_is_no_part_of_a_route(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    for app in (make_flask(), make_fastapi()):
        adapter = Adapter(app, log_requests=True)
        for path in ("/books/7", "/v1/books/7", "/nothing"):
            adapter(rest.write_event(Request("GET", path, mount="/live")), Context())
        adapter.close()
    assert routes(read(capsys.readouterr().out)) == [
        "/books/<int:number>", "/v1/books/{id}", "/nothing", "/books/{id}", "/v1/books/{number}", "/nothing",
    ]  # fmt: skip


DJANGO = """
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_I18N=False)
from django.core.{kind} import get_{kind}_application
from django.http import HttpResponse
from django.urls import include, path, re_path
shop = [path("books/<int:number>/", lambda request, number: HttpResponse("a book"))]
def fails(request):
    raise ValueError("to be seen")
urlpatterns = [
    path("shop/", include(shop)),
    path("fails", fails),
    re_path(r"^old/(\\d+)$", lambda request, n: HttpResponse(n)),
]

class Middleware:
    def __init__(self, application):
        self.application = application
    def __call__(self, {parameters}):
        return self.application({parameters})

app = {wrapped}
"""


@pytest.mark.parametrize(
    ("kind", "parameters"), [("wsgi", "environ, start_response"), ("asgi", "scope, receive, send")]
)
@pytest.mark.parametrize("wrapped", ["get_{kind}_application()", "Middleware(get_{kind}_application())"])
def test_django_says_its_route(invoke: Invoke, kind: str, parameters: str, wrapped: str) -> None:
    """A fresh process each: Django is set up once in each."""
    app = DJANGO.format(kind=kind, parameters=parameters, wrapped=wrapped.format(kind=kind))
    paths = ("/shop/books/7/", "/old/7", "/fails", "/nothing/123")
    events = [http_api.write_event(Request("GET", path)) for path in paths]
    done = invoke(app, *events, log_requests=True)
    lines = read(done.stdout)
    assert [(line["route"], line["status"], line["cold"]) for line in lines] == [
        ("/shop/books/<int:number>/", 200, True),
        (r"/old/(\d+)$", 200, False),
        ("/fails", 500, False),
        ("/nothing/{id}", 404, False),
    ], done.stderr


def test_an_environment_that_was_kept_warm_is_not_cold(invoke: Invoke) -> None:
    flask = "from flask import Flask\napp = Flask(__name__)\n"
    home = http_api.write_event(Request("GET", "/"))
    done = invoke(flask, KEEP_WARM, home, app="main:app", log_requests=True)
    assert [line["cold"] for line in read(done.stdout)] == [False], done.stderr


def test_an_app_without_the_setting_imports_nothing_of_it(invoke: Invoke) -> None:
    flask = "import sys\nfrom flask import Flask\napp = Flask(__name__)\n"
    flask += (
        "@app.get('/')\ndef home(): return str([name for name in sys.modules if 'observability' in name])\n"
    )
    done = invoke(flask, http_api.write_event(Request("GET", "/")))
    assert '"body": "[]"' in done.stdout
    assert read(done.stdout) == []
