"""Real Flask, Django and FastAPI apps behind every event source: what they see, what their client gets."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from wsgiref.validate import validator

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.messages import Request, Response

FORM = (("content-type", "application/x-www-form-urlencoded"), ("content-length", "11"))


@pytest.fixture
def ask(door, context) -> Callable[[Adapter, Request], Response]:
    """Put a request through the adapter, by the event source at hand."""
    return lambda adapter, request: door.source.read_payload(adapter(door.write_event(request), context))


@pytest.fixture
def adapt() -> Iterator[Callable[[Any], Adapter]]:
    """Adapters that end with the test."""
    adapters: list[Adapter] = []

    def start(app: Any) -> Adapter:
        adapters.append(Adapter(app))
        return adapters[-1]

    yield start
    for adapter in adapters:
        adapter.close()


def get(path: str, query: str = "", *headers: tuple[str, str]) -> Request:
    return Request("GET", path, query, headers, client="203.0.113.7", host="shop.example.com")


@pytest.fixture(scope="module")
def flask_app() -> Any:
    from flask import Flask, Response, redirect, request, session, stream_with_context, url_for

    app = Flask(__name__)
    app.secret_key = "for tests"

    @app.get("/hello/<path:name>")
    def hello(name):
        return {
            "name": name,
            "q": request.args.getlist("q"),
            "url": request.url,
            "ip": request.remote_addr,
        }

    @app.post("/form")
    def form():
        session["name"] = request.form["name"]
        return redirect(url_for("whoami"))

    @app.get("/whoami")
    def whoami():
        return session.get("name", "nobody")

    @app.post("/upload")
    def upload():
        file = request.files["file"]
        return Response(file.read()[::-1], mimetype="application/octet-stream")

    @app.get("/stream")
    def stream():
        return Response(stream_with_context(f"{number}\n" for number in range(3)), mimetype="text/plain")

    @app.get("/broken")
    def broken():
        raise RuntimeError("broken")

    return app


class TestFlask:
    @pytest.fixture
    def adapter(self, flask_app) -> Adapter:
        return Adapter(validator(flask_app), interface="wsgi")

    def test_it_sees_the_request(self, adapter, ask):
        seen = json.loads(ask(adapter, get("/hello/caf%C3%A9", "q=a%2Bb")).body)
        url = "https://shop.example.com/hello/café?q=a%2Bb"
        assert seen == {"name": "café", "q": ["a+b"], "url": url, "ip": "203.0.113.7"}

    def test_a_form_and_a_session(self, adapter, ask):
        answer = ask(adapter, Request("POST", "/form", headers=FORM, body=b"name=Ad%C3%A8"))
        assert answer.status == 302
        assert dict(answer.headers)["location"] == "/whoami"
        cookie = dict(answer.headers)["set-cookie"].partition(";")[0]
        assert ask(adapter, get("/whoami", "", ("cookie", cookie))).body.decode() == "Adè"

    def test_an_upload_and_a_download(self, adapter, ask):
        data = bytes(range(256))
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
            + data
            + b"\r\n--b--\r\n"
        )
        headers = (("content-type", "multipart/form-data; boundary=b"), ("content-length", str(len(body))))
        assert ask(adapter, Request("POST", "/upload", headers=headers, body=body)).body == data[::-1]

    def test_a_stream_arrives_whole(self, adapter, ask):
        assert ask(adapter, get("/stream")).body == b"0\n1\n2\n"

    def test_head_404_and_500(self, adapter, ask):
        head = ask(adapter, get("/whoami")._replace(method="HEAD"))
        assert (head.status, head.body) == (200, b"")
        assert ask(adapter, get("/nowhere")).status == 404
        assert ask(adapter, get("/broken")).status == 500


def test_flask_writes_urls_under_its_mount(context):
    from flask import Flask, url_for

    from lambdify.adapter.event_sources import http_api, rest

    app = Flask(__name__)

    @app.get("/page")
    def page():
        return url_for("page")

    for source in (rest, http_api):
        event = source.write_event(Request("GET", "/page", mount="/prod"))
        assert source.read_payload(Adapter(app)(event, context)).body == b"/prod/page"


@pytest.fixture(scope="session")
def django() -> None:
    """Django, set up once: it knows no other way."""
    import django
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse, JsonResponse
    from django.urls import path

    def show(request: HttpRequest, name: str) -> HttpResponse:
        seen = {
            "name": name,
            "full": request.build_absolute_uri(),
            "ip": request.META["REMOTE_ADDR"],
            "event": "aws.event" in (getattr(request, "scope", None) or request.META),
        }
        response = JsonResponse(seen)
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    def form(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.POST["name"])

    async def show_async(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse("asynchronous")

    class Urls:
        urlpatterns = [path("show/<name>", show), path("form", form), path("async", show_async)]  # noqa: RUF012

    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF=Urls, SECRET_KEY="for tests", DEFAULT_CHARSET="utf-8"
    )
    django.setup()


@pytest.mark.usefixtures("django")
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
class TestDjango:
    @pytest.fixture
    def adapter(self, interface, adapt) -> Adapter:
        from django.core.asgi import get_asgi_application
        from django.core.wsgi import get_wsgi_application

        adapter = adapt(get_wsgi_application() if interface == "wsgi" else get_asgi_application())
        assert adapter.interface == interface
        return adapter

    def test_it_sees_the_request_and_sets_cookies(self, adapter, ask):
        answer = ask(adapter, get("/show/caf%C3%A9", "q=1"))
        url = "https://shop.example.com/show/caf%C3%A9?q=1"
        assert json.loads(answer.body) == {"name": "café", "full": url, "ip": "203.0.113.7", "event": True}
        assert len([name for name, _ in answer.headers if name == "set-cookie"]) == 2

    def test_a_form(self, adapter, ask):
        assert (
            ask(adapter, Request("POST", "/form", headers=FORM, body=b"name=Ad%C3%A8")).body.decode() == "Adè"
        )

    def test_an_asynchronous_view(self, adapter, ask):
        assert ask(adapter, get("/async")).body == b"asynchronous"

    def test_404(self, adapter, ask):
        assert ask(adapter, get("/nowhere")).status == 404

    def test_it_writes_urls_under_its_mount(self, adapter, context):
        from lambdify.adapter.event_sources import rest

        event = rest.write_event(get("/show/x")._replace(mount="/prod"))
        seen = json.loads(rest.read_payload(adapter(event, context)).body)
        assert seen["full"] == "https://shop.example.com/prod/show/x"


class TestFastAPI:
    @pytest.fixture
    def log(self) -> list[str]:
        return []

    @pytest.fixture
    def adapter(self, adapt, log) -> Adapter:
        from fastapi import BackgroundTasks, FastAPI, Form, UploadFile
        from fastapi import Request as HTTPRequest
        from starlette.responses import Response as PlainResponse
        from starlette.responses import StreamingResponse

        @asynccontextmanager
        async def lifespan(app: FastAPI):
            log.append("started")
            yield {"pool": "the pool"}
            log.append("stopped")

        app = FastAPI(lifespan=lifespan)

        @app.get("/hello/{name}")
        def hello(request: HTTPRequest, name: str, q: str = ""):
            client = request.client.host if request.client else None
            return {"name": name, "q": q, "url": str(request.url), "ip": client, "pool": request.state.pool}

        @app.post("/form")
        async def form(name: str = Form()):
            return PlainResponse(name)

        @app.post("/upload")
        async def upload(file: UploadFile):
            return PlainResponse((await file.read())[::-1], media_type="application/octet-stream")

        @app.get("/stream")
        async def stream():
            async def numbers():
                for number in range(3):
                    await asyncio.sleep(0)
                    yield f"{number}\n"

            return StreamingResponse(numbers(), media_type="text/plain")

        @app.get("/background")
        async def background(tasks: BackgroundTasks):
            tasks.add_task(log.append, "worked")
            return "answered"

        @app.get("/broken")
        async def broken():
            raise RuntimeError("broken")

        return adapt(app)

    def test_it_sees_the_request_and_the_state_of_its_lifespan(self, adapter, ask):
        seen = json.loads(ask(adapter, get("/hello/caf%C3%A9", "q=a%2Bb")).body)
        url = "https://shop.example.com/hello/café?q=a%2Bb"
        assert seen == {"name": "café", "q": "a+b", "url": url, "ip": "203.0.113.7", "pool": "the pool"}

    def test_lifespan_runs_once(self, adapter, ask, log):
        assert log == ["started"]
        ask(adapter, get("/stream"))
        ask(adapter, get("/stream"))
        assert log == ["started"]
        adapter.close()
        assert log == ["started", "stopped"]

    def test_a_form(self, adapter, ask):
        assert (
            ask(adapter, Request("POST", "/form", headers=FORM, body=b"name=Ad%C3%A8")).body.decode() == "Adè"
        )

    def test_a_stream_arrives_whole(self, adapter, ask):
        assert ask(adapter, get("/stream")).body == b"0\n1\n2\n"

    def test_a_background_task_is_done_when_the_answer_is_out(self, adapter, ask, log):
        assert ask(adapter, get("/background")).body == b'"answered"'
        assert log == ["started", "worked"]

    def test_404_422_and_500(self, adapter, ask):
        assert ask(adapter, get("/nowhere")).status == 404
        assert ask(adapter, Request("POST", "/upload")).status == 422
        assert ask(adapter, get("/broken")).status == 500
