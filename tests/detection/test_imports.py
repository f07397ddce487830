"""What an app imports, itself or through the project's modules: which, where, how surely."""

import time
from pathlib import Path

import pytest

from lambdify.cli.detection import candidate, imports
from lambdify.cli.detection.project import Project

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = "from flask import Flask\ndef create_app({}):\n    {}\n    return Flask('x')\n"
SETTINGS = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
WSGI = SETTINGS + "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"


def read(root, variables=None):
    project = Project(root)
    return imports.reach(project, candidate.find(project)[0], variables)


def describe(root, variables=None):
    """Each top-level module but flask's and django's: "yaml app.py:3", with "?" if guarded, "later" if so."""
    found = imports.by_module(read(root, variables).imports)
    return {
        f"{'?' if each.guarded else ''}{name} {each.file}:{each.line}{'' if each.at_import else ' later'}"
        for name, each in found.items()
        if name not in {"flask", "django", "os"}
    }


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import yaml", {"yaml app.py:3"}),
        ("import a.b.c as x, d", {"a app.py:3", "d app.py:3"}),
        ("from a.b import c, d", {"a app.py:3"}),
        ("from __future__ import annotations", set()),
        ("class Model:\n    import attr", {"attr app.py:4"}),
        ("with open('x'):\n    import attr", {"attr app.py:4"}),
        ("if 1:\n    pass\nimport attr", {"attr app.py:5"}),
        ("try:\n    import attr\nfinally:\n    pass", {"attr app.py:4"}),
        ("try:\n    import attr\nexcept ValueError:\n    import b", {"attr app.py:4", "?b app.py:6"}),
        ("try:\n    import attr\nexcept ImportError:\n    attr = None", {"?attr app.py:4"}),
        (
            "try:\n    import attr\nexcept (OSError, ImportError):\n    import b",
            {"?attr app.py:4", "?b app.py:6"},
        ),
        ("try:\n    import attr\nexcept:\n    pass", {"?attr app.py:4"}),
        (
            "try:\n    import attr\nexcept Exception:\n    pass\nelse:\n    import b",
            {"?attr app.py:4", "?b app.py:8"},
        ),
        (
            "import contextlib\nwith contextlib.suppress(ImportError):\n    import b",
            {"contextlib app.py:3", "?b app.py:5"},
        ),
        ("import sys\nif sys.version_info < (3, 11):\n    import tomli", {"sys app.py:3", "?tomli app.py:5"}),
        ("if app.debug:\n    import a\nelse:\n    import b", {"?a app.py:4", "?b app.py:6"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b app.py:6"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
        ("if __name__ == '__main__':\n    import a", set()),
        ("if __name__ != '__main__':\n    import a", {"a app.py:4"}),
        ("if __name__ == '__main__':\n    import a\nelse:\n    import b", {"b app.py:6"}),
        ("def view():\n    import a", {"?a app.py:4 later"}),
        ("class V:\n    def get(self):\n        import a", {"?a app.py:5 later"}),
        ("def setup():\n    import a\nsetup()", {"a app.py:4"}),
        ("def setup():\n    def inner():\n        import a\nsetup()", {"?a app.py:5 later"}),
        ("def one():\n    two()\ndef two():\n    import a\none()", {"a app.py:6"}),
        ("def setup():\n    import a\nif app.debug:\n    setup()", {"?a app.py:4 later"}),
        ("def setup():\n    import a\nlater = lambda: setup()", {"?a app.py:4 later"}),
        ("def setup():\n    import a\nx = setup() if app.debug else None", {"?a app.py:4 later"}),
        ("def setup():\n    import a\nx = [setup() for _ in ()]", {"?a app.py:4 later"}),
        ("for n in range(3):\n    import a", {"?a app.py:4"}),
        ("match 1:\n    case 1:\n        import a", {"?a app.py:5"}),
        ("import importlib\nimportlib.import_module('a.b')", {"importlib app.py:3", "a app.py:4"}),
        ("try:\n    import a\nexcept ImportError:\n    a = None\nimport a", {"a app.py:7"}),
        ('"""\nimport a\n"""', set()),
        ("app.include('page.html')", set()),
    ],
)
def test_imports_of_one_file(project, code, expected):
    assert describe(project({"app.py": FLASK + code + "\n"})) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"app.py": FLASK + "import views", "views.py": "import a"}, {"a views.py:1"}),
        ({"app.py": FLASK + "from web import views", "web/views.py": "import a"}, {"a web/views.py:1"}),
        (
            {
                "web/__init__.py": "import a",
                "web/app.py": FLASK + "from . import views",
                "web/views.py": "import b",
            },
            {"a web/__init__.py:1", "b web/views.py:1"},
        ),
        (
            {
                "web/__init__.py": "",
                "web/main/__init__.py": "from ..db import x",
                "web/db.py": "import a",
                "web/app.py": FLASK + "from .main import views",
                "web/main/views.py": "from ..models import y",
                "web/models/__init__.py": "from .user import *",
                "web/models/user.py": "import b",
            },
            {"a web/db.py:1", "b web/models/user.py:1"},
        ),
        # By a guarded way, nothing is sure.
        ({"app.py": FLASK + "def f():\n    import views", "views.py": "import a"}, {"?a views.py:1 later"}),
        (
            {
                "app.py": FLASK + "try:\n    import views\nexcept ImportError:\n    pass",
                "views.py": "import a",
            },
            {"?a views.py:1"},
        ),
        # The surest way counts, wherever it is.
        (
            {
                "app.py": FLASK + "def f():\n    import views\nimport other",
                "other.py": "import views",
                "views.py": "import a",
            },
            {"a views.py:1"},
        ),
        # Factories
        (
            {
                "wsgi.py": "from shop import create_app\napp = create_app()",
                "shop/views.py": "import a",
                "shop/__init__.py": FACTORY.format("", "from . import views"),
            },
            {"a shop/views.py:1"},
        ),
        (
            {
                "wsgi.py": "import shop.web\napp = shop.web.create_app('x')",
                "shop/views.py": "import a",
                "shop/web.py": FACTORY.format("c", "from shop import views"),
            },
            {"a shop/views.py:1"},
        ),
        (
            {"shop/__init__.py": FACTORY.format("", "register()") + "def register():\n    import a"},
            {"a shop/__init__.py:6"},
        ),
        # What nobody imports is not of the app.
        ({"app.py": FLASK, "worker.py": "import celery", "tests/test_app.py": "import pytest"}, set()),
        # Something else of the project: a folder, a link, a compiled module, a folder put on sys.path.
        (
            {
                "app.py": FLASK + "import data.x\nimport fast\nimport static",
                "data/x/y.py": "",
                "fast.cpython-312.so": "",
                "static/a.css": "",
            },
            set(),
        ),
        (
            {
                "app.py": FLASK + "import sys\nsys.path.append('vendor/lib')\nimport users",
                "vendor/lib/users.py": "import a",
            },
            {"sys app.py:3", "a vendor/lib/users.py:1"},
        ),
        (
            {"src/web/app.py": FLASK + "from web.views import x", "src/web/views.py": "import a"},
            {"a src/web/views.py:1"},
        ),
        (
            {"backend/main.py": FLASK + "import views", "backend/views.py": "import a"},
            {"a backend/views.py:1"},
        ),
        # Circles end.
        (
            {"app.py": FLASK + "import b", "b.py": "import app\nimport c", "c.py": "import b\nimport a"},
            {"a c.py:2"},
        ),
        # What cannot be read is left out.
        ({"app.py": FLASK + "import b", "b.py": "import a\nthis is no python\n"}, {"a b.py:1"}),
    ],
)
def test_imports_through_modules(project, files, expected):
    assert describe(project(files)) == expected


