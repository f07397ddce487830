"""Folders of Flask, its blueprints and Starlette, where lambdify is to serve them before the app."""

from collections.abc import Iterator

import pytest

from .conftest import Pack

pytestmark = [pytest.mark.slow, pytest.mark.index]
FUNCTION = '[static]\nserve = "function"\n'
FLASK = """
from flask import Blueprint, Flask
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
staff = Blueprint(
    "staff", __name__, url_prefix="/staff", static_folder="staff_files", static_url_path="/files"
)
inner = Blueprint("inner", __name__, url_prefix="/inner", static_folder="inner_files")
staff.register_blueprint(inner)
app.register_blueprint(staff)
app.wsgi_app = ProxyFix(app.wsgi_app)
"""
STARLETTE = """
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware

class Guarded(StaticFiles):
    pass

inner = FastAPI()
inner.mount("/pages", StaticFiles(directory="pages", html=True))
web = FastAPI()
web.mount("/static", StaticFiles(directory="static"))
web.mount("/private", Guarded(directory="private"))
web.mount("/inner", inner)
app = CORSMiddleware(web, allow_origins=["*"])
"""
FILES = {
    "static/a.css": "a",
    "static/.env": "PASSWORD=x",
    "staff_files/b.css": "b",
    "inner_files/c.css": "c",
    "pages/index.html": "d",
    "private/e.txt": "e",
}


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_flask_and_its_blueprints(pack: Pack) -> None:
    given = {**FILES, "app.py": FLASK, "requirements.txt": "flask\n"}
    packed = pack(given, FUNCTION, framework="flask")
    rows = {path: row[0] for path, row in packed.served.items()}
    assert rows == {
        "/static/a.css": "static/a.css",
        "/staff/files/b.css": "staff_files/b.css",
        "/staff/inner/inner_files/c.css": "inner_files/c.css",
    }


def test_starlette_and_what_is_mounted_in_it(pack: Pack) -> None:
    given = {**FILES, "app.py": STARLETTE, "requirements.txt": "fastapi\n"}
    packed = pack(given, FUNCTION, framework="fastapi", interface="asgi")
    rows = {path: row[0] for path, row in packed.served.items()}
    assert rows == {
        "/static/a.css": "static/a.css",
        "/inner/pages/": "pages/index.html",
        "/inner/pages/index.html": "pages/index.html",
    }


def test_without_a_word_they_serve_their_own(pack: Pack) -> None:
    packed = pack({**FILES, "app.py": FLASK, "requirements.txt": "flask\n"}, framework="flask")
    assert (packed.asked, packed.served) == (0, {})


def test_an_app_that_has_no_files_is_told(pack: Pack) -> None:
    packed = pack({}, FUNCTION)
    assert "warning: The app has no static files that lambdify knows of: name their folders in" in packed.said
    assert packed.served == {}
