"""Files of the bundle before the app: what is answered here, what the app answers, and what it costs."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api, rest
from lambdify.adapter.files import Server, accepts_gzip, read_range
from lambdify.adapter.messages import Request, Response

from .entry_process import FASTAPI, FLASK, Invoke, payloads

BODY = b"0123456789" * 300
PAGE = b"<div id=app></div>"
YEAR, ASK_AGAIN = "max-age=31536000, immutable", "max-age=0, must-revalidate"
TABLE: dict[str, Any] = {
    "fallback": "/index.html",
    "files": {
        "/static/a.css": ["static/a.css", "abc", "text/css; charset=utf-8", ASK_AGAIN, ".lambdify/gzip/abc"],
        "/static/a.1b2c3d4e.js": ["static/a.css", "abc", "text/javascript; charset=utf-8", YEAR, ""],
        "/static/a%20b.png": ["static/a b.png", "png", "image/png", ASK_AGAIN, ""],
        "/static/z%C3%A4h.txt": ["static/zäh.txt", "zh", "text/plain; charset=utf-8", ASK_AGAIN, ""],
        "/static/empty.txt": ["static/empty.txt", "e", "text/plain; charset=utf-8", ASK_AGAIN, ""],
        "/live/own/b.css": ["static/a.css", "abc", "text/css; charset=utf-8", ASK_AGAIN, ""],
        "/index.html": ["index.html", "i", "text/html; charset=utf-8", ASK_AGAIN, ""],
    },
}
Ask = Callable[..., Response]


class App:
    """What stands behind the files: it knows one path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        self.asked.append((request.method, request.path))
        return Response(200, (), b"app") if request.path == "/app" else Response(404, (), b"no such page")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in {
        "static/a.css": BODY,
        ".lambdify/gzip/abc": gzip.compress(BODY),
        "static/a b.png": b"\x89PNG",
        "static/zäh.txt": b"z",
        "static/empty.txt": b"",
        "index.html": PAGE,
        "secret.txt": b"not in the table",
        ".lambdify/files.json": json.dumps(TABLE).encode(),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def ask(root: Path, app: App) -> Ask:
    server = Server(app, str(root), ".lambdify/files.json")  # type: ignore[arg-type]

    def ask(path: str, method: str = "GET", mount: str = "", **headers: str) -> Response:
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return server.run(Request(method, path, headers=pairs, mount=mount), {}, None)

    return ask


# -------------------------------------------------------------------- whole files


def test_a_file_comes_whole_with_its_type_its_tag_and_how_long_it_may_be_kept(ask: Ask, app: App) -> None:
    found = ask("/static/a.css")
    assert (found.status, found.body) == (200, BODY)
    assert found.fields == {
        "cache-control": ASK_AGAIN,
        "etag": '"abc"',
        "vary": "accept-encoding",
        "content-type": "text/css; charset=utf-8",
        "x-content-type-options": "nosniff",
        "content-length": "3000",
        "accept-ranges": "bytes",
    }
    assert app.asked == []


def test_a_name_with_a_hash_is_kept_for_a_year(ask: Ask) -> None:
    found = ask("/static/a.1b2c3d4e.js")
    assert found.fields["cache-control"] == YEAR
    assert "vary" not in found.fields


def test_a_client_that_takes_gzip_gets_the_zipped_file(ask: Ask) -> None:
    found = ask("/static/a.css", accept_encoding="br;q=1.0, gzip;q=0.8, *;q=0.1")
    assert gzip.decompress(found.body) == BODY
    assert (found.fields["etag"], found.fields["content-encoding"]) == ('"abc-gz"', "gzip")
    assert found.fields["content-length"] == str(len(found.body))
    assert "accept-ranges" not in found.fields


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("gzip", True),
        ("br, GZIP", True),
        ("gzip;q=0.001", True),
        ("gzip; q=1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity, x-gzipped", False),
        ("", False),
    ],
)
def test_which_clients_take_gzip(said: str, taken: bool) -> None:
    assert accepts_gzip(said) is taken


def test_head_has_the_headers_of_get_and_no_body(ask: Ask) -> None:
    for headers in ({}, {"accept_encoding": "gzip"}):
        head, get = ask("/static/a.css", "HEAD", **headers), ask("/static/a.css", **headers)
        assert (head.status, head.body, head.fields) == (200, b"", get.fields)
    assert ask("/static/a.css", "HEAD", range="bytes=0-1").status == 200, "a part is for GET only"


