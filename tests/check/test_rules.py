"""What each rule finds in a few lines of an app: the level, the rule, the file and the line."""

import pytest
from check.projects import FASTAPI, FLASK, django

from lambdify.cli.check.rules.finding import catalogue

FLASK_CASES = [
    # WebSockets
    ("from flask_socketio import SocketIO\nSocketIO(app)", "stops websockets app.py:4"),
    ("import socketio\nsio = socketio.AsyncServer()", "stops websockets app.py:4"),
    ("from flask_sock import Sock\nsock = Sock()\nsock.init_app(app)", "stops websockets app.py:4"),
    # files
    ("open('visits.txt', 'w')", "stops files app.py:3"),
    ("import os\nos.makedirs('logs', exist_ok=True)", "stops files app.py:4"),
    ("import os\nif not os.path.exists('logs'):\n    os.mkdir('logs')", "stops files app.py:5"),
    ("import os\nif os.environ.get('LOG'):\n    os.mkdir('logs')", "surprises files app.py:5"),
    ("def setup():\n    open('state.json', mode='a')\nsetup()", "stops files app.py:4"),
    ("class Store:\n    def __init__(self):\n        open('a.db', 'wb')\nStore()", "stops files app.py:5"),
    ("@app.get('/')\ndef index():\n    open('visits.txt', 'w')", "surprises files app.py:5"),
    ("from pathlib import Path\nHERE = Path(__file__).parent\ndef save():\n    (HERE / 'x').write_text('')",
     "surprises files app.py:6"),
    ("from pathlib import Path\ndef save():\n    Path(app.root_path, 'x').mkdir(parents=True)",
     "surprises files app.py:5"),
    ("import logging\nlogging.basicConfig(filename='app.log')", "stops files app.py:4"),
    ("from logging.handlers import RotatingFileHandler as Log\nLog('logs/app.log')", "stops files app.py:4"),
    ("import shutil\ndef keep(name):\n    shutil.copy(name, 'static/copy.png')", "surprises files app.py:5"),
    ("import os\ndef drop():\n    os.remove(os.path.join(app.root_path, 'x'))", "surprises files app.py:5"),
    ("def export(frame):\n    frame.to_csv('report.csv')", "surprises files app.py:4"),
    (("import logging.config\nlogging.config.dictConfig({'handlers': {'file': {\n"
     "    'class': 'logging.FileHandler', 'filename': 'a.log'}}})"), "stops files app.py:5"),
    # stores
    ("import sqlite3\nsqlite3.connect('shop.db')", "surprises sqlite app.py:4"),
    ("app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///shop.db'", "surprises sqlite app.py:3"),
    ("import os\napp.config['SQLALCHEMY_DATABASE_URI'] = os.environ.get('DB') or 'sqlite:///x.db'",
     "note sqlite app.py:4"),
    (("import os\nbase = os.path.dirname(__file__)\n"
     "app.config.from_mapping(SQLALCHEMY_DATABASE_URI='sqlite:///' + os.path.join(base, 'x.db'))"),
     "surprises sqlite app.py:5"),
    ("from sqlalchemy import create_engine\ncreate_engine('sqlite:///x.db')", "surprises sqlite app.py:4"),
    ("app.config['SESSION_TYPE'] = 'filesystem'", "surprises sessions app.py:3"),
    ("app.config['CACHE_TYPE'] = 'SimpleCache'", "note cache app.py:3"),
    ("app.config['UPLOAD_FOLDER'] = 'static/uploads'", "surprises uploads app.py:3"),
    ("import os\ndef up(f):\n    f.save(os.path.join(app.config['UPLOAD_FOLDER'], f.filename))",
     "surprises uploads app.py:5"),
    ("import redis\nredis.Redis()", "surprises services app.py:4"),
    ("import redis\nredis.Redis(host='localhost')", "surprises services app.py:4"),
    ("import os\nURL = os.environ.get('REDIS_URL', 'redis://localhost:6379')", "note services app.py:4"),
    ("BROKER = 'amqp://guest:guest@localhost//'", "surprises services app.py:3"),
    ("from psycopg_pool import ConnectionPool\npool = ConnectionPool('')", "note connections app.py:4"),
    ("from sqlalchemy import create_engine\ncreate_engine(url, pool_size=20)", "note connections app.py:4"),
    # background
    ("import threading\ndef send():\n    threading.Thread(target=x).start()", "surprises threads app.py:5"),
    ("from threading import Timer\nTimer(60, print).start()", "surprises threads app.py:4"),
    ("from apscheduler.schedulers.background import BackgroundScheduler\ns = BackgroundScheduler()",
     "surprises scheduler app.py:4"),
    ("import schedule\nschedule.every(10).minutes.do(print)", "surprises scheduler app.py:4"),
    ("from celery import Celery\nqueue = Celery('shop')", "note workers app.py:4"),
    ("from rq import Queue\nqueue = Queue()", "note workers app.py:4"),
    ("from lambdify.adapter.tasks import task\n@task\ndef mail(): ...", "surprises tasks app.py:4"),
    ("from lambdify.adapter import tasks\n@tasks.task(backoff=3)\ndef mail(): ...",
     "surprises tasks app.py:4"),
    # processes
    ("import multiprocessing\npool = multiprocessing.Pool(4)", "stops processes app.py:4"),
    ("from multiprocessing import Queue\nqueue = Queue()", "stops processes app.py:4"),
    ("from concurrent.futures import ProcessPoolExecutor as Pool\nPool()", "stops processes app.py:4"),
    ("import subprocess\ndef tex():\n    subprocess.run(['pdflatex', 'x'])", "surprises programs app.py:5"),
    ("import os\ndef pull():\n    os.system('git pull')", "surprises programs app.py:5"),
    ("app.run(port=5000)", "stops server app.py:3"),
    ("import waitress\nwaitress.serve(app)", "stops server app.py:4"),
    ("from prometheus_client import start_http_server\nstart_http_server(8001)", "surprises ports app.py:4"),
    ("import smtplib\ndef mail():\n    smtplib.SMTP('mail.example.org', 25)", "stops network app.py:5"),
    ("app.config['MAIL_PORT'] = 25", "stops network app.py:3"),
    # responses
    ("app.config['USE_X_SENDFILE'] = True", "stops sendfile app.py:3"),
    ("def file(response):\n    response.headers['X-Accel-Redirect'] = '/x'", "stops sendfile app.py:4"),
    ("from flask import Response\ndef events():\n    return Response(gen(), mimetype='text/event-stream')",
     "surprises streaming app.py:5"),
    ("from flask import send_file\ndef film():\n    return send_file('film.mp4')", "note streaming app.py:5"),
    ("import time\ndef slow():\n    time.sleep(20)", "note long app.py:5"),
    # keys and variables
    ("app.secret_key = 'dev'", "surprises secret app.py:3"),
    ("app.config.update(SECRET_KEY='dev')", "surprises secret app.py:3"),
    ("import os\nSECRET_KEY = os.environ.get('SECRET_KEY') or 'dev'", "note secret app.py:4"),
    ("from werkzeug.debug import DebuggedApplication\nDebuggedApplication(app)", "surprises debug app.py:4"),
    ("import os\nKEY = os.environ['API_KEY']", "stops variables app.py:4"),
    ("import os\napp.config['API_KEY'] = os.environ['API_KEY']", "stops variables app.py:4"),
    ("import os\ndef setup():\n    return os.environ['API_KEY']\nsetup()", "stops variables app.py:5"),
    ("from environs import Env\nenv = Env()\nKEY = env.str('API_KEY')", "stops variables app.py:5"),
    ("from decouple import config\nKEY = config('API_KEY')", "stops variables app.py:4"),
    # what is kept under another name
    ("import threading\nclass Mail(threading.Thread):\n    def run(self): ...\nMail().start()",
     "surprises threads app.py:6"),
    ("from multiprocessing import Process\nProcess(target=print).start()", "surprises threads app.py:4"),
    (("from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor()\n"
     "def send():\n    pool.submit(print)"), "surprises background app.py:6"),
    ("from celery import shared_task\n@shared_task\ndef send(): ...", "note workers app.py:4"),
    ("from pathlib import Path\nPath('x').touch()", "stops files app.py:4"),
    ("from pathlib import Path\nPath('x').mkdir()", "stops files app.py:4"),
    ("from pathlib import Path\nHERE = Path(__file__).parent\ndef drop():\n    (HERE / 'x').unlink()",
     "surprises files app.py:6"),
    ("from pathlib import Path\nLOG = Path('x')\ndef log():\n    LOG.open('a')", "surprises files app.py:6"),
    ("def draw(image):\n    image.save('static/x.png')", "surprises files app.py:4"),
    ("from urllib.request import urlretrieve\nurlretrieve(url, 'model.bin')", "stops files app.py:4"),
    ("from loguru import logger\nlogger.add('app.log')", "stops files app.py:4"),
    ("import shelve\nshelve.open('visits')", "stops files app.py:4"),
    ("import sqlite3\nsqlite3.connect('/tmp/shop.db')", "surprises sqlite app.py:4"),
    ("app.config['UPLOAD_FOLDER'] = '/tmp/uploads'", "surprises uploads app.py:3"),
    ("register_tortoise(app, db_url='sqlite://db.sqlite3')", "surprises sqlite app.py:3"),
    ("URL = 'sqlite+aiosqlite:///./x.db'", "surprises sqlite app.py:3"),
    ("cache = {}\n@app.get('/')\ndef get():\n    cache['a'] = 1", "note cache app.py:3"),
    ("from diskcache import Cache\nkept = Cache('pages')", "stops files app.py:4"),
    ("SESSIONS: dict = {}\ndef login(user):\n    SESSIONS[user] = 1", "surprises sessions app.py:3"),
    ("from cachetools import TTLCache\nrecent = TTLCache(100, 60)", "note cache app.py:4"),
    ("from flask_limiter import Limiter\nLimiter(key, app=app)", "note cache app.py:4"),
    ("import requests\ndef ask():\n    requests.get('http://localhost:80')", "surprises services app.py:5"),
    ("import requests\ndef ask(url):\n    requests.get(url, timeout=60)", "note long app.py:5"),
    ("import socket\ns = socket.socket()\ns.bind(('', 8000))", "surprises ports app.py:5"),
    ("from dash import Dash\nboard = Dash(server=app)\nboard.run_server()", "stops server app.py:5"),
    ("from sqlalchemy import create_engine\ncreate_engine(url, max_overflow=-1)",
     "note connections app.py:4"),
    ("app.config['MAX_CONTENT_LENGTH'] = 16 * 1024 * 1024", "note bodies app.py:3"),
]  # fmt: skip

