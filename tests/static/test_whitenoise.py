"""Django's static files that WhiteNoise serves: collected where it looks, and in no table of ours."""

import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdify.cli.errors import StaticFilesUnknown
from lambdify.cli.programs import pythons

from .conftest import Pack, Packed
from .django_project import DJANGO, MANIFEST, write

pytestmark = [pytest.mark.slow, pytest.mark.index]

NOISE = 'MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]\n'
ROOT = 'STATIC_ROOT = BASE_DIR / "staticfiles"\n'
COMPRESSED = (
    'STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}\n'
)
STYLE, LONG = "books/static/books/style.css", "body { background: url(paper.png) }\n" * 100
REQUIREMENTS = "django>=5.1,<5.3\nwhitenoise>=6.6,<7\n"
VIEW = """
from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse(static("books/style.css")))]
"""
OUTSIDE = 'STATIC_ROOT = "/var/www/static"\n'
BOOT = """
import json, os, sys
task, opt = sys.argv[1:]
sys.path[:0] = [task, opt + "/python"]
os.chdir(task)
from lambdify.adapter import Adapter
from site_.wsgi import application
adapter = Adapter(application)
def get(path, **headers):
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": headers,
             "requestContext": {"http": http, "stage": "$default", "domainName": "localhost"}}
    answer = adapter(event, None)
    return [answer["statusCode"], answer["headers"], answer["body"]]
link = get("/")[2]
json.dump([link, get(link), get(link, **{"accept-encoding": "gzip"})], sys.stdout)
"""


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def project(settings: str, **more: str) -> dict[str, str]:
    """A Django project that has WhiteNoise among its dependencies."""
    return {**write(settings), "requirements.txt": REQUIREMENTS, "site_/urls.py": VIEW, **more}


def ask(packed: Packed, folder: Path) -> list:
    """The style sheet's link in a page, and the app's answers to it, without lambdify's own table."""
    archives = {"task": packed.bundle.app.path, "opt": packed.bundle.layer.path}
    for name, path in archives.items():
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder / name)
    python = pythons.find(packed.bundle.target.python)
    line = [python, "-I", "-S", "-B", "-c", BOOT, *(folder / name for name in archives)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_whitenoise_serves_what_nobody_has_collected(pack: Pack, tmp_path: Path) -> None:
    settings = f'ALLOWED_HOSTS = ["*"]\n{NOISE}{ROOT}{COMPRESSED}'
    packed = pack(project(settings, **{STYLE: LONG}), **DJANGO)
    assert (packed.asked, packed.served) == (1, {})
    assert not (tmp_path / "shop/staticfiles").exists()
    link, plain, zipped = ask(packed, tmp_path)
    assert link.startswith("/static/books/style.")
    assert plain[0] == 200
    assert "immutable" in plain[1]["cache-control"]
    assert plain[2].startswith("body { background: url(")
    assert zipped[1]["content-encoding"] == "gzip"
    again = pack({"books/views.py": "# a line\n"}, **DJANGO)
    assert (again.asked, again.served) == (0, {})
    named = pack({}, '[static]\nserve = "app"\n', **DJANGO)
    assert (named.asked, named.served) == (1, {})
    assert sorted(named.names) == sorted(again.names) == sorted(packed.names)


def test_copies_that_its_storage_has_zipped_are_packed_for_it_alone(pack: Pack) -> None:
    stale = {"staticfiles/books/style.css": "old", "staticfiles/more.css": "of another tool"}
    packed = pack(project(f"{NOISE}{ROOT}{COMPRESSED}", **{STYLE: LONG}, **stale), **DJANGO)
    assert packed.read("staticfiles/books/style.css").startswith(b"body")
    assert packed.read("staticfiles/more.css") == b"of another tool"
    assert "staticfiles/books/style.css.gz" in packed.names
    assert "Static files collected for WhiteNoise: " in packed.said
    ours = pack({}, '[static]\nserve = "function"\n', **DJANGO)
    assert "staticfiles/books/style.css.gz" not in ours.names
    assert "collected for" not in ours.said
    assert ours.served["/static/books/style.css"][0] == "staticfiles/books/style.css"


CLASS = """
from whitenoise.middleware import WhiteNoiseMiddleware

class Noise(WhiteNoiseMiddleware):
    pass
"""
SERVE = 'MIDDLEWARE = ["servestatic.middleware.ServeStaticMiddleware"]\n'
AROUND = """
import os
from django.core.wsgi import get_wsgi_application
from whitenoise import WhiteNoise

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
application = WhiteNoise(get_wsgi_application(), root="staticfiles", prefix="static/")
"""


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ('MIDDLEWARE = ["site_.middleware.Noise"]\n', "site_/middleware.py", CLASS),
        ("", "site_/wsgi.py", AROUND),
        (SERVE, "requirements.txt", "django>=5.1,<5.3\nservestatic>=3,<5\n"),
    ],
    ids=["a class made of it", "around the app", "its fork"],
)
def test_it_is_known_in_other_forms(pack: Pack, line: str, name: str, text: str) -> None:
    packed = pack(project(line + ROOT, **{name: text}), **DJANGO)
    assert (packed.asked, packed.served) == (1, {})
    assert "staticfiles/books/style.css" in packed.names


