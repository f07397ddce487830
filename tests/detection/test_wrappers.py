"""What takes an app: extensions, which are none, and wrappers, which are served in its place."""

import pytest

from lambdify.cli.detection.choice import find_apps

FLASK = "from flask import Flask\nweb = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\nweb = FastAPI()\n"


def found(root):
    """The apps that count, the likeliest first: (app, interface)."""
    return [(each.app, each.interface) for each in find_apps(root) if each.score > 0]


@pytest.mark.parametrize(
    "code",
    [
        FLASK + "from flask_restx import Api\napi = Api(web)",
        FLASK + "from flask_restx.api import Api\napp = Api(app=web)",
        FLASK + "import flask_restful\napp = flask_restful.Api(web)",
        FLASK + "from flask_socketio import SocketIO\napp = SocketIO(web)",
        FLASK + "from flask_admin import Admin\napplication = Admin(web)",
        FLASK + "from flask_limiter import Limiter\napp = Limiter(key, app=web)",
        FLASK + "from flask_migrate import Migrate\napp = Migrate(web, db)",
        FLASK + "from flask_login import LoginManager\nserver = LoginManager(web)",
        FLASK + "from flask_cors import CORS\napp = CORS(web)",
        FLASK + "from flask_sqlalchemy import SQLAlchemy\napp = SQLAlchemy(web)",
        FLASK + "from flask_smorest import Api\napi = Api()\napp = api.init_app(web)",
        FLASK + "from celery import Celery\napp = Celery(web.name, backend=web)",
        FLASK + "from flasgger import Swagger\napp = Swagger(web)",
        FLASK + "from prometheus_flask_exporter import PrometheusMetrics\napp = PrometheusMetrics(web)",
        FLASK
        + "from aws_xray_sdk.ext.flask.middleware import XRayMiddleware\napp = XRayMiddleware(web, rec)",
        FLASK + "from gevent.pywsgi import WSGIServer\nserver = WSGIServer(('', 5000), web)",
        FLASK + "import waitress\napp = waitress.serve(web)",
        FLASK + "from something import Whatever\napp = Whatever(web)",
        FLASK + "from something import Whatever\napplication = Whatever().attach(web)",
        FLASK + "def setup(app):\n    app.config['x'] = 1\napp = setup(web)",
        FLASK + "class Plugin:\n    def __init__(self, app): ...\napp = Plugin(web)",
        FLASK + "from flask_admin import Admin\nclass Mine(Admin): ...\napp = Mine(web)",
        FASTAPI + "from prometheus_fastapi_instrumentator import Instrumentator\n"
        "app = Instrumentator().instrument(web)",
        FASTAPI + "from prometheus_fastapi_instrumentator import Instrumentator as I\n"
        "app = I(excluded_handlers=[]).instrument(web).expose(web)",
        FASTAPI + "from prometheus_fastapi_instrumentator import Instrumentator\n"
        "i = Instrumentator()\napp = i.instrument(web)",
        FASTAPI + "from sqladmin import Admin\napp = Admin(web, engine)",
        FASTAPI + "from fastapi_mcp import FastApiMCP\napp = FastApiMCP(web)",
        FASTAPI + "from fastapi_socketio import SocketManager\napp = SocketManager(app=web)",
        FASTAPI + "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n"
        "app = FastAPIInstrumentor().instrument_app(web)",
        FASTAPI + "from mangum import Mangum\napp = Mangum(web)",
    ],
)
def test_an_extension_is_not_the_app(project, code):
    apps = found(project({"main.py": code + "\n"}))
    assert apps[0][0] == "main:web"
    assert not [app for app, _ in apps[1:] if "main:api" in app]


