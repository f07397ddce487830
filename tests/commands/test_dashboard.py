"""lambdify dashboard on a stage of a local cloud of its own: routes, errors, releases, and no trial."""

import json
import urllib.error
import urllib.request

import pytest
from commands import own_cloud
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

APP = """
import logging

def price(name):
    return {"pen": 1}[name]

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/prices/"):
        try:
            price(path.rpartition("/")[2])
        except KeyError:
            logging.exception("no price")
            start_response("500 Sorry", [])
            return [b"sorry"]
    if path == "/fails":
        raise ValueError("<script>alert(1)</script>")
    start_response("200 OK", [])
    return [b"Hello"]

def report(event, context):
    return 1 / event["by"]
"""
SETTINGS = """
name = "hello"
[function]
python = "3.11"
[logs]
requests = true
[functions.report]
handler = "app:report"
"""


@pytest.fixture(scope="module")
def lambdify(tmp_path_factory):
    root = tmp_path_factory.mktemp("hello")
    (root / "app.py").write_text(APP)
    (root / "lambdify.toml").write_text(SETTINGS)
    with own_cloud.opened(root, own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:
        yield run


def get(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_dashboard_tells_what_visitors_met(lambdify, tmp_path):
    site = lambdify("deploy", "--local", "--quiet").stdout.strip()
    asked = [get(f"{site}{path}") for path in ("/", "/prices/ink", "/prices/pad", "/fails", "/books/7")]
    assert asked == [200, 500, 500, 500, 200]
    lambdify("invoke", "--function", "report", '{"by": 0}', "--local")

    def look() -> dict:
        return json.loads(lambdify("dashboard", "--local", "--hours", "1", "--json").stdout)

    assert eventually(lambda: look()["calls"] == 8)
    found = look()
    assert found["answers"] == {"requests": 5, "answers_4xx": 0, "answers_5xx": 3}
    assert {(each["method"], each["route"]) for each in found["routes"]} == {
        ("GET", path) for path in ("/", "/prices/ink", "/prices/pad", "/fails", "/books/{id}")
    }
    assert [(each["type"], each["where"], each["count"]) for each in found["failures"]] == [
        ("KeyError", "app.py:5", 2),
        ("ValueError", "app.py:17", 1),
        ("ZeroDivisionError", "app.py:22", 1),
    ]
    assert [(each["name"], each["failed"]) for each in found["functions"]] == [("report", 1)]
    assert [(each["number"], each["failed"]) for each in found["releases"]] == [(1, False)]
    assert found["complete"] is True
    status = json.loads(lambdify("status", "--local", "--no-check", "--json").stdout)
    assert status["visitors"] == found["warmth"]
    assert (status["visitors"]["visitors"], status["visitors"]["at_once"]) == (5, 1)
    used = status["use"]
    assert (used["invocations"], used["billed_invocations"]) == (6, 8)  # two of them tried the version
    shown = lambdify(*found["failures"][1]["command"].split()[1:])
    assert "app.py:17 in app" in shown.stdout
    page = tmp_path / "now.html"
    written = lambdify("dashboard", "--local", "-o", str(page))
    assert (written.stdout, written.returncode) == (f"{page}\n", 0)
    text = page.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    refused = lambdify("dashboard", "--local", "-o", str(page / "other.html"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"error: {page} is no folder" in refused.stderr
