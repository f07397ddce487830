"""Whoever asks for files of the bundle gets those of the table, whatever he writes."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import alb, http_api, rest
from lambdify.adapter.messages import Request

SECRET = b"what nobody may read"
PATHS = (
    "/static/../secret.txt",
    "/static/%2e%2e/secret.txt",
    "/static/%2E%2E%2Fsecret.txt",
    "/static/..%2fsecret.txt",
    "/static/..%5csecret.txt",
    "/static/..\\secret.txt",
    "/static/%252e%252e/secret.txt",
    "/static/%252e%252e%252fsecret.txt",
    "/static/%c0%ae%c0%ae/secret.txt",
    "/static/%c0%af../secret.txt",
    "/static/%ef%bc%8e%ef%bc%8e/secret.txt",
    "/static//etc/passwd",
    "//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/.%00./secret.txt",
    "/static/a.css%00",
    "/static/a.css%00.html",
    "/static/a.css/",
    "/static/a.css/.",
    "/static/./a.css",
    "/static/x/../a.css",
    "/static%2Fa.css",
    "/static%2fa%2ecss",
    "/STATIC/a.css",
    "/static/A.CSS",
    "/static/a.css.",
    "/static/a.css%20",
    "/static/a.css::$DATA",
    "/static/a.css;jsessionid=1",
    "/static/%FF%FE",
    "/static/%",
    "/static/%zz",
    "/static/%u002e%u002e/secret.txt",
    "/.lambdify/bundle.json",
    "/.lambdify/files.json",
    "/static/../.lambdify/bundle.json",
    "/secret.txt",
    "/static/secret.txt",
    "/static/",
    "/static",
    "",
)
HEADERS = (
    ("range", "bytes=-9999999999999999999"),
    ("range", "bytes=0-0,1-1,2-2," * 5000),
    ("range", "bytes=" + "9" * 6000 + "-"),
    ("range", "bytes=1-" + "٩" * 20),
    ("if-none-match", '"' * 50_000),
    ("if-none-match", "," * 50_000),
    ("if-range", "W/" * 10_000),
    ("accept-encoding", "gzip;q=" + "0" * 50_000),
    ("accept-encoding", ";" * 50_000),
    ("sec-fetch-mode", "navigate\r\nx: y"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    table = {"files": {"/static/a.css": ["static/a.css", "abc", "text/css", "no-cache", ""]}}
    for name, content in {
        "static/a.css": b"a{}",
        "secret.txt": SECRET,
        ".lambdify/bundle.json": SECRET,
        ".lambdify/files.json": json.dumps(table).encode(),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def adapter(root: Path) -> Adapter:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("404 Not Found", [("content-type", "text/plain")])
        return [b"the app's own"]

    adapter = Adapter(app, interface="wsgi")
    adapter.serve_files(str(root), ".lambdify/files.json")
    return adapter


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("mount", ["", "/live", "/static/..", "/.."])
def test_no_path_leads_to_anything_but_a_file_of_the_table(
    adapter: Adapter, path: str, method: str, mount: str
) -> None:
    # As a function URL sends it, which leaves the path as it is.
    asked = Request(method, path, mount=mount, headers=(("sec-fetch-mode", "navigate"),))
    payload = adapter(http_api.write_event(asked, function_url=True), None)
    assert payload["statusCode"] == 404
    assert SECRET.decode() not in str(payload)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("write", [http_api.write_event, rest.write_event, alb.write_event])
def test_neither_does_one_that_a_front_end_has_decoded(adapter: Adapter, path: str, write: Any) -> None:
    payload = adapter(write(Request("GET", path or "/")), None)
    assert payload["statusCode"] in (404, 200)
    # An HTTP API decodes an encoded slash itself: the path is then the file's.
    assert payload["statusCode"] == 404 or payload["body"] == "a{}"
    assert SECRET.decode() not in str(payload)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.text(max_size=60).map(lambda text: quote(text, safe="/%.\\")))
def test_neither_does_any_other(adapter: Adapter, path: str) -> None:
    payload = adapter(http_api.write_event(Request("GET", f"/static/{path}"), function_url=True), None)
    assert payload["statusCode"] in ((200, 404) if "a" in path or "%" in path else (404,))
    assert payload["body"] in ("a{}", "the app's own")


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: f"{header[0]} {header[1][:20]!r}")
def test_no_header_makes_the_function_fail(adapter: Adapter, header: tuple[str, str]) -> None:
    event = http_api.write_event(Request("GET", "/static/a.css"), function_url=True)
    event["headers"][header[0]] = header[1]
    assert adapter(event, None)["statusCode"] in (200, 206, 304, 416)