FASTAPI_CASES = [
    ("@app.websocket('/ws')\nasync def chat(ws): ...", "stops websockets main.py:3"),
    ("from fastapi import BackgroundTasks\ndef sell(tasks: BackgroundTasks):\n    tasks.add_task(print)",
     "note background main.py:5"),
    ("import asyncio\nasync def sell():\n    asyncio.create_task(later())", "surprises background main.py:5"),
    ("@app.on_event('startup')\nasync def start():\n    open('state', 'w')", "stops files main.py:5"),
    ("from fastapi.responses import StreamingResponse\ndef rows():\n    return StreamingResponse(gen())",
     "note streaming main.py:5"),
    ("from sse_starlette.sse import EventSourceResponse\ndef rows():\n    return EventSourceResponse(gen())",
     "surprises streaming main.py:5"),
    ("from fastapi_utils.tasks import repeat_every\n@repeat_every(seconds=60)\ndef clean(): ...",
     "surprises scheduler main.py:4"),
    ("import asyncpg\nasync def pool():\n    return await asyncpg.create_pool('')",
     "note connections main.py:5"),
    (("from pydantic_settings import BaseSettings\nclass Config(BaseSettings):\n    api_key: str\n"
     "    debug: bool = False\nconfig = Config()"), "stops variables main.py:5"),
    ("from pydantic_settings import BaseSettings\nclass Config(BaseSettings):\n    secret_key: str = 'dev'",
     "note secret main.py:5"),
    ("from pydantic_settings import BaseSettings\nclass Config(BaseSettings):\n    url: str = 'redis://localhost'",
     "note services main.py:5"),
    ("from starlette.config import Config\nconfig = Config('.env')\nKEY = config('API_KEY')",
     "stops variables main.py:5"),
    ("debugged = FastAPI(debug=True)", "surprises debug main.py:3"),
]  # fmt: skip

