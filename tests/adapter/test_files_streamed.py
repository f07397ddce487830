"""Files of the bundle where responses are streamed, and the page in place of a 404 that is never sent."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lambdify.adapter import Adapter, files
from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Pair, Request
from lambdify.adapter.streaming import DELIMITER, Reply

from .runtime_api import RuntimeApi

PAGE = b"<div id=app></div>"
LARGE = bytes(range(256)) * 10_000
TABLE = {
    "fallback": "/",
    "files": {
        "/": ["index.html", "i", "text/html; charset=utf-8", "no-cache", ""],
        "/film.mp4": ["film.mp4", "f", "video/mp4", "no-cache", ""],
    },
}
BROWSER = (("sec-fetch-mode", "navigate"),)


def wsgi(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
    if environ["PATH_INFO"] == "/none":
        start("404 Not Found", [("content-type", "text/plain"), ("content-length", "12")])
        yield b"no such "
        yield b"page"
    elif environ["PATH_INFO"] == "/empty":
        start("404 Not Found", [])
    elif environ["PATH_INFO"] == "/broken":
        start("404 Not Found", [])
        yield b"no"
        raise LookupError("half way")
    else:
        start("200 OK", [("content-type", "text/plain")])
        yield b"app"


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    path = scope["path"]
    status = 200 if path == "/app" else 404
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    )
    if path == "/none":
        await send({"type": "http.response.body", "body": b"no such ", "more_body": True})
    if path == "/broken":
        await send({"type": "http.response.body", "body": b"no", "more_body": True})
        raise LookupError("half way")
    await send({"type": "http.response.body", "body": b"app" if status == 200 else b"page"})


@pytest.fixture(params=[wsgi, asgi], ids=["wsgi", "asgi"])
def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapter]:
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "film.mp4").write_bytes(LARGE)
    (tmp_path / "files.json").write_text(json.dumps(TABLE))
    adapter = Adapter(request.param)
    adapter.serve_files(str(tmp_path), "files.json")
    yield adapter
    adapter.close()


@pytest.fixture
def stream(adapter: Adapter, api: RuntimeApi) -> Iterator[Callable[..., tuple[dict[str, Any], bytes]]]:
    """What goes over the wire for a request: the prelude and the body."""
    threads = ThreadPoolExecutor(1)

    def run(
        path: str, method: str = "GET", headers: tuple[Pair, ...] = BROWSER
    ) -> tuple[dict[str, Any], bytes]:
        request = Request(method, path, headers=headers)
        event = http_api.write_event(request, function_url=True)
        reply = Reply(api.address, "42", lambda response: http_api.write_payload(response, event))
        reply.method = method
        received = threads.submit(api.read_all)
        adapter.stream(request, event, None, reply)
        assert reply.close() == b""
        chunks = read_chunks(received.result(60).partition(b"\r\n\r\n")[2])
        prelude, _, body = chunks.partition(DELIMITER)
        return json.loads(prelude), body

    yield run
    threads.shutdown()


def read_chunks(sent: bytes) -> bytes:
    whole = b""
    while sent:
        size, _, rest = sent.partition(b"\r\n")
        whole += rest[: int(size, 16)]
        sent = rest[int(size, 16) + 2 :]
    return whole


Stream = Callable[..., tuple[dict[str, Any], bytes]]


def test_a_large_file_is_sent_in_pieces(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIECE", 1_000_000)
    prelude, body = stream("/film.mp4")
    assert (prelude["statusCode"], prelude["headers"]["content-length"]) == (200, "2560000")
    assert body == LARGE


def test_a_part_a_head_and_a_304_are_what_they_are_without_streaming(stream: Stream) -> None:
    prelude, body = stream("/film.mp4", headers=(("range", "bytes=1-3"),))
    assert (prelude["statusCode"], body) == (206, b"\1\2\3")
    for method, headers, status in (("HEAD", (), 200), ("GET", (("if-none-match", '"f"'),), 304)):
        prelude, body = stream("/film.mp4", method, headers)
        assert (prelude["statusCode"], body) == (status, b"")


@pytest.mark.parametrize("path", ["/none", "/empty"])
def test_the_page_comes_in_place_of_the_apps_404(stream: Stream, path: str) -> None:
    prelude, body = stream(path)
    assert (prelude["statusCode"], body) == (200, PAGE)
    assert prelude["headers"]["content-type"] == "text/html; charset=utf-8"


def test_a_404_is_sent_to_whoever_does_not_navigate(stream: Stream) -> None:
    prelude, body = stream("/none", headers=(("sec-fetch-mode", "cors"),))
    assert (prelude["statusCode"], body) == (404, b"no such page")


def test_what_the_app_knows_is_sent_as_it_comes(stream: Stream) -> None:
    prelude, body = stream("/app")
    assert (prelude["statusCode"], body) == (200, b"app")
    assert stream("/film.mp4", "POST")[0]["statusCode"] in (200, 404), "the app's answer"


def test_an_app_that_fails_within_its_404_has_sent_nothing_yet(adapter: Adapter, api: RuntimeApi) -> None:
    request = Request("GET", "/broken", headers=BROWSER)
    reply = Reply(api.address, "42", lambda response: {"statusCode": response.status})
    reply.method = "GET"
    with pytest.raises(LookupError, match="half way"):
        adapter.stream(request, {}, None, reply)
    reply.close()
    assert (reply.begun, reply.ended) == (False, False), "so that it can be answered with a 500"
