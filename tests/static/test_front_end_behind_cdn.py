"""A front end and its API behind a CDN in the local cloud, and a Flask whose style sheet changes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local.endpoints.chromium import Page
from samples.command import Project, keep_home
from waiting import eventually

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

API = """
import time

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/api/orders")
def orders():
    return [7]


@app.get("/api/ticks")
def ticks():
    def tick():
        for number in range(3):
            yield f"data: {number}\\n\\n"
            time.sleep(0.2)

    return StreamingResponse(tick(), media_type="text/event-stream")


@app.get("/api/seen")
def seen(request: Request):
    return {"url": str(request.url), "client": request.client.host}
"""
PAGE = """<!doctype html><title>wait</title><link rel="stylesheet" href="/style.css">
<script type="module" src="/assets/main-{hash}.js"></script>
"""
SCRIPT = """
const orders = await (await fetch("/api/orders")).json();
const none = await fetch("/api/none");
document.title = [location.pathname, orders, none.status, (await none.json()).detail].join(" ");
"""
TOML = """
name = "shop"
[http]
endpoint = "function-url"
streaming = true
cdn = true
[static]
fallback = "index.html"
immutable = ["assets/*"]
[static.folders]
"/" = "dist"
"""
FLASK = """
from flask import Flask

app = Flask(__name__)


@app.get("/")
def home():
    return "home"
"""
NAVIGATES = {"sec-fetch-mode": "navigate", "accept": "text/html"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from keep_home(tmp_path_factory)


def write(project: Project, files: dict[str, str]) -> None:
    for name, text in files.items():
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).write_text(text)


def build(project: Project, digest: str) -> None:
    """Leave what a build of the front end leaves: another name for the script, and none of before."""
    shutil.rmtree(project.folder / "dist", ignore_errors=True)
    files = {"dist/index.html": PAGE.format(hash=digest), f"dist/assets/main-{digest}.js": SCRIPT}
    write(project, {**files, "dist/style.css": f"/* {digest} */"})


@pytest.fixture(scope="module")
def project(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(folder=tmp_path_factory.mktemp("shop"), home=home)
    write(project, {"main.py": API, "requirements.txt": "fastapi>=0.115,<1\n", "lambdify.toml": TOML})
    build(project, "DiwrgTda")
    return project


@pytest.fixture(scope="module")
def site(project: Project) -> str:
    return project.run("deploy", "--local").answer.rstrip("/")


@pytest.mark.browser
def test_a_deep_link_leads_to_the_page_and_the_api_stays_the_apps(
    site: str, chromium: str, tmp_path: Path
) -> None:
    page = Page(chromium, tmp_path / "profile")
    try:
        page.open(f"{site}/orders/7")
        page.wait_for("document.title != 'wait'")
        assert page.run("document.title") == "/orders/7 7 404 Not Found"
    finally:
        page.close()


def test_what_is_no_page_is_a_404_of_its_own_kind(site: str) -> None:
    deep = httpx.get(f"{site}/orders/7", headers=NAVIGATES)
    assert (deep.status_code, deep.text) == (200, PAGE.format(hash="DiwrgTda"))
    none = httpx.get(f"{site}/api/none", headers={"sec-fetch-mode": "cors"})
    assert (none.status_code, none.json()) == (404, {"detail": "Not Found"})
    asset = httpx.get(f"{site}/assets/gone.js", headers=NAVIGATES)
    assert (asset.status_code, "<!doctype" in asset.text) == (404, False)
    script = httpx.get(f"{site}/assets/main-DiwrgTda.js")
    assert script.headers["cache-control"] == "max-age=31536000, immutable"
    part = httpx.get(f"{site}/assets/main-DiwrgTda.js", headers={"range": "bytes=1-4"})
    assert (part.status_code, part.text) == (206, SCRIPT[1:5])
    again = httpx.get(
        f"{site}/style.css", headers={"if-none-match": httpx.get(f"{site}/style.css").headers["etag"]}
    )
    assert again.status_code == 304


def test_events_come_through_in_pieces(site: str) -> None:
    httpx.get(f"{site}/api/orders")  # starts the app
    with httpx.stream("GET", f"{site}/api/ticks", timeout=60) as answer:
        pieces = [piece for piece in answer.iter_raw() if piece]
    assert b"".join(pieces) == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert len(pieces) > 1
    assert answer.headers["x-cache"] == "Miss from cloudfront"


def test_who_asks_the_endpoint_itself_writes_no_links_of_another_host(project: Project, site: str) -> None:
    own = "abc123.lambda-url.eu-central-1.on.aws"
    forged = (
        ("x-forwarded-host", "evil.example"),
        ("x-lambdify-client", "192.0.2.66"),
        ("x-lambdify-cdn", "guessed"),
    )
    request = Request("GET", "/api/seen", "", forged, host=own, client="198.51.100.7")
    event = http_api.write_event(request, function_url=True)
    said = project.run("invoke", json.dumps(event), "--local").answer
    assert f"https://{own}/api/seen" in said
    assert "198.51.100.7" in said
    assert "evil.example" not in said
    through = httpx.get(f"{site}/api/seen", headers=dict(forged)).json()
    assert through["url"].partition("://")[2].startswith("127.0.0.1")
    assert through["client"] == "127.0.0.1"


def test_two_deployments_later_an_open_page_still_finds_its_script(project: Project, site: str) -> None:
    for digest in ("Bq2_x7Zk", "CmW-04eR"):
        build(project, digest)
        assert project.run("deploy", "--local").answer.rstrip("/") == site
    assert "main-CmW-04eR.js" in httpx.get(f"{site}/orders/7", headers=NAVIGATES).text
    for digest in ("DiwrgTda", "Bq2_x7Zk", "CmW-04eR"):
        assert httpx.get(f"{site}/assets/main-{digest}.js").text == SCRIPT
    assert eventually(lambda: httpx.get(f"{site}/style.css").text == "/* CmW-04eR */")


def test_a_changed_style_sheet_of_a_flask_is_seen_at_once_and_after_a_rollback_the_old_one(
    home: Path, tmp_path: Path
) -> None:
    project = Project(folder=tmp_path / "flask", home=home)
    toml = 'name = "flask"\n[http]\nendpoint = "function-url"\ncdn = true\n'
    files = {"app.py": FLASK, "requirements.txt": "flask\n", "lambdify.toml": toml}
    write(project, {**files, "static/style.css": "red"})
    site = project.run("deploy", "--local").answer.rstrip("/")

    def style() -> httpx.Response:
        return httpx.get(f"{site}/static/style.css")

    assert (style().text, style().headers["cache-control"]) == ("red", "max-age=0, must-revalidate")
    write(project, {"static/style.css": "blue"})
    project.run("deploy", "--local")
    assert eventually(lambda: style().text == "blue"), "an edge keeps it for a second"
    project.run("rollback", "--local", "--yes")
    assert eventually(lambda: style().text == "red")
    assert httpx.get(site).text == "home"
