"""Finding the app: what counts as one, which one is meant, and what is said about it."""

import io

import pytest

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.detection import catalogue
from lambdify.cli.detection.candidate import FRAMEWORK_MARKERS
from lambdify.cli.detection.choice import choose_app, find_apps
from lambdify.cli.errors import AppAmbiguous, AppNotFound

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
WSGI_PY = """
    import os
    from django.core.wsgi import get_wsgi_application
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    application = get_wsgi_application()
"""
ASGI_PY = WSGI_PY.replace("wsgi", "asgi")
DJANGO = {
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n',
    "mysite/__init__.py": "",
    "mysite/settings.py": 'WSGI_APPLICATION = "mysite.wsgi.application"\n',
    "mysite/wsgi.py": WSGI_PY,
    "mysite/asgi.py": ASGI_PY,
}


def quietly():
    """A console that nobody reads and nobody answers."""
    return Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ={})


def best(root):
    """The app that is chosen: (app, framework, interface, path)."""
    found = find_apps(root)[0]
    return found.app, found.framework, found.interface, found.path


# -------------------------------------------------------------------- what counts as an app


@pytest.mark.parametrize(
    ("code", "framework", "interface"),
    [
        ("import flask\napp = flask.Flask(__name__)", "flask", "wsgi"),
        ("from fastapi import FastAPI as F\napp: F = F()", "fastapi", "asgi"),
        ("from starlette.applications import Starlette\napp = Starlette(routes=[])", "starlette", "asgi"),
        ("from quart import Quart\napp = Quart(__name__)", "quart", "asgi"),
        ("import falcon.asgi\napp = falcon.asgi.App()", "falcon", "asgi"),
        ("import bottle\napp = bottle.default_app()", "bottle", "wsgi"),
        ("from litestar import Litestar\napp = Litestar([])", "litestar", "asgi"),
        ("from dash import Dash\napp = Dash()\nserver = app.server", "dash", "wsgi"),
        ("from pyramid.config import Configurator\napp = Configurator().make_wsgi_app()", "pyramid", "wsgi"),
        ("def app(environ, start_response):\n    ...", "wsgi", "wsgi"),
        ("async def app(scope, receive, send):\n    ...", "asgi", "asgi"),
        ("try:\n    import flask\nexcept ImportError:\n    raise\napp = flask.Flask('x')", "flask", "wsgi"),
        ("from flask import Flask\nclass Shop(Flask): ...\napp = Shop(__name__)", "flask", "wsgi"),
        ("from fastapi import FastAPI\nfrom c import CORS\napp = CORS(FastAPI())", "fastapi", "asgi"),
        (
            "import fastapi\nfrom c import CORS\napp = fastapi.FastAPI()\napp = CORS(app=app)",
            "fastapi",
            "asgi",
        ),
        (
            "import flask\nfrom asgiref.wsgi import WsgiToAsgi\napp = WsgiToAsgi(flask.Flask('x'))",
            "flask",
            "asgi",
        ),
        ("import fastapi\nimport a2wsgi\napp = a2wsgi.ASGIMiddleware(fastapi.FastAPI())", "fastapi", "wsgi"),
    ],
)
def test_an_app_is_known_by_what_makes_it(project, code, framework, interface):
    name = "server" if "server = " in code else "app"
    found = {each.app: each for each in find_apps(project({"app.py": code + "\n"}))}
    assert (found[f"app:{name}"].framework, found[f"app:{name}"].interface) == (framework, interface)


@pytest.mark.parametrize(
    "code",
    [
        "from flask import Blueprint\napp = Blueprint('x', __name__)",
        "from mylib import Flask\napp = Flask()",
        "if __name__ == '__main__':\n    from flask import Flask\n    app = Flask('x')",
        "def make():\n    from flask import Flask\n    app = Flask('x')",
        "app = 'flask.Flask'",
        "from flask import Flask\ndef app(x): return Flask(x)",
        "def app(scope, receive, send): ...",
    ],
)
def test_what_only_looks_like_an_app_is_none(project, code):
    assert find_apps(project({"app.py": code + "\n"})) == []


def test_what_takes_an_app_is_not_one_unless_it_is_called_so(project):
    code = FLASK + "from flask_migrate import Migrate\nmigrate = Migrate(app, db)\n"
    assert [each.app for each in find_apps(project({"app.py": code}))] == ["app:app"]


def test_a_file_that_is_not_python_is_passed_over(project):
    root = project({"app.py": FLASK, "wsgi.py": "from flask import (\n", "{{name}}.py": "{% x %}"})
    assert best(root)[0] == "app:app"


def test_every_maker_leaves_a_hint_in_the_files_that_call_it():
    unseen = [
        name
        for name in catalogue.app_names()
        if not any(hint in f"import {name}; {name}()".encode() for hint in FRAMEWORK_MARKERS)
    ]
    assert unseen == []


# -------------------------------------------------------------------- factories and names from elsewhere


FACTORY = """
    from flask import Flask
    def create_app(config=None):
        app = Flask(__name__)
        return app
"""