DJANGO_CASES = [
    ("ALLOWED_HOSTS = []", "stops hosts shop/settings.py:1"),
    ("ALLOWED_HOSTS = ['localhost', '127.0.0.1']", "stops hosts shop/settings.py:1"),
    ("ALLOWED_HOSTS = ['shop.example.org']", "surprises hosts shop/settings.py:1"),
    ("DEBUG = True", "surprises debug shop/settings.py:1"),
    ("import os\nDEBUG = os.environ.get('DEBUG', True)", "note debug shop/settings.py:2"),
    ("import environ\nenv = environ.Env()\nDEBUG = env.bool('DEBUG', default=True)",
     "note debug shop/settings.py:3"),
    ("SECRET_KEY = 'django-insecure-1'", "surprises secret shop/settings.py:1"),
    ("SESSION_ENGINE = 'django.contrib.sessions.backends.file'", "surprises sessions shop/settings.py:1"),
    ("CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}",
     "note cache shop/settings.py:1"),
    ("MEDIA_ROOT = BASE_DIR / 'media'", "surprises uploads shop/settings.py:1"),
    ("INSTALLED_APPS = ['channels']", "stops websockets shop/settings.py:1"),
    ("INSTALLED_APPS = ['django_q']", "note workers shop/settings.py:1"),
    ("INSTALLED_APPS = [\n    'django_apscheduler',\n]", "surprises scheduler shop/settings.py:2"),
    ("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}",
     "surprises sqlite shop/settings.py:1"),
    (("import os\nDATA = os.environ.get('DATA', 'data')\n"
     "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': f'{DATA}/x'}}"),
     "note sqlite shop/settings.py:3"),
    (("import dj_database_url\nimport os\n"
     "DATABASES = {'default': dj_database_url.parse(os.environ.get('DB', 'sqlite:///x.db'))}"),
     "note sqlite shop/settings.py:3"),
    ("DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'CONN_MAX_AGE': 600}}",
     "note connections shop/settings.py:1"),
    ("EMAIL_PORT = 25", "stops network shop/settings.py:1"),
    ("LOGGING = {'handlers': {'file': {'class': 'logging.FileHandler', 'filename': 'django.log'}}}",
     "stops files shop/settings.py:1"),
    ("from decouple import config\nSECRET_KEY = config('SECRET_KEY')",
     "stops variables shop/settings.py:2"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), FLASK_CASES, ids=range(len(FLASK_CASES)))