def test_an_empty_file_is_one(ask: Ask) -> None:
    assert (ask("/static/empty.txt").status, ask("/static/empty.txt").fields["content-length"]) == (200, "0")
    assert ask("/static/empty.txt", range="bytes=0-").status == 416


# -------------------------------------------------------------------- 304 and parts


@pytest.mark.parametrize("said", ['"abc"', 'W/"abc"', '"x", "abc-gz"', "*", 'W/"abc-gz"'])
def test_a_client_that_has_the_file_gets_no_body(ask: Ask, said: str) -> None:
    found = ask("/static/a.css", if_none_match=said, range="bytes=0-1")
    assert (found.status, found.body) == (304, b"")
    assert found.fields == {"cache-control": ASK_AGAIN, "etag": '"abc"', "vary": "accept-encoding"}


@pytest.mark.parametrize("said", ['"ab"', '"abcd"', "", '""'])
def test_a_client_that_has_another_file_gets_this_one(ask: Ask, said: str) -> None:
    assert ask("/static/a.css", if_none_match=said).status == 200


def test_a_part_is_of_the_file_as_it_is(ask: Ask) -> None:
    part = ask("/static/a.css", range="bytes=5-9", accept_encoding="gzip")
    assert (part.status, part.body, part.fields["content-range"]) == (206, b"56789", "bytes 5-9/3000")
    assert (part.fields["content-length"], part.fields["etag"]) == ("5", '"abc"')


def test_a_part_that_is_not_there_is_refused_with_the_size(ask: Ask) -> None:
    found = ask("/static/a.css", range="bytes=3000-")
    assert (found.status, found.body, found.fields["content-range"]) == (416, b"", "bytes */3000")


@pytest.mark.parametrize(
    ("said", "status"),
    [('"abc"', 206), ('"old"', 200), ('W/"abc"', 200), ("Sun, 01 Nov 2026 00:00:00 GMT", 200)],
)
def test_the_rest_of_another_file_is_not_sent(ask: Ask, said: str, status: int) -> None:
    assert ask("/static/a.css", range="bytes=0-1", if_range=said).status == status


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("bytes=0-", (0, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-30", (0, 9)),
        ("Bytes = 4-99", (4, 9)),
        ("bytes=9-9", (9, 9)),
        ("bytes=10-", ()),
        ("bytes=-0", ()),
        ("bytes=5-2", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
        ("bytes=x-2", None),
        ("bytes=--2", None),
        ("bytes=-", None),
        ("bytes=²-", None),
        ("bytes=٣-", None),
        ("bytes=5", None),
        ("", None),
        pytest.param("bytes=0-" + "9" * 5000, None, id="a very long number"),
        pytest.param("bytes=" + "9" * 19 + "-", None, id="a long number"),
    ],
)
def test_ranges(said: str, found: tuple[int, ...] | None) -> None:
    assert read_range(said, 10) == found


# -------------------------------------------------------------------- paths, and the app


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_the_apps(ask: Ask, app: App, method: str) -> None:
    assert ask("/static/a.css", method).body == b"no such page"
    assert app.asked == [(method, "/static/a.css")]


@pytest.mark.parametrize(
    "path",
    ["/static/a%20b.png", "/static/z%c3%a4h.txt", "/static/z%C3%A4h.txt", "/static/%61.css"],
)
def test_a_path_may_be_encoded_in_other_ways(ask: Ask, path: str) -> None:
    assert ask(path).status == 200


@pytest.mark.parametrize(
    "path", ["/static%2Fa.css", "/static/%2fa.css", "/static/%FFa.css", "/static/%2E%2E/b"]
)
def test_an_encoded_slash_is_none_and_other_bytes_are_no_path(ask: Ask, path: str) -> None:
    assert ask(path).status == 404


@pytest.mark.parametrize("mount", ["/live", "/shop/v1"])
def test_behind_a_stage_or_a_base_path_files_are_where_they_are_without(ask: Ask, mount: str) -> None:
    assert ask("/static/a.css", mount=mount).body == BODY
    assert ask("/static/%61.css", mount=mount).body == BODY


def test_a_path_of_the_table_may_begin_with_the_mount(ask: Ask) -> None:
    assert ask("/own/b.css", mount="/live").body == BODY
    assert ask("/own/%62.css", mount="/live").body == BODY
    assert ask("/own/b.css").status == ask("/own/%62.css").status == 404


@pytest.mark.parametrize("write", [http_api.write_event, rest.write_event])
def test_the_event_of_a_stage_finds_the_file(root: Path, write: Callable[..., dict[str, Any]]) -> None:
    adapter = Adapter(lambda environ, start: start("404 Not Found", []) and [], interface="wsgi")
    adapter.serve_files(str(root), ".lambdify/files.json")
    payload = adapter(write(Request("GET", "/static/a%20b.png", mount="/live")), None)
    assert payload["statusCode"] == 200
    assert payload["isBase64Encoded"]


# -------------------------------------------------------------------- the fallback page


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_mode": "navigate"},
        {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
        {"sec_fetch_mode": "navigate", "accept": "application/json"},
    ],
)
@pytest.mark.parametrize("mount", ["", "/live"])
def test_a_browser_that_navigates_gets_the_page_where_the_app_knows_none(
    ask: Ask, app: App, headers: dict[str, str], mount: str
) -> None:
    found = ask("/orders/7", mount=mount, **headers)
    assert (found.status, found.body, found.fields["cache-control"]) == (200, PAGE, ASK_AGAIN)
    assert app.asked == [("GET", "/orders/7")]
    assert ask("/orders/7", "HEAD", **headers).fields["content-length"] == str(len(PAGE))
    assert ask("/orders/7", **headers, if_none_match='"i"').status == 304


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"accept": "application/json"}),
        ("GET", {"accept": "text/html", "sec_fetch_mode": "no-cors"}),
        ("GET", {"accept": "text/html", "sec_fetch_mode": "cors"}),
        ("GET", {}),
        ("POST", {"accept": "text/html", "sec_fetch_mode": "navigate"}),
    ],
)
def test_nobody_else_gets_the_page(ask: Ask, method: str, headers: dict[str, str]) -> None:
    assert ask("/orders/7", method, **headers).status == 404