def test_a_factory_without_arguments_is_an_app(project):
    root = project({"flaskr/__init__.py": FACTORY})
    assert best(root) == ("flaskr:create_app()", "flask", "wsgi", "")


def test_a_factory_that_needs_an_argument_is_none(project):
    assert find_apps(project({"flaskr/__init__.py": FACTORY.replace("config=None", "config")})) == []


def test_a_call_of_a_factory_elsewhere_is_preferred_to_the_factory(project):
    root = project(
        {
            "shop/__init__.py": "",
            "shop/main.py": FACTORY,
            "wsgi.py": "from shop.main import create_app\napp = create_app()\n",
        }
    )
    assert best(root)[:2] == ("wsgi:app", "flask")


def test_an_app_is_followed_through_relative_and_star_imports(project):
    root = project(
        {
            "shop/__init__.py": "from .core import *\n",
            "shop/core/__init__.py": "from .web import app\n",
            "shop/core/web.py": FASTAPI,
            "asgi.py": "from shop import app as application\n",
        }
    )
    assert best(root)[:3] == ("asgi:application", "fastapi", "asgi")


def test_imports_in_a_circle_end(project):
    root = project({"app.py": "from main import app\n", "main.py": "from app import app\n"})
    assert find_apps(root) == []


def test_one_app_under_two_names_is_one_app(project):
    root = project({"shop/__init__.py": FLASK, "application.py": "from shop import app as application\n"})
    chosen = choose_app(settings.load(root), quietly())
    assert chosen.framework == "flask"


# -------------------------------------------------------------------- Django


def test_of_what_startproject_writes_wsgi_is_chosen(project):
    root = project(DJANGO)
    assert best(root) == ("mysite.wsgi:application", "django", "wsgi", "")
    choose_app(settings.load(root), quietly())


def test_django_with_asgi_alone_is_asgi(project):
    files = {name: text for name, text in DJANGO.items() if name != "mysite/wsgi.py"}
    assert best(project(files))[:3] == ("mysite.asgi:application", "django", "asgi")


def test_django_in_a_folder_of_its_own_runs_from_that_folder(project):
    files = {f"backend/{name}": text for name, text in DJANGO.items()}
    assert best(project(files)) == ("mysite.wsgi:application", "django", "wsgi", "backend")


# -------------------------------------------------------------------- where modules are imported from


@pytest.mark.parametrize(
    ("files", "app", "path"),
    [
        ({"src/shop/__init__.py": "", "src/shop/main.py": FASTAPI}, "shop.main:app", "src"),
        ({"src/main.py": FASTAPI}, "main:app", "src"),
        ({"app/main.py": FASTAPI}, "app.main:app", ""),
        ({"app/main.py": "import db\n" + FASTAPI, "app/db.py": ""}, "main:app", "app"),
        ({"app/main.py": "from app import db\n" + FASTAPI, "app/db.py": ""}, "app.main:app", ""),
        ({"app/main.py": "from . import db\n" + FASTAPI, "app/db.py": ""}, "app.main:app", ""),
        ({"my-site/main.py": FASTAPI}, "main:app", "my-site"),
        ({"backend/app/__init__.py": "", "backend/app/main.py": "from app.db import x\n" + FASTAPI,
          "backend/app/db.py": ""}, "app.main:app", "backend"),
        # A folder with an __init__.py is where imports begin if a whole module's name says so.
        ({"src/__init__.py": "", "src/config/__init__.py": "", "src/config/settings.py": "",
          "src/config/web.py": "from config.settings import DEBUG\n" + FASTAPI}, "config.web:app", "src"),
        ({"shop/__init__.py": "", "shop/celery.py": "", "shop/web.py": "from celery import x\n" + FASTAPI},
         "shop.web:app", ""),
        ({"shop/__init__.py": "", "shop/db/__init__.py": "", "shop/db/models.py": "",
          "shop/web.py": "from shop.db.models import x\n" + FASTAPI}, "shop.web:app", ""),
    ],
)  # fmt: skip
def test_the_import_root_is_the_one_the_code_was_written_for(project, files, app, path):
    found = find_apps(project(files))[0]
    assert (found.app, found.path) == (app, path)


@pytest.mark.parametrize("folder", [".venv/lib", "env/lib", "node_modules/x", "build/lib", ".git"])
def test_folders_that_are_not_the_project_are_not_searched(project, folder):
    root = project({f"{folder}/app.py": FLASK})
    if folder == "env/lib":
        (root / "env" / "pyvenv.cfg").touch()
    assert find_apps(root) == []


# -------------------------------------------------------------------- which one is meant


TWO = {"web/__init__.py": "", "web/app.py": FLASK, "api/__init__.py": "", "api/app.py": FASTAPI}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Procfile", "web: gunicorn --bind 0.0.0.0:8000 web.app:app --workers 2\n"),
        ("Dockerfile", 'FROM python\nCMD ["gunicorn", "-b", ":8000", "web.app:app"]\n'),
        ("docker-compose.yml", "services:\n  web:\n    command: uvicorn --port 80 web.app:app\n"),
        (".flaskenv", "FLASK_APP=web/app.py\n"),
        ("start.sh", "exec gunicorn \\\n  web.app:app\n"),
        ("zappa_settings.json", '{"dev": {"app_function": "web.app.app"}}\n'),
    ],
)
def test_the_app_that_the_project_starts_is_the_one(project, name, text):
    root = project({**TWO, name: text})
    chosen = choose_app(settings.load(root), quietly())
    assert chosen.app == "web.app:app"
    assert f"{name} starts it" in chosen.evidence