def test_a_rule_finds_it_in_a_flask_app(found, code, expected):
    assert found({"app.py": FLASK + code + "\n"}) == [expected]


@pytest.mark.parametrize(("code", "expected"), FASTAPI_CASES, ids=range(len(FASTAPI_CASES)))
def test_a_rule_finds_it_in_a_fastapi_app(found, code, expected):
    assert found({"main.py": FASTAPI + code + "\n"}) == [expected]


@pytest.mark.parametrize(("code", "expected"), DJANGO_CASES, ids=range(len(DJANGO_CASES)))
def test_a_rule_finds_it_in_the_settings_of_django(found, code, expected):
    assert found(django(code + "\n")) == [expected]


BESIDE = [
    ("Procfile", "web: gunicorn app:app\nworker: celery -A app worker\n", "note workers Procfile:2"),
    ("Procfile", "web: gunicorn --timeout 120 app:app\n", "note long Procfile:1"),
    ("gunicorn.conf.py", "bind = ':80'\ntimeout = 90\n", "note long gunicorn.conf.py:2"),
    ("Dockerfile", "FROM python:3.12\nRUN apt-get update && \\\n    apt-get install -y ffmpeg git\n",
     "note libraries Dockerfile:3"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), BESIDE)
def test_files_beside_the_code_tell_how_it_runs_today(found, name, text, expected):
    assert found({"app.py": FLASK, name: text}) == [expected]


