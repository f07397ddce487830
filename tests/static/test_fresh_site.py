"""The admin of a project as `django-admin startproject` makes it, deployed without settings, in Chromium."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local.endpoints.chromium import Page
from samples.command import Project, find_processes

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]
HEADER = "getComputedStyle(document.querySelector('#header')).backgroundColor"
ADMINS_BLUE = "rgb(65, 118, 144)"
LOADED = (
    "[...document.styleSheets].every(sheet => sheet.cssRules.length > 0) && document.styleSheets.length > 2"
)
BROKEN = "[...document.images].filter(image => !image.naturalWidth).length"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A fresh project, and a local cloud of its own; at the end nothing of it may be left."""
    folder = tmp_path_factory.mktemp("fresh")
    root, home = folder / "fresh", folder / "cloud"
    root.mkdir()
    start = [sys.executable, "-m", "django", "startproject", "mysite", str(root)]
    subprocess.run(start, check=True, timeout=60)
    (root / "requirements.txt").write_text("django>=5.1,<5.3\n")
    (root / "lambdify.toml").write_text(
        'name = "fresh"\n[stages.dev]\n[stages.rest.http]\nendpoint = "rest-api"\n'
    )
    project = Project(folder=root, home=home)
    yield project
    project.run("local", "stop")
    assert find_processes(home) == []
    shutil.rmtree(home, ignore_errors=True)


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