def test_a_cdn_that_fetches_from_the_app_finds_what_whitenoise_serves(pack: Pack) -> None:
    packed = pack(project(f'{NOISE}{ROOT}STATIC_URL = "https://x.cdn.example/static/"\n'), **DJANGO)
    assert packed.served == {}
    assert packed.read("staticfiles/books/style.css").startswith(b"body")
    ours = pack({}, '[static]\nserve = "function"\n', **DJANGO)
    assert ours.served == {}
    assert "Django's static files are at https://x.cdn.example/static/" in ours.said


@pytest.mark.parametrize("root", ["", OUTSIDE], ids=["nowhere", "outside of the project"])
def test_lambdify_serves_what_whitenoise_would_not_find(pack: Pack, root: str) -> None:
    packed = pack(project(NOISE + root), **DJANGO)
    assert packed.served["/static/books/style.css"][0] == ".lambdify/static/django/books/style.css"
    left = pack({}, '[static]\nserve = "app"\n', **DJANGO)
    assert left.served == {}
    assert not [name for name in left.names if name.startswith(".lambdify/static/")]


def test_a_manifest_that_it_could_not_find_is_told(pack: Pack) -> None:
    given = project(NOISE + COMPRESSED + OUTSIDE)
    assert "warning: STATIC_ROOT is /var/www/static, outside of the project." in pack(given, **DJANGO).said


def test_where_it_looks_in_the_apps_themselves_nothing_is_collected(pack: Pack) -> None:
    packed = pack(project(f"{NOISE}WHITENOISE_USE_FINDERS = True\n"), **DJANGO)
    assert packed.served == {}
    assert [name for name in packed.names if name.endswith("style.css")] == ["books/static/books/style.css"]
    manifest = pack(project(f"{NOISE}{MANIFEST}WHITENOISE_USE_FINDERS = True\n"), **DJANGO)
    assert "staticfiles/staticfiles.json" in manifest.names


def test_an_app_that_cannot_be_asked_is_told_what_to_do(pack: Pack) -> None:
    given = project(f"{NOISE}{ROOT}import socket\nsocket.create_connection(('db.internal', 5432))\n")
    message = "The app could not be asked for its static files: it connects to db.internal:5432 while it"
    told = pack(given, **DJANGO).said
    assert f"warning: {message}" in told
    assert (
        "Run `python manage.py collectstatic` before a deployment: what lies in STATIC_ROOT is packed."
        in told
    )
    collected = {"staticfiles/books/style.css": "body {}"}
    left = pack(collected, '[static]\nserve = "app"\n', **DJANGO)
    assert "warning" not in left.said
    assert message in left.said
    assert left.read("staticfiles/books/style.css") == b"body {}"
    with pytest.raises(StaticFilesUnknown):
        pack({}, '[static]\nserve = "function"\n', **DJANGO)