ELSEWHERE = {"manifest", "tokens"}
"""Rules whose cases need settings of the stage: test_collected.py, test_database.py."""


def test_every_rule_has_a_case():
    lines = [*FLASK_CASES, *FASTAPI_CASES, *DJANGO_CASES, *(case[1:] for case in BESIDE)]
    assert {expected.split()[1] for _, expected in lines} | ELSEWHERE == set(catalogue())


def test_what_other_files_do_is_found_where_it_stands(found):
    files = {
        "wsgi.py": "from shop import create_app\napp = create_app()\n",
        "shop/__init__.py": "from flask import Flask\nfrom .store import prepare\n\n"
        "def create_app():\n    app = Flask(__name__)\n    prepare(app)\n    return app\n",
        "shop/store.py": "import os\n\ndef prepare(app):\n    os.makedirs(app.instance_path)\n",
        "shop/unused.py": "import multiprocessing\nmultiprocessing.Pool()\n",
    }
    assert found(files) == ["stops files shop/store.py:4"]


def test_what_the_last_settings_file_says_counts(found):
    files = django("from .base import *\nDEBUG = False\nALLOWED_HOSTS = ['*']\n")
    files["shop/base.py"] = "DEBUG = True\nALLOWED_HOSTS = []\nSECRET_KEY = 'dev'\n"
    assert found(files) == ["surprises secret shop/base.py:3"]


def test_settings_that_only_manage_py_names_are_not_there_on_lambda(examined):
    files = django("DEBUG = False\n")
    files["shop/wsgi.py"] = "from django.core import wsgi\napplication = wsgi.get_wsgi_application()\n"
    files["manage.py"] = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    (only,) = examined(files).findings
    assert (only.rule, only.place) == ("variables", "shop/wsgi.py")
    assert only.todo == '[environment] DJANGO_SETTINGS_MODULE = "shop.settings"'


def test_no_finding_holds_a_value(examined):
    text = FLASK + (
        "import os, redis, subprocess, sqlalchemy\napp.secret_key = 'hunter2-key'\n"
        "DATABASE_URL = 'sqlite:///x.db?password=hunter2'\n"
        "BROKER = 'amqp://admin:hunter2@localhost/'\n"
        "sqlalchemy.create_engine('sqlite:///hunter2.db')\n"
        "subprocess.run(['mysql', '-phunter2'])\nos.system('curl -u me:hunter2 x')\n"
    )
    findings = examined({"app.py": text}).findings
    assert len(findings) >= 6
    assert "hunter2" not in str(findings)


def test_a_task_without_workers_says_the_setting_that_it_lacks(examined):
    code = "from lambdify.adapter.tasks import task\n@task\ndef mail(): ...\n"
    found = examined({"app.py": f"from flask import Flask\napp = Flask('x')\n{code}"}).findings
    (only,) = [each for each in found if each.rule == "tasks"]
    assert only.what == "uses @task and [tasks] workers is 0: tasks run inside the request"


def test_tasks_with_workers_are_as_they_are_meant(found):
    code = FLASK + "from lambdify.adapter.tasks import task\n@task\ndef mail(): ...\n"
    assert found({"app.py": code, "lambdify.toml": "[tasks]\nworkers = 2\n"}) == []


BACKGROUND = """\
from fastapi import BackgroundTasks, FastAPI
app = FastAPI()
@app.get("/")
def sell(tasks: BackgroundTasks):
    tasks.add_task(print)
"""


@pytest.mark.parametrize(
    ("overrides", "level", "what"),
    [
        ({}, "note", "it runs after the response, in the rest of the function's time"),
        (
            {"http.after_reply": False},
            "surprises",
            "the client waits for it, as [http] after_reply = false says",
        ),
        (
            {"http.after_reply": False, "http.streaming": True, "http.endpoint": "function-url"},
            "note",
            "it runs after the response",
        ),
    ],
)
def test_a_background_task_runs_after_the_response_unless_the_settings_say_no(
    examined, overrides, level, what
):
    found = examined({"main.py": BACKGROUND, "requirements.txt": "fastapi\n"}, overrides).findings
    (only,) = [each for each in found if each.rule == "background"]
    assert only.level == level
    assert what in only.what