APPS = "INSTALLED_APPS = ['django.contrib.admin', 'rest_framework', 'shop.books']\n"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (APPS, {"rest_framework shop/settings.py:1", "a shop/books/models.py:1", "b shop/books/admin.py:1"}),
        (
            "INSTALLED_APPS = ['shop.books.apps.Config']",
            {"a shop/books/models.py:1", "c shop/books/apps.py:1"},
        ),
        (
            "A = ['x']\nB = ['y', 'shop']\nINSTALLED_APPS = A + B",
            {"x shop/settings.py:1", "y shop/settings.py:2"},
        ),
        (
            "INSTALLED_APPS = ['x', *OTHERS]\nOTHERS = ('y',)",
            {"x shop/settings.py:1", "y shop/settings.py:2"},
        ),
        (
            "INSTALLED_APPS = ['x']\nINSTALLED_APPS += ['y']\nINSTALLED_APPS.append('z')",
            {"x shop/settings.py:1", "y shop/settings.py:2", "z shop/settings.py:3"},
        ),
        ("DEBUG = True\nif DEBUG:\n    INSTALLED_APPS = ['x']", {"?x shop/settings.py:3"}),
        (
            "INSTALLED_APPS = ['x', *(['y'] if DEBUG else [])]",
            {"x shop/settings.py:1", "?y shop/settings.py:1"},
        ),
        (
            "INSTALLED_APPS = ['x', 'y']\nINSTALLED_APPS.remove('y')",
            {"x shop/settings.py:1", "?y shop/settings.py:1"},
        ),
        (
            "I = ['x', 'y']\nINSTALLED_APPS = [a for a in I if a != 'y']",
            {"x shop/settings.py:1", "?y shop/settings.py:1"},
        ),
        ("I = ['x']\nINSTALLED_APPS = [a for a in I if wanted(a)]", {"?x shop/settings.py:1"}),
        (
            "MIDDLEWARE = ['whitenoise.middleware.W', 'shop.books.admin.M']",
            {"whitenoise shop/settings.py:1", "b shop/books/admin.py:1"},
        ),
        ("ROOT_URLCONF = 'shop.urls'", {"d shop/views.py:1 later", "drf shop/urls.py:3 later"}),
        ("from .base import *", {"x shop/base.py:1", "e shop/base.py:2"}),
        (
            "import environ\nTEMPLATES = [{'BACKEND': 'jin.Templates', 'DIRS': ['a.b']}]",
            {"environ shop/settings.py:1", "?jin shop/settings.py:2 later"},
        ),
        ("TIME_ZONE = 'Europe/Berlin'\nLOGGING = {'class': 'json_log.Handler'}", set()),
    ],
)
def test_what_django_imports(project, settings, expected):
    files = {
        "manage.py": SETTINGS,
        "shop/__init__.py": "",
        "shop/wsgi.py": WSGI,
        "shop/settings.py": settings + "\n",
        "shop/base.py": "INSTALLED_APPS = ['x']\nimport e\n",
        "shop/urls.py": "from django.urls import include, path\nfrom . import views\nimport drf\n",
        "shop/views.py": "import d\n",
        "shop/books/__init__.py": "",
        "shop/books/models.py": "import a\n",
        "shop/books/admin.py": "import b\n",
        "shop/books/apps.py": "import c\n" if "apps" in settings and "Config" in settings else "",
        "shop/books/management/commands/load.py": "import f\n",
        "shop/books/migrations/0001.py": "import g\n",
        "shop/books/tests.py": "import h\n",
    }
    assert describe(project(files)) == expected


