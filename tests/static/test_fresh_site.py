"""In Chromium: the admin of a fresh Django without settings, and a single-page app beside an API."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local.endpoints.chromium import Page
from samples.command import Project, keep_home

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]
HEADER = "getComputedStyle(document.querySelector('#header')).backgroundColor"
ADMINS_BLUE = "rgb(65, 118, 144)"
LOADED = (
    "[...document.styleSheets].every(sheet => sheet.cssRules.length > 0) && document.styleSheets.length > 2"
)
BROKEN = "[...document.images].filter(image => !image.naturalWidth).length"


API = """
def app(environ, start_response):
    found = environ["PATH_INFO"] == "/api/orders"
    start_response("200 OK" if found else "404 Not Found", [("Content-Type", "application/json")])
    return [b"[7]" if found else b'{"error": "nothing there"}']
"""
PAGE = """<!doctype html><base href="{mount}/"><title>wait</title><div id="app"></div>
<script type="module" src="assets/main-DiwrgTda.js"></script>
"""
SCRIPT = """
const orders = await (await fetch("api/orders")).json();
const none = await fetch("api/none");
document.title = [location.pathname, orders, none.status, (await none.json()).error].join(" ");
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from keep_home(tmp_path_factory)


@pytest.fixture(scope="module")
def project(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh project of Django's."""
    root = tmp_path_factory.mktemp("fresh")
    start = [sys.executable, "-m", "django", "startproject", "mysite", str(root)]
    subprocess.run(start, check=True, timeout=60)
    (root / "requirements.txt").write_text("django>=5.1,<5.3\n")
    (root / "lambdify.toml").write_text(
        'name = "fresh"\n[stages.dev]\n[stages.rest.http]\nendpoint = "rest-api"\n'
    )
    return Project(folder=root, home=home)


@pytest.fixture
def page(chromium: str, tmp_path: Path) -> Iterator[Page]:
    page = Page(chromium, tmp_path / "profile")
    yield page
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(("stage", "mount"), [("dev", ""), ("rest", "/live")])
def test_its_admin_is_styled_by_the_first_deployment(
    project: Project, page: Page, stage: str, mount: str
) -> None:
    site = project.run("deploy", stage, "--local").answer.rstrip("/")
    assert site.endswith(mount)
    assert not (project.folder / "static").exists()
    page.open(f"{site}/admin/login/")
    page.wait_for(LOADED)
    assert page.run(HEADER) == ADMINS_BLUE
    assert page.run(BROKEN) == 0

    style = f"{site}/static/admin/css/base.css"
    whole = httpx.get(style, headers={"accept-encoding": "gzip"})
    assert (whole.status_code, whole.headers["content-encoding"]) == (200, "gzip")
    assert "DJANGO Admin styles" in whole.text
    assert httpx.get(style, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    part = httpx.get(style, headers={"range": "bytes=4-10"})
    assert (part.status_code, len(part.content)) == (206, 7)
    head = httpx.head(style, headers={"accept-encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole.text.encode())
    assert httpx.get(f"{site}/static/none.css").status_code == 404
    assert httpx.post(style).status_code in (403, 404), "Django's own answer"


@pytest.mark.browser
@pytest.mark.parametrize("endpoint", ["http-api", "rest-api", "function-url"])
def test_a_deep_link_of_a_single_page_app_leads_to_its_page(
    home: Path, tmp_path: Path, page: Page, endpoint: str
) -> None:
    mount = "/live" if endpoint == "rest-api" else ""
    streaming = str(endpoint != "http-api").lower()
    for name, text in {
        "app.py": API,
        "front/dist/index.html": PAGE.format(mount=mount),
        "front/dist/assets/main-DiwrgTda.js": SCRIPT,
        "lambdify.toml": f"""
name = "spa-{endpoint}"
[http]
endpoint = "{endpoint}"
streaming = {streaming}
[static]
fallback = "index.html"
immutable = ["assets/*"]
[static.folders]
"/" = "front/dist"
""",
    }.items():
        (tmp_path / "spa" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "spa" / name).write_text(text)
    site = Project(folder=tmp_path / "spa", home=home).run("deploy", "--local").answer.rstrip("/")
    page.open(f"{site}/orders/7")
    page.wait_for("document.title != 'wait'")
    assert page.run("document.title") == f"{mount}/orders/7 7 404 nothing there"
    assert httpx.get(f"{site}/assets/gone.js", headers={"accept": "*/*"}).status_code == 404
    script = httpx.get(f"{site}/assets/main-DiwrgTda.js")
    assert script.headers["cache-control"] == "max-age=31536000, immutable"
