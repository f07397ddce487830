"""The apps: four routes, written in the way each framework has for it.

GET  /items/...   answers with the path and query it saw
POST /upload      answers with the number of bytes it read and their sum
GET  /text        100 kB of text
GET  /binary      1 MB of an image
"""

import os
import zlib
from typing import Any

TEXT = "".join(f"{number:07d} naïve line of a page\r\n" for number in range(2850)).encode()[:100_000]
BINARY = b"\x89PNG" + os.urandom(1_000_000 - 4)
PLAIN = "text/plain; charset=utf-8"
IMAGE = "image/png"


def sum_up(body: bytes) -> bytes:
    """What POST /upload answers."""
    return b"%d %08x" % (len(body), zlib.adler32(body))


def answer(method: str, path: str, query: str, body: bytes) -> tuple[str, bytes]:
    """Type and body of the answer: what the raw apps say, and what every app has to."""
    if path == "/text":
        return PLAIN, TEXT
    if path == "/binary":
        return IMAGE, BINARY
    if method == "POST":
        return PLAIN, sum_up(body)
    return PLAIN, f"{path}?{query}".encode()


def make_wsgi() -> Any:
    """A WSGI app without a framework."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else b""
        kind, data = answer(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""), body
        )
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(data)))])
        return [data]

    return app


def make_asgi() -> Any:
    """An ASGI app without a framework."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        if scope["method"] == "POST":
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        kind, data = answer(scope["method"], path, scope["query_string"].decode(), body)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(data))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    return app


def make_flask() -> Any:
    """The Flask app."""
    import flask

    app = flask.Flask("benchmark")

    @app.get("/items/<path:name>")
    def show(name: str) -> Any:
        query = flask.request.query_string.decode()
        return flask.Response(f"/items/{name}?{query}", mimetype="text/plain")

    @app.post("/upload")
    def upload() -> Any:
        return flask.Response(sum_up(flask.request.get_data()), mimetype="text/plain")

    @app.get("/text")
    def text() -> Any:
        return flask.Response(TEXT, mimetype="text/plain")

    @app.get("/binary")
    def binary() -> Any:
        return flask.Response(BINARY, mimetype=IMAGE)

    return app


def make_django() -> Any:
    """The Django app, as WSGI."""
    from types import ModuleType

    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    def show(request: Any, name: str) -> Any:
        query = request.META["QUERY_STRING"]
        return HttpResponse(f"/items/{name}?{query}", content_type=PLAIN)

    urls = ModuleType("urls")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("items/<path:name>", show),
        path("upload", lambda request: HttpResponse(sum_up(request.body), content_type=PLAIN)),
        path("text", lambda request: HttpResponse(TEXT, content_type=PLAIN)),
        path("binary", lambda request: HttpResponse(BINARY, content_type=IMAGE)),
    ]
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=urls, DATA_UPLOAD_MAX_MEMORY_SIZE=None)
    django.setup()
    return get_wsgi_application()


def make_fastapi() -> Any:
    """The FastAPI app."""
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    @app.get("/items/{name:path}")
    async def show(name: str, request: Request) -> Response:
        return Response(f"/items/{name}?{request.url.query}", media_type="text/plain")

    @app.post("/upload")
    async def upload(request: Request) -> Response:
        return Response(sum_up(await request.body()), media_type="text/plain")

    @app.get("/text")
    async def text() -> Response:
        return Response(TEXT, media_type="text/plain")

    @app.get("/binary")
    async def binary() -> Response:
        return Response(BINARY, media_type=IMAGE)

    return app


MAKERS = {
    "raw WSGI": make_wsgi,
    "Flask": make_flask,
    "Django": make_django,
    "raw ASGI": make_asgi,
    "FastAPI": make_fastapi,
}

ASGI_APPS = ("raw ASGI", "FastAPI")