def test_a_variable_of_the_function_names_other_settings(project):
    root = project(
        {"shop/wsgi.py": WSGI, "shop/settings.py": "import a\n", "shop/production.py": "import b\n"}
    )
    assert describe(root) == {"a shop/settings.py:1"}
    assert describe(root, {"DJANGO_SETTINGS_MODULE": "shop.production"}) == {"b shop/production.py:1"}


def test_settings_that_manage_py_alone_names_are_not_sure(project):
    wsgi = WSGI.replace(SETTINGS, "")
    root = project({"manage.py": SETTINGS, "shop/wsgi.py": wsgi, "shop/settings.py": "import a\n"})
    assert describe(root) == {"?a shop/settings.py:1"}


def test_the_whole_name_is_there(project):
    root = project({"app.py": FLASK + "from google.cloud import storage\nimport a.b\n"})
    assert {each.full for each in read(root).imports} >= {"google.cloud.storage", "a.b", "flask.Flask"}


def test_a_failure_that_is_caught_is_told(project):
    code = "try:\n    import a\nexcept ImportError:\n    import b\ndef f():\n    import c\n"
    found = imports.by_module(read(project({"app.py": FLASK + code})).imports)
    assert {name for name, each in found.items() if each.caught} == {"a", "b"}


def test_files_that_the_app_reaches(project):
    files = {"app.py": FLASK + "import b\ndef f():\n    import c\n", "b.py": "", "c.py": "", "d.py": ""}
    assert read(project(files)).files == (
        ("app.py", False, True),
        ("b.py", False, True),
        ("c.py", True, False),
    )


@pytest.mark.slow
def test_hundreds_of_files_take_a_moment(tmp_path):
    body = (
        "import os\nfrom flask import request\n\n\n"
        + "def view(x):\n    return request.args.get(x, 1)\n" * 20
    )
    for number in range(300):
        Path(tmp_path, f"m{number}.py").write_text(f"{body}import m{number + 1}\n")
    Path(tmp_path, "app.py").write_text(FLASK + "import m0\n")
    project = Project(tmp_path)
    app = candidate.find(project)[0]
    began = time.process_time()
    assert len(imports.reach(project, app).files) == 301
    assert time.process_time() - began < 2
