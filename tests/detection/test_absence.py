"""What is said where no app is found, or not the one that is named: what is there, and the line to write."""

import io
import sys

import pytest

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import choose_app
from lambdify.cli.errors import AppAmbiguous, AppNotFound
from lambdify.cli.programs.pythons import RUNNING

FACTORY = """
    from flask import Flask

    def create_app(config_name):
        app = Flask(__name__)
        return app
"""
CASES = {
    "factory": {"shop/__init__.py": FACTORY},
    "factory-keywords": {
        "shop.py": FACTORY.replace("config_name", "name: str, *, debug: bool, workers: int = 1")
    },
    "factory-of-an-object": {"shop/__init__.py": FACTORY.replace("config_name", "config: Config")},
    "factory-of-another-name": {"shop.py": FACTORY.replace("create_app(config_name)", "serve()")},
    "aiohttp": {
        "main.py": "from aiohttp import web\n\ndef init_app():\n    app = web.Application()\n"
         "    return app\n\n"
        "if __name__ == '__main__':\n    web.run_app(init_app())\n"
    },
    "streamlit": {"app.py": "import streamlit as st\n\nst.title('Sales')\n"},
    "gradio": {"app.py": "import gradio as gr\n\nwith gr.Blocks() as demo:\n    ...\ndemo.launch()\n"},
    "tornado": {
        "server.py": "import tornado.web\n\ndef make():\n    return tornado.web.Application([])\n"
    },
    "robyn": {"app.py": "from robyn import Robyn\n\napp = Robyn(__file__)\n"},
    "http-server": {
        "serve.py": "from http.server import BaseHTTPRequestHandler, HTTPServer\n\n"
        "class Hello(BaseHTTPRequestHandler): ...\n\nHTTPServer(('', 80), Hello).serve_forever()\n"
    },
    "socketio": {"app.py": "import socketio\n\nsio = socketio.AsyncServer()\napp = socketio.ASGIApp(sio)\n"},
    "cherrypy": {"app.py": "import cherrypy\n\nclass Root: ...\n\ncherrypy.quickstart(Root())\n"},
    "chalice": {"app.py": "from chalice import Chalice\n\napp = Chalice(app_name='shop')\n"},
    "handler": {"jobs.py": "def lambda_handler(event, context):\n    return {}\n", "app.py": ""},
    "out-of-reach": {
        "main.py": "def main():\n    from flask import Flask\n    app = Flask(__name__)\n    app.run()\n"
    },
    "pyramid": {"development.ini": "[app:main]\nuse = egg:shop\n", "shop/__init__.py": ""},
    "django": {
        "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
        "shop/settings.py": "DEBUG = True\n",
    },
    "syntax": {"app.py": "from flask import Flask\napp = Flask('x')\n\ndef broken(:\n    ...\n"},
    "syntax-of-the-only-app": {"app.py": "from flask import Flask\napp = Flask('x'\nother = 1\n"},
    "utf-16": {"app.py": b"\xff\xfe" + "from flask import Flask\r\napp = Flask('x')\r\n".encode("utf-16-le")},
    "nothing": {"shop.py": "x = 1\n"},
    "named-factory": {"shop/__init__.py": FACTORY, "lambdify.toml": 'app = "shop:create_app"\n'},
    "named-factory-without-arguments": {
        "shop/__init__.py": FACTORY.replace("config_name", "config=None"),
        "lambdify.toml": 'app = "shop:create_app"\n',
    },
    "named-factory-imported": {
        "shop/__init__.py": "from shop.web import create_app\n", "shop/web.py": FACTORY,
        "lambdify.toml": 'app = "shop:create_app"\n',
    },
    "named-factory-that-needs-more": {
        "shop/__init__.py": FACTORY, "lambdify.toml": 'app = "shop:create_app()"\n',
    },
    "named-extension": {
        "app.py": "from flask import Flask\nfrom flask_restx import Api\nweb = Flask(__name__)\n"
         "api = Api(web)\n",
        "lambdify.toml": 'app = "app:api"\n',
    },
    "named-in-a-broken-file": {
        "app.py": "from flask import Flask\nclass app(:\n    ...\n", "lambdify.toml": 'app = "app:app"\n',
    },
}  # fmt: skip


def make(project, files):
    root = project({name: text for name, text in files.items() if isinstance(text, str)})
    for name, data in files.items():
        if isinstance(data, bytes):
            (root / name).write_bytes(data)
    return root


def choose(root, stderr=None, python=None):
    streams = {"stdin": io.StringIO(), "stdout": io.StringIO(), "stderr": stderr or io.StringIO()}
    return choose_app(
        settings.load(root, overrides={"function.python": python}), Console(**streams, environ={})
    )


@pytest.mark.parametrize("name", CASES)
def test_what_is_there_is_said_with_the_line_to_write(project, golden, name):
    root = make(project, CASES[name])
    with pytest.raises(AppNotFound) as caught:
        choose(root, python=RUNNING)
    text = f"error: {caught.value.message}\nhint: {caught.value.hint}\n".replace(str(root), "/home/anna/shop")
    minor = sys.version_info.minor
    text = text.replace(f"Python 3.{minor}", "Python 3.X").replace(f'"3.{minor + 1}"', '"3.Y"')
    golden(f"absence-{name}.txt", text)