@pytest.mark.parametrize(
    ("code", "app", "interface"),
    [
        (FASTAPI + "from starlette.middleware.cors import CORSMiddleware\n"
         "app = CORSMiddleware(web, x=1)", "app", "asgi"),
        (FASTAPI + "from fastapi.middleware.cors import CORSMiddleware\n"
         "outer = CORSMiddleware(app=web)", "outer", "asgi"),
        (FLASK + "from werkzeug.middleware.proxy_fix import ProxyFix\n"
         "fixed = ProxyFix(web)", "fixed", "wsgi"),
        (FLASK + "from werkzeug.middleware.proxy_fix import ProxyFix\n"
         "web.wsgi_app = ProxyFix(web.wsgi_app)", "web", "wsgi"),
        (FLASK + "from werkzeug.middleware.dispatcher import DispatcherMiddleware\n"
         "served = DispatcherMiddleware(web, {'/api': api})", "served", "wsgi"),
        (FLASK + "from whitenoise import WhiteNoise\napp = WhiteNoise(web, root='static')", "app", "wsgi"),
        (FLASK + "from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware\n"
         "out = SentryWsgiMiddleware(web)", "out", "wsgi"),
        (FASTAPI + "from sentry_sdk.integrations.asgi import SentryAsgiMiddleware\n"
         "out = SentryAsgiMiddleware(web)", "out", "asgi"),
        (FASTAPI + "import socketio\nsio = socketio.AsyncServer()\n"
         "both = socketio.ASGIApp(sio, web)", "both", "asgi"),
        (FASTAPI + "import socketio\nboth = socketio.ASGIApp(sio, other_asgi_app=web)", "both", "asgi"),
        (FLASK + "import socketio\nboth = socketio.WSGIApp(sio, web)", "both", "wsgi"),
        (FASTAPI + "from fastapi_versioning import VersionedFastAPI\n"
         "app = VersionedFastAPI(web)", "app", "asgi"),
        (FASTAPI + "import gradio as gr\napp = gr.mount_gradio_app(web, demo, path='/')", "app", "asgi"),
        (FASTAPI + "from a2wsgi import ASGIMiddleware\nout = ASGIMiddleware(web)", "out", "wsgi"),
        (FLASK + "from a2wsgi import WSGIMiddleware\nout = WSGIMiddleware(web)", "out", "asgi"),
        (FLASK + "from quart_cors import cors\napp = cors(web)", "app", "asgi"),
        (FLASK + "import newrelic.agent\napp = newrelic.agent.WSGIApplicationWrapper(web)", "app", "wsgi"),
        (FLASK + "import newrelic.agent\napp = newrelic.agent.wsgi_application()(web)", "app", "wsgi"),
        (FLASK + "from something import PrefixMiddleware\napp = PrefixMiddleware(web)", "app", "wsgi"),
        (FLASK + "class Reverse:\n    def __init__(self, app): ...\n"
         "    def __call__(self, environ, start_response): ...\n"
         "app = Reverse(web)", "app", "wsgi"),
        (FLASK + "class Any:\n    def __init__(self, app): ...\n"
         "    def __call__(self, *args, **kwargs): ...\n"
         "app = Any(web)", "app", "wsgi"),
        (FASTAPI + "class Mw:\n    def __call__(self, scope, receive, send): ...\nx = Mw(web)", "x", "asgi"),
        (FLASK + "app = lambda *a: web(*a)", "app", "wsgi"),
        (FLASK + "def app(*args):\n    return web(*args)", "app", "wsgi"),
        (FASTAPI + "from m import SomeMiddleware\ndef wrap(app):\n    return SomeMiddleware(app)\n"
         "out = wrap(web)", "out", "asgi"),
        (("from flask import Flask\nfrom something import Whatever\n"
         "app = Whatever(Flask('x'))"), "app", "wsgi"),
        (FLASK + "from something import Whatever\nweb = Whatever(web)", "web", "wsgi"),
        (("from django.core.asgi import get_asgi_application\n"
         "from channels.routing import ProtocolTypeRouter\n"
         "application = ProtocolTypeRouter({'http': get_asgi_application()})"), "application", "asgi"),
        (("from django.core.wsgi import get_wsgi_application\nfrom dj_static import Cling\n"
         "application = Cling(get_wsgi_application())"), "application", "wsgi"),
    ],
)  # fmt: skip
def test_a_wrapper_is_the_app(project, code, app, interface):
    apps = found(project({"main.py": code + "\n"}))
    assert apps[0] == (f"main:{app}", interface)


def test_a_wrapper_in_a_file_of_its_own_is_the_app(project):
    root = project(
        {
            "shop/__init__.py": FLASK,
            "wsgi.py": "from werkzeug.middleware.proxy_fix import ProxyFix\nfrom shop import web\n"
            "application = ProxyFix(web)\n",
        }
    )
    assert found(root)[0] == ("wsgi:application", "wsgi")


def test_channels_without_http_leave_the_wsgi_app(project):
    root = project(
        {
            "asgi.py": "from channels.routing import ProtocolTypeRouter\n"
            "application = ProtocolTypeRouter({'websocket': 1})\n",
            "wsgi.py": "from django.core.wsgi import get_wsgi_application\n"
            "application = get_wsgi_application()\n",
        }
    )
    assert found(root) == [("wsgi:application", "wsgi")]


@pytest.mark.parametrize("target", ["main:app", "main:web"])
def test_what_is_started_is_the_app_where_a_call_is_not_known(project, target):
    code = FLASK + "from something import Whatever\napp = Whatever(web)\n"
    root = project({"main.py": code, "Procfile": f"web: gunicorn {target}\n"})
    assert found(root)[0][0] == target


def test_an_extension_is_not_the_app_even_if_a_file_starts_it(project):
    code = FLASK + "from flask_socketio import SocketIO\nsocket = SocketIO(web)\n"
    root = project({"main.py": code, "Procfile": "web: gunicorn -k eventlet main:socket\n"})
    assert found(root) == [("main:web", "wsgi")]


# -------------------------------------------------------------------- Dash


