"""One request to the endpoint, and what is said of the answer."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from lambdify.cli.look import health

asked = []
"""Paths, and who asked for them."""


class App(BaseHTTPRequestHandler):
    """Answers /404 with 404."""

    def do_GET(self):
        asked.append((self.path, self.headers["User-Agent"]))
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), App) as server:
        Thread(target=server.serve_forever, args=(0.02,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_app_that_answers_is_well(endpoint, make_settings):
    found = health.check(endpoint, make_settings())
    assert (found.path, found.ok, found.status, found.problem) == ("/", True, 200, "")
    assert [path for path, _ in asked] == ["/"]
    assert asked[0][1].startswith("lambdify/")


@pytest.mark.parametrize(
    ("status", "ok"), [(302, True), (401, True), (404, True), (500, False), (503, False)]
)
def test_only_answers_from_500_are_not_the_apps_own_decision(endpoint, make_settings, status, ok):
    found = health.check(f"{endpoint}/{status}", make_settings())
    assert (found.status, found.ok) == (status, ok)


def test_a_redirect_is_not_followed(endpoint, make_settings):
    health.check(f"{endpoint}/302", make_settings())
    assert [path for path, _ in asked] == ["/302/"]


@pytest.mark.parametrize(("status", "ok"), [(204, True), (200, False)])
def test_the_smoke_path_has_to_get_the_status_that_is_expected(endpoint, make_settings, status, ok):
    found = health.check(
        endpoint, make_settings(overrides={"release.smoke": f"/{status}", "release.status": 204})
    )
    assert (found.path, found.status, found.ok) == (f"/{status}", status, ok)


def test_no_answer_is_a_finding(make_settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = health.check(f"http://127.0.0.1:{port}", make_settings())
    assert (found.ok, found.status) == (False, 0)
    assert "refused" in found.problem


def test_an_answer_that_does_not_come_is_not_waited_for_longer(make_settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = health.check(f"http://127.0.0.1:{port}", make_settings(), timeout=0.2)
    assert (found.ok, found.status) == (False, 0)
    assert "timed out" in found.problem


def test_a_host_that_there_is_not_is_no_answer(make_settings):
    assert health.check("http://shop.invalid", make_settings()).problem
