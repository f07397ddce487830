"""`lambdify deploy --local` of a stage with names: they answer on this machine, from what is deployed."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from local.endpoints.chromium import Page
from samples.command import Done, Project, keep_home

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

APP = """
def app(environ, start_response):
    host = environ["HTTP_HOST"]
    start_response("200 OK", [("Content-Type", "text/html")])
    return [f'<title>{host}{environ["SCRIPT_NAME"]}{environ["PATH_INFO"]}</title>'.encode()]
"""
SETTINGS = """
name = "books"
[stages.dev.domain]
names = ["books.example", "www.books.example"]
[stages.cdn.domain]
names = ["cdn.example", "www.cdn.example"]
[stages.cdn.http]
cdn = true
[stages.cdn.static.folders]
"/files" = "files"
[stages.told.domain]
names = ["told.example"]
zone = "none"
[stages.path.domain]
names = ["path.example"]
path = "shop"
[stages.bare]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from keep_home(tmp_path_factory)


@pytest.fixture(scope="module")
def project(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("books")
    for name, text in {"app.py": APP, "lambdify.toml": SETTINGS, "files/a.txt": "a file"}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return Project(folder=root, home=home)


@pytest.fixture(scope="module")
def deployed(project: Project) -> Callable[[str], Done]:
    """`deployed("dev")`: what was told when the stage was deployed, which happens once."""
    return cache(lambda stage: project.run("deploy", stage, "--local"))


def get(site: str, path: str = "/", name: str = "") -> httpx.Response:
    """What a browser gets, which finds names below "localhost" by itself."""
    address = urlsplit(site)
    host = f"{name}.localhost" if name else address.hostname
    return httpx.get(
        f"http://127.0.0.1:{address.port}{path}", headers={"host": f"{host}:{address.port}"}, timeout=60
    )


@pytest.mark.parametrize(("stage", "name"), [("dev", "books.example"), ("cdn", "cdn.example")])
def test_the_first_name_is_the_address_and_another_leads_there(
    project: Project, deployed: Callable[[str], Done], stage: str, name: str
) -> None:
    site = deployed(stage).answer.rstrip("/")
    address = urlsplit(site)
    assert address.hostname == f"{name}.localhost"
    assert f"<title>{name}/a</title>" in get(site, "/a").text
    led = get(site, "/a?b=1", f"www.{name}")
    assert (led.status_code, led.headers["location"]) == (308, f"{site}/a?b=1")
    if stage == "cdn":
        assert get(site, "/files/a.txt").text == "a file"
        assert get(site, "/files/a.txt").headers["x-cache"].endswith("from cloudfront")
    assert "GET / → 200" in project.run("deploy", stage, "--local", "--refresh").story
    assert "GET /" in project.run("status", stage, "--local").answer
    state = project.run("domain", stage, "--local").answer
    assert state.split("\n")[1].split() == [name, "served"]
    assert "CNAME" in state


def test_a_name_elsewhere_is_told_and_blocks_nothing(project: Project) -> None:
    done = project.run("deploy", "told", "--local")
    assert "127.0.0.1" in done.answer
    assert "CNAME _acme-challenge.told.example → " in done.story
    assert "waits for its certificate" in project.run("domain", "told", "--local").answer


def test_a_path_is_the_mount_of_the_app(project: Project) -> None:
    site = project.run("deploy", "path", "--local").answer.rstrip("/")
    assert site.endswith("/shop")
    assert "<title>path.example/shop/basket</title>" in get(site, "/shop/basket").text
    assert get(site, "/basket").status_code == 404


@pytest.mark.browser
def test_a_browser_finds_the_names(deployed: Callable[[str], Done], chromium: str, tmp_path: Path) -> None:
    site = deployed("dev").answer.rstrip("/")
    port = urlsplit(site).port
    page = Page(chromium, tmp_path / "profile")
    try:
        page.open(f"http://www.books.example.localhost:{port}/b?c=1")
        page.wait_for("document.title == 'books.example/b'")
        assert page.run("location.href") == f"{site}/b?c=1"
    finally:
        page.close()