def test_fastapi_entrypoints_are_read(project):
    root = project({**TWO, "Dockerfile": 'CMD ["fastapi", "run", "api/app.py", "--port", "80"]\n'})
    assert choose_app(settings.load(root), quietly()).app == "api.app:app"


def test_an_app_that_only_a_launch_file_knows_is_taken_at_its_word(project):
    root = project(
        {
            "service.py": "from lib import build\nthing = build()\n",
            "Procfile": "web: gunicorn service:thing\n",
        }
    )
    assert best(root) == ("service:thing", "unknown", "unknown", "")


def test_an_app_that_is_started_by_the_name_of_a_star_import_is_found(project):
    root = project(
        {
            "bin_/__init__.py": "from .core import *\n",
            "bin_/core.py": FLASK,
            "bin_/filters.py": FLASK,
            "Dockerfile": 'CMD ["gunicorn", "-b", "0.0.0.0:80", "bin_:app", "-k", "gevent"]\n',
        }
    )
    assert best(root) == ("bin_:app", "flask", "wsgi", "")


def test_an_app_mounted_into_another_is_not_the_one(project):
    root = project(
        {"app.py": "from admin import application\n" + FASTAPI + "app.mount('/admin', application)\n",
         "admin.py": FASTAPI.replace("app =", "application =")}
    )  # fmt: skip
    assert choose_app(settings.load(root), quietly()).app == "app:app"


def test_apps_in_tests_and_examples_are_left_aside(project):
    root = project({"tests/app.py": FLASK, "examples/demo/main.py": FASTAPI, "shop.py": "x = 1\n"})
    with pytest.raises(AppNotFound, match="was left aside, being in tests or examples"):
        choose_app(settings.load(root), quietly())


def test_two_apps_are_named_with_what_speaks_for_them(project):
    with pytest.raises(AppAmbiguous) as caught:
        choose_app(settings.load(project(TWO)), quietly())
    assert "FastAPI app api.app:app (api/app.py:2  app = FastAPI())" in caught.value.message
    assert "Flask app web.app:app (web/app.py:2  app = Flask(__name__))" in caught.value.message
    assert caught.value.hint == 'Write the one you mean into lambdify.toml: app = "api.app:app"'


def test_somebody_at_a_terminal_is_asked(project):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    streams = {"stdin": Terminal("2\n"), "stdout": io.StringIO(), "stderr": Terminal()}
    chosen = choose_app(settings.load(project(TWO)), Console(**streams, environ={"TERM": "dumb"}))
    assert chosen.app == "web.app:app"
    assert 'write this into lambdify.toml: app = "web.app:app"' in streams["stderr"].getvalue()


def test_what_was_found_is_said_with_the_reason(project):
    story = io.StringIO()
    console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=story, environ={})
    choose_app(settings.load(project({"app.py": FLASK})), console)
    assert story.getvalue() == "  Found Flask app app:app: app.py:2  app = Flask(__name__)\n"


# -------------------------------------------------------------------- the app that the settings name


def named(project, app, files):
    root = project({**files, "lambdify.toml": f'app = "{app}"\n'})
    return choose_app(settings.load(root), quietly())


def test_the_app_in_the_settings_is_taken_and_its_interface_found(project):
    chosen = named(project, "api.app:app", TWO)
    assert (chosen.app, chosen.interface) == ("api.app:app", "asgi")
    assert chosen.evidence[0] == "lambdify.toml names it"


def test_an_app_that_reading_does_not_understand_is_taken_all_the_same(project):
    chosen = named(project, "main:handler", {"main.py": "from lib import build\nhandler = build()\n"})
    assert (chosen.app, chosen.interface) == ("main:handler", "unknown")


def test_a_factory_in_the_settings_is_taken(project):
    chosen = named(project, "main:create_app()", {"main.py": FACTORY})
    assert (chosen.app, chosen.framework, chosen.interface) == ("main:create_app()", "flask", "wsgi")


def test_an_app_below_an_unusual_folder_is_found_by_its_module(project):
    chosen = named(project, "main:app", {"my-site/main.py": FASTAPI})
    assert (chosen.path, chosen.interface) == ("my-site", "asgi")


def test_a_module_that_does_not_exist_is_an_error_with_what_is_there(project):
    with pytest.raises(AppNotFound) as caught:
        named(project, "web.main:app", TWO)
    assert "there is no module web.main" in caught.value.message
    assert 'Did you mean "api.app:app"?' in caught.value.hint


def test_a_name_that_does_not_exist_is_an_error_with_the_nearest(project):
    with pytest.raises(AppNotFound) as caught:
        named(project, "web.app:aap", TWO)
    assert "web/app.py has nothing called aap" in caught.value.message
    assert caught.value.hint == 'Did you mean "app"?'
