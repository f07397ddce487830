"""A Django behind a CDN in the local cloud, as its visitors meet it: styled, with forms, by other names."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local.endpoints.chromium import Page
from samples.command import Project, find_processes

from .django_project import MANIFEST, write

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

SETTINGS = f"""{MANIFEST}
ALLOWED_HOSTS = [".localhost", "127.0.0.1"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {{
    "context_processors": ["django.template.context_processors.request"]}}}}]
"""
URLS = """
from django.http import HttpResponse
from django.template import engines
from django.urls import path

PAGE = '''{% load static %}<!doctype html><link rel="stylesheet" href="{% static 'books/style.css' %}">
<form method="post">{% csrf_token %}<button>go</button></form>'''

def form(request):
    if request.method == "POST":
        told = [request.build_absolute_uri(), request.META["REMOTE_ADDR"], *request.headers.keys()]
        return HttpResponse(" ".join(told), content_type="text/plain")
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))

urlpatterns = [path("form/", form)]
"""
TOML = """
name = "behind"
[http]
endpoint = "rest-api"
cdn = true
"""
STYLE = "body { background: rgb(1, 2, 3) }\n" + "/* long enough to be compressed */\n" * 40
YEAR = "max-age=31536000, immutable"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project in a local cloud of its own; at the end nothing of it may be left."""
    home, root = tmp_path_factory.mktemp("cloud"), tmp_path_factory.mktemp("behind")
    files = write(SETTINGS, site___urls="") | {
        "site_/urls.py": URLS,
        "lambdify.toml": TOML,
        "books/static/books/style.css": STYLE,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    yield Project(folder=root, home=home)
    Project(folder=home, home=home).run("local", "stop")
    assert find_processes(home) == []
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def site(project: Project) -> str:
    return project.run("deploy", "--local").answer.rstrip("/")


@pytest.fixture(scope="module")
def style(site: str) -> str:
    """The path of the style sheet, as the page names it."""
    found = re.search(r'href="(/static/books/style\.[0-9a-f]{12}\.css)"', httpx.get(f"{site}/form/").text)
    assert found, "without the stage of the REST API, and with its hash"
    return found[1]


def test_the_style_sheet_is_kept_for_a_year_and_by_the_edge(site: str, style: str) -> None:
    first = httpx.get(site + style, headers={"accept-encoding": "gzip"})
    again = httpx.get(site + style, headers={"accept-encoding": "gzip"})
    assert first.text == STYLE
    assert (first.headers["cache-control"], first.headers["content-encoding"]) == (YEAR, "gzip")
    assert again.headers["x-cache"] == "Hit from cloudfront"
    assert httpx.get(f"{site}/static/none.css").status_code == 404
    assert httpx.get(f"{site}/static/books/.env").status_code == 404
    assert httpx.post(site + style).status_code == 403


def test_the_function_has_the_names_of_files_and_no_file(project: Project, site: str) -> None:
    (path,) = (project.folder / ".lambdify" / "build").glob("app-*.zip")
    with zipfile.ZipFile(path) as packed:
        names = packed.namelist()
    assert "staticfiles/staticfiles.json" in names
    assert not [name for name in names if name.startswith("staticfiles/") and name.endswith(".css")]


@pytest.mark.parametrize("host", ["", "shop.localhost"])
def test_a_form_is_taken_for_one_of_the_same_site(site: str, host: str) -> None:
    address = site.replace("127.0.0.1", host or "127.0.0.1")
    port = httpx.URL(site).port
    headers = {"host": f"{host}:{port}"} if host else {}
    page = httpx.get(f"{site}/form/", headers=headers)
    token = page.cookies["csrftoken"]
    sent = {**headers, "origin": address, "cookie": f"csrftoken={token}", "x-forwarded-host": "evil.example"}
    answer = httpx.post(f"{site}/form/", headers=sent, data={"csrfmiddlewaretoken": token})
    assert answer.status_code == 200
    where, client, *names = answer.text.split()
    assert where == f"{address}/form/"
    assert client == "127.0.0.1"
    assert not [name for name in names if "Lambdify" in name or name == "X-Forwarded-Host"]


@pytest.mark.browser
def test_a_browser_shows_the_page_styled(site: str, chromium: str, tmp_path: Path) -> None:
    page = Page(chromium, tmp_path / "profile")
    try:
        page.open(f"{site}/form/".replace("127.0.0.1", "books.localhost"))
        page.wait_for("document.styleSheets.length > 0")
        assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(1, 2, 3)"
        page.run("document.querySelector('button').click()")
        page.wait_for("document.contentType === 'text/plain'")
        assert page.run("document.body.innerText").startswith("http://books.localhost:")
    finally:
        page.close()


def test_a_changed_style_sheet_is_seen_with_its_release_and_the_old_one_stays(
    project: Project, site: str, style: str
) -> None:
    path = project.folder / "books/static/books/style.css"
    path.write_text(STYLE.replace("1, 2, 3", "4, 5, 6"))
    project.run("deploy", "--local")
    found = re.search(r'href="(/static/books/style\.[0-9a-f]{12}\.css)"', httpx.get(f"{site}/form/").text)
    assert found
    assert found[1] != style
    assert "4, 5, 6" in httpx.get(site + found[1]).text
    assert httpx.get(site + style).text == STYLE, "pages that are open may ask for it"
    project.run("rollback", "--local", "--yes")
    assert style in httpx.get(f"{site}/form/").text