@pytest.mark.parametrize(
    ("reference", "interface"),
    [
        ("shop:create_app('production')", "wsgi"),
        ('shop:create_app(config_name="production")', "wsgi"),
        ("shop.other:create_app('x')", "wsgi"),
    ],
)
def test_a_factory_with_arguments_is_taken(project, reference, interface):
    root = project(
        {
            "shop/__init__.py": FACTORY,
            "shop/other.py": "from shop import create_app\n",
            "lambdify.toml": f"app = '''{reference}'''\n",
        }
    )
    chosen = choose(root)
    assert (chosen.app, chosen.framework, chosen.interface) == (reference, "flask", interface)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("Procfile", "web: gunicorn \"shop:create_app('production')\" --bind :80\n"),
        ("Dockerfile", 'CMD ["gunicorn", "shop:create_app(\'production\')"]\n'),
        (".flaskenv", "FLASK_APP=shop:create_app('production')\r\n"),
    ],
)
def test_a_factory_that_a_file_starts_with_arguments_is_found(project, file, line):
    chosen = choose(project({"shop/__init__.py": FACTORY, file: line}))
    assert (chosen.app, chosen.interface) == ("shop:create_app('production')", "wsgi")


def test_a_factory_that_a_file_names_is_called(project):
    text = FACTORY.replace("create_app(config_name)", "produce()")
    chosen = choose(project({"shop.py": text, "Procfile": "web: uvicorn --factory shop:produce\n"}))
    assert (chosen.app, chosen.interface) == ("shop:produce()", "wsgi")


@pytest.mark.parametrize("wanted", ["app:app", "app:app.server"])
def test_a_dash_object_that_the_settings_name_means_its_server(project, wanted):
    root = project(
        {"app.py": "from dash import Dash\napp = Dash(__name__)\n", "lambdify.toml": f'app = "{wanted}"\n'}
    )
    assert choose(root).app == "app:app.server"


def test_an_app_of_a_dependency_may_be_named(project):
    root = project(
        {"requirements.txt": "httpbin\n", "x.py": "", "lambdify.toml": 'app = "httpbin.core:app"\n'}
    )
    assert (choose(root).app, choose(root).interface) == ("httpbin.core:app", "unknown")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + b"from flask import Flask\r\napp = Flask('x')\r\n",
        "# -*- coding: latin-1 -*-\nfrom flask import Flask\nname = 'é'\n"
         "app = Flask(name)\n".encode("latin-1"),
        "# vim: set fileencoding=cp1252 :\r\nfrom flask import Flask\r\nname = '€'\r\n"
         "app = Flask(name)\r\n".encode("cp1252"),
        b"from flask import Flask\rapp = Flask('x')\r",
    ],
)  # fmt: skip
def test_a_file_of_any_encoding_that_python_reads_is_read(project, data):
    assert choose(make(project, {"app.py": data})).app == "app:app"


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfweb: gunicorn api:app\r\n",
        b"\xff\xfe" + "web: gunicorn api:app\r\n".encode("utf-16-le"),
        b"\xfe\xff" + "web: gunicorn \\\r\n  api:app\r\n".encode("utf-16-be"),
    ],
)
def test_a_procfile_of_any_encoding_is_read(project, data):
    flask = "from flask import Flask\napp = Flask('x')\n"
    assert choose(make(project, {"web.py": flask, "api.py": flask, "Procfile": data})).app == "api:app"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="no Python of Lambda's is newer than this one")
@pytest.mark.parametrize(
    "newer", ["x = t'{1}'", "@decorated\nclass A:\n    def f(self): return t'''{1}\n'''\n    y = 1"]
)
def test_code_for_a_newer_python_is_read_but_for_what_is_new(project, newer, tmp_path, monkeypatch):
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    files = {
        "app.py": f"from flask import Flask\n{newer}\napp = Flask('x')\n",
        "lambdify.toml": '[function]\npython = "3.14"\n',
    }
    stderr = io.StringIO()
    assert choose(project(files), stderr).app == "app:app"
    assert "app.py, line" in stderr.getvalue()
    assert "The function has Python 3.14, which this machine has not" in stderr.getvalue()


def test_a_file_of_another_purpose_may_be_broken(project):
    root = project(
        {"app.py": "from flask import Flask\napp = Flask('x')\n", "wsgi.py": "from flask import (\n"}
    )
    assert choose(root).app == "app:app"


def test_two_apps_of_one_name_are_told_apart_by_their_folders(project):
    flask = "from flask import Flask\napp = Flask('x')\n"
    with pytest.raises(AppAmbiguous) as caught:
        choose(project({"my-shop/app.py": flask, "my-club/app.py": flask}))
    assert caught.value.hint == "Run it in the folder of the one you mean: cd my-club"