def test_what_the_app_knows_stays_the_apps(ask: Ask) -> None:
    assert ask("/app", sec_fetch_mode="navigate").body == b"app"


def test_without_a_fallback_a_404_stays_one(root: Path, app: App) -> None:
    (root / "table.json").write_text(json.dumps({"files": TABLE["files"]}))
    server = Server(app, str(root), "table.json")  # type: ignore[arg-type]
    asked = Request("GET", "/orders/7", headers=(("sec-fetch-mode", "navigate"),))
    assert server.run(asked, {}, None).status == 404
    server.close()
    assert app.closed


# -------------------------------------------------------------------- in a function, and what it costs


@pytest.mark.slow
@pytest.mark.parametrize("code", [FLASK, FASTAPI.replace("BROKEN", "False")], ids=["wsgi", "asgi"])
def test_a_function_serves_the_files_of_its_bundle(invoke: Invoke, code: str, tmp_path: Path) -> None:
    table = {"files": {"/a.txt": ["main.py", "abc", "text/plain", ASK_AGAIN, ""]}}
    prepared = f"import pathlib\npathlib.Path('.lambdify/files.json').write_text({json.dumps(table)!r})\n"
    events = [http_api.write_event(Request("GET", path)) for path in ("/a.txt", "/", "/none")]
    script = (
        prepared
        + (Path(__file__).with_name("entry_process.py").read_text().split('INVOKE = """')[1].split('"""')[0])
    )
    done = invoke(code, *events, script=script, files=".lambdify/files.json")
    file, home, none = payloads(done)
    assert (file["statusCode"], file["body"]) == (200, code)
    assert "home" in home["body"]
    assert none["statusCode"] == 404


@pytest.mark.slow
def test_a_handler_gets_every_request_itself(invoke: Invoke) -> None:
    code = "def handler(event, context): ..."
    done = invoke(code, app="main:handler", files=".lambdify/files.json")
    assert "'main:handler' is a Lambda handler, which gets every event itself: [static]" in done.stderr


def test_an_app_without_files_imports_nothing_for_them() -> None:
    code = (
        "import sys\nfrom lambdify.adapter import Adapter\nAdapter(lambda environ, start_response: [])\n"
        "print('lambdify.adapter.files' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


def test_files_need_little_of_the_standard_library() -> None:
    code = (
        "import sys, json, os, binascii, typing, functools, operator\nimport lambdify.adapter\n"
        "before = set(sys.modules)\nimport lambdify.adapter.files\nprint(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    allowed = {"lambdify.adapter.files", "lambdify.adapter.wire", "lambdify.adapter.bodies"}
    assert {*json.loads(done.stdout.replace("'", '"'))} <= allowed