@pytest.mark.parametrize(
    ("code", "app", "interface"),
    [
        ("from dash import Dash\napp = Dash(__name__)\n", "main:app.server", "wsgi"),
        ("from dash import Dash\napp = Dash(__name__)\nserver = app.server\n", "main:server", "wsgi"),
        ("import dash\ndash_app = dash.Dash(__name__)\napp = dash_app.server\n", "main:app", "wsgi"),
        ("from dash import Dash\napp = Dash(backend='fastapi')\n", "main:app.server", "asgi"),
        (FLASK + "from dash import Dash\nd = Dash(server=web)\n", "main:web", "wsgi"),
        (FLASK + "from dash import Dash\napp = Dash(server=False)\napp.init_app(web)\n", "main:web", "wsgi"),
        ("from dash_extensions.enrich import DashProxy\napp = DashProxy()\n", "main:app.server", "wsgi"),
    ],
)
def test_a_dash_object_means_its_server(project, code, app, interface):
    assert found(project({"main.py": code}))[0] == (app, interface)


def test_a_dash_object_that_a_file_starts_means_its_server(project):
    code = "from dash import Dash\napp = Dash(__name__)\n"
    assert found(project({"main.py": code, "Procfile": "web: gunicorn main:app\n"})) == [
        ("main:app.server", "wsgi")
    ]


# -------------------------------------------------------------------- objects of the project's own classes


@pytest.mark.parametrize(
    ("code", "interface"),
    [
        ("class Router:\n    def __call__(self, environ, start_response): ...\napp = Router()\n", "wsgi"),
        ("class Router:\n    def __call__(self, env, sr): ...\napp = Router()\n", "wsgi"),
        ("class Router:\n    async def __call__(self, scope, receive, send): ...\napp = Router()\n", "asgi"),
        (("class Base:\n    def __call__(self, environ, start_response): ...\n"
         "class Router(Base): ...\napp = Router()\n"), "wsgi"),
        (("from flask import Flask\nclass Any:\n    def __init__(self):\n        self.web = Flask('x')\n"
         "    def __call__(self, *args, **kwargs):\n        return self.web(*args, **kwargs)\n"
         "app = Any()\n"), "wsgi"),
        ("app = lambda environ, start_response: [b'']\n", "wsgi"),
    ],
)  # fmt: skip
def test_an_object_tells_by_how_its_class_is_called(project, code, interface):
    assert found(project({"main.py": code})) == [("main:app", interface)]


def test_an_object_that_is_called_otherwise_is_none(project):
    code = "class Job:\n    def __call__(self, order, customer): ...\napp = Job()\n"
    assert found(project({"main.py": code})) == []


@pytest.mark.parametrize(
    ("code", "app"),
    [
        ("from fasthtml.common import fast_app\napp, rt = fast_app()\n", "main:app"),
        (("from flask import Flask\ndef create_app():\n    app = Flask('x')\n    return app, 1\n"
         "app, db = create_app()\n"), "main:app"),
        (("from flask import Flask\ntry:\n    app = Flask('x')\nexcept ValueError:\n"
         "    app = None\n"), "main:app"),
        ("import os\nfrom flask import Flask\napp = Flask('a') if os.name else Flask('b')\n", "main:app"),
        ("from flask import Flask\nfrom lib import make\ndef create_app() -> Flask:\n    return make()\n",
         "main:create_app()"),
    ],
)  # fmt: skip
def test_an_app_is_seen_in_other_ways_of_writing(project, code, app):
    assert found(project({"main.py": code}))[0] == (app, "asgi" if "fast_app" in code else "wsgi")


# -------------------------------------------------------------------- apps of packages


@pytest.mark.parametrize(
    "code", ["from httpbin import app\n", "from httpbin.core import app as application\n"]
)
def test_an_app_that_a_package_has_is_taken(project, code):
    root = project({"app.py": code, "requirements.txt": "httpbin\n"})
    apps = find_apps(root)
    assert [each.interface for each in apps] == ["unknown"]
    assert apps[0].score > 0


@pytest.mark.parametrize(
    "code",
    [
        "from celery import app\n",
        "from missing_of_ours import app\n",
        "from flask import app\n",
        "import app\n",
    ],
)
def test_not_every_import_is_an_app(project, code):
    files = {"main.py": code, "missing_of_ours/other.py": "", "app/x.py": ""}
    assert found(project(files)) == []


def test_an_app_of_a_package_does_not_compete_with_one_of_the_project(project):
    root = project({"app.py": "from httpbin import app\n", "main.py": FLASK})
    assert found(root)[0][0] == "main:web"


def test_a_package_that_a_file_starts_is_taken(project):
    root = project({"Procfile": "web: gunicorn httpbin:app\n", "requirements.txt": "Flask\nhttpbin==0.10\n"})
    assert found(root) == [("httpbin:app", "unknown")]
