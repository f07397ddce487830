"""What no rule may find: code that looks like a finding, and works on Lambda, or never runs there."""

import pytest
from check.projects import FASTAPI, FLASK, WSGI, django

APPS = [
    # It never runs in the function.
    'if __name__ == "__main__":\n    app.run(port=5000)\n    open("x", "w")',
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from multiprocessing import Pool\n    Pool()",
    "@app.cli.command()\ndef fill():\n    open('fixtures.json', 'w')",
    "import click\n@click.command()\ndef fill():\n    open('fixtures.json', 'w')",
    "if app.debug:\n    app.run()\n    open('x', 'w')",
    "class DevelopmentConfig:\n    SQLALCHEMY_DATABASE_URI = 'sqlite:///dev.db'\n    SECRET_KEY = 'dev'",
    "import os\nif os.environ.get('STAGE') == 'development':\n    os.system('lessc')",
    "class Development:\n    SECRET_KEY = 'dev'",
    "class TestingConfig:\n    SQLALCHEMY_DATABASE_URI = 'sqlite://'",
    # It only reads.
    "open('names.txt')",
    "open('names.txt', 'rb')",
    "from pathlib import Path\nPath('names.txt').read_text()",
    "import json\nwith open('names.json', encoding='utf-8') as file:\n    json.load(file)",
    # It writes where a function may, or where nobody knows.
    "open('/tmp/x', 'w')",
    "import tempfile\nwith tempfile.NamedTemporaryFile('w') as file:\n    file.write('')",
    "import os, tempfile\nfolder = tempfile.mkdtemp()\nopen(os.path.join(folder, 'x'), 'w')",
    "import os, tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    open(f'{folder}/x', 'w')",
    "def save(path):\n    open(path, 'w')",
    "def save(self):\n    open(self.path, 'w')",
    "import io, zipfile\nzipfile.ZipFile(io.BytesIO(), 'w')",
    "import os\nMOUNT = '/mnt/files'\nopen(os.path.join(MOUNT, 'x'), 'w')",
    "import logging\nlogging.basicConfig(level='INFO')\nlogging.StreamHandler()",
    "import sys\nfrom loguru import logger\nlogger.add(sys.stderr)",
    # It knows that it may not.
    "import os\ntry:\n    os.makedirs(app.instance_path)\nexcept OSError:\n    pass",
    "import contextlib, os\nwith contextlib.suppress(OSError):\n    os.makedirs('logs')",
    # It is in memory, elsewhere, or read-only.
    "import sqlite3\nsqlite3.connect(':memory:')",
    "import sqlite3\nsqlite3.connect('file:names.db?mode=ro', uri=True)",
    "DATABASE_URL = 'sqlite://'",
    "DATABASE_URL = 'sqlite:///:memory:'",
    "import os\nDATABASE_URL = os.environ.get('DATABASE_URL')",
    "import redis\nredis.Redis(host='cache.example.org')",
    "import redis, os\nredis.Redis(**OPTIONS)",
    "import redis\nredis.Redis(connection_pool=pool)",
    "CORS_ORIGINS = 'http://localhost:3000'",
    "ORIGINS = ['http://localhost:3000']",
    "app.config['CACHE_TYPE'] = 'RedisCache'",
    "app.config['SESSION_TYPE'] = 'redis'",
    "registry = {}\ndef register(cls):\n    registry[cls.__name__] = cls",
    "CLIENT_CACHE = {}\ndef client(name):\n    CLIENT_CACHE[name] = connect(name)",
    "RATELIMIT_STORAGE_URI = URI\nfrom flask_limiter import Limiter\nLimiter(key, app=app)",
    "cache = {'a': 1}\ndef get(key):\n    return cache[key]",
    "from flask_limiter import Limiter\nLimiter(key, app=app, storage_uri='redis://cache.example.org')",
    "app.config['MAX_CONTENT_LENGTH'] = 4 * 1024 * 1024",
    "import requests\ndef ask(url):\n    requests.get(url, timeout=10)",
    "text = 'a'.replace('a', 'b')\nname.touch()\nimage.save(buffer, 'png')",
    # It waits for its work.
    "import threading\ndef both():\n    one = threading.Thread()\n    one.start()\n    one.join()",
    "import threading\ndef one(timeout):\n    t = threading.Thread()\n    t.start()\n    t.join(timeout)",
    "from concurrent.futures import ThreadPoolExecutor as Pool\nwith Pool() as pool:\n    pool.map(f, x)",
    "import threading\nlock = threading.Lock()\nlocal = threading.local()",
    "import multiprocessing\nmultiprocessing.cpu_count()",
    "import asyncio\nasync def both():\n    await asyncio.gather(asyncio.create_task(a()), b())",
    "import asyncio\nasync def one():\n    task = asyncio.create_task(a())\n    return await task",
    "import time\ndef retry():\n    while busy():\n        time.sleep(5)",
    "import time\ndef wait():\n    time.sleep(0.5)",
    # Programs that are there, and names that only look alike.
    "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
    "import subprocess\nsubprocess.run(['python3', '-V'])",
    "import subprocess\ntry:\n    V = subprocess.check_output(['git', 'log'])\nexcept Exception:\n    V = ''",
    "def run(): ...\nrun()",
    "class Store:\n    def add_task(self, x): ...\nStore().add_task(1)",
    "def open_file(name, mode): ...\nopen_file('x', 'w')",
    "def open(name, mode): ...\nopen('x', 'w')",
    "names = ','.join(['a'])",
    "import smtplib\nsmtplib.SMTP('mail.example.org', 587)",
    "app.config['MAIL_PORT'] = 587",
    # What is not in the code.
    "import os\napp.secret_key = os.environ.get('SECRET_KEY')",
    "import secrets\napp.secret_key = secrets.token_hex()",
    "import os\nKEY = os.environ.get('API_KEY')",
    "import os\ndef key():\n    return os.environ['API_KEY']",
    "import os\nif 'API_KEY' in os.environ:\n    KEY = os.environ['API_KEY']",
    "import os\nREGION = os.environ['AWS_REGION']",
    "import os\nos.environ['MODE'] = 'web'\nMODE = os.environ['MODE']",
    "import os\nos.environ.setdefault('MODE', 'web')\nMODE = os.environ['MODE']",
    "from decouple import config\nKEY = config('API_KEY', default='')",
    "from environs import Env\nenv = Env()\nenv.read_env()\nKEY = env.str('API_KEY', 'none')",
    "from starlette.config import Config\nconfig = Config('.env')\nKEY = config('API_KEY', default='')",
]
DJANGO = [
    "ALLOWED_HOSTS = ['*']",
    "ALLOWED_HOSTS = ['.amazonaws.com', 'shop.example.org']",
    "import os\nALLOWED_HOSTS = os.environ['AWS_REGION'].split(',')",
    "ALLOWED_HOSTS = []\nALLOWED_HOSTS += ['.amazonaws.com']",
    "import os\nALLOWED_HOSTS = []\nif os.environ.get('HOST'):\n    ALLOWED_HOSTS = [os.environ.get('HOST')]",
    "DEBUG = False",
    "import os\nDEBUG = os.environ.get('DEBUG') == '1'",
    "import os\nDEBUG = os.environ.get('DEBUG', False)",
    "import os\nSECRET_KEY = os.environ.get('SECRET_KEY', '')",
    "SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'",
    # Every endpoint says that it speaks https, the local one too.
    "SECURE_SSL_REDIRECT = True",
    "import tempfile\nMEDIA_ROOT = tempfile.gettempdir()",
    "MEDIA_ROOT = BASE_DIR / 'media'\nSTORAGES = {'default': {'BACKEND': 'storages.backends.s3.S3Storage'}}",
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'CONN_MAX_AGE': 0}}",
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}",
    "STATICFILES_STORAGE = 'whitenoise.storage.CompressedStaticFilesStorage'",
    (
        "DEBUG = True if False else False\n"
        "import environ\nenv = environ.Env(DEBUG=(bool, False))\nDEBUG = env('DEBUG')"
    ),
    "LOGGING = {'handlers': {'file': {'class': 'logging.FileHandler', 'filename': '/tmp/x.log'}}}",
    "LOGGING = {'handlers': {'out': {'class': 'logging.StreamHandler'}}}",
]


@pytest.mark.parametrize("code", APPS, ids=range(len(APPS)))
def test_it_is_found_in_no_flask_app(found, code):
    assert found({"app.py": FLASK + code + "\n"}) == []


@pytest.mark.parametrize("code", DJANGO, ids=range(len(DJANGO)))
def test_it_is_found_in_no_settings_of_django(found, code):
    assert found(django(code + "\n")) == []


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": FLASK, "worker.py": "from multiprocessing import Pool\nPool()\n"},
        {"app.py": FLASK, "tests/test_app.py": "import app\nopen('x', 'w')\n"},
        {"app.py": FLASK + "import worker\n", "worker.py": "open('x', 'w')\n"},
        {"shop/wsgi.py": WSGI, "shop/settings.py": "", "shop/migrations/0001.py": "open('x', 'w')\n"},
        {"shop/wsgi.py": WSGI, "shop/settings.py": "", "shop/local_settings.py": "DEBUG = True\n"},
        {"app.py": FLASK + "import os\nos.makedirs('cache', exist_ok=True)\n", "cache/.keep": ""},
        {
            "app.py": FLASK,
            "Procfile": "web: gunicorn app:app\nrelease: flask db upgrade\ncss: npm run watch\n",
        },
        {"app.py": FLASK, "Dockerfile": "FROM python:3.12\nRUN apt-get install -y gcc git libpq-dev curl\n"},
        {
            "app.py": FLASK,
            "Dockerfile": "FROM python:3.12\nRUN apt-get install -y libssl3 libxml2\n",
        },
        {"app.py": FLASK, "Dockerfile": "FROM node\nRUN apt-get install -y ffmpeg\nFROM python:3.12\n"},
        {"main.py": FASTAPI + "from fastapi.responses import JSONResponse\nJSONResponse({})\n"},
    ],
    ids=lambda files: " ".join(files),
)
def test_it_is_found_in_no_project(found, files):
    assert found(files) == []


@pytest.mark.parametrize(
    ("files", "overrides"),
    [
        ({"app.py": FLASK + "import os\nKEY = os.environ['API_KEY']\n"}, {"environment": {"API_KEY": "1"}}),
        (
            {"app.py": FLASK + "import os\nKEY = os.environ['API_KEY']\n"},
            {"secrets": {"API_KEY": "ssm:/key"}},
        ),
        (
            {"app.py": FLASK + "import os\nDATABASE_URL = os.environ.get('DB', 'sqlite:///x.db')\n"},
            {"secrets": {"DB": "ssm:/db"}},
        ),
        (
            django("import os\nDEBUG = os.environ.get('DEBUG', True)\n"),
            {"environment": {"DEBUG": ""}},
        ),
        (
            {
                "app.py": FLASK
                + "from flask import send_file\ndef film():\n    return send_file('film.mp4')\n"
            },
            {"http.endpoint": "function-url", "http.streaming": True},
        ),
        (
            {"app.py": FLASK, "Procfile": "web: gunicorn --timeout 120 app:app\n"},
            {"http.endpoint": "function-url", "function.timeout": 300},
        ),
        (
            django("STATICFILES_STORAGE = 'x.ManifestStaticFilesStorage'\n"),
            {"build.before": ["python manage.py collectstatic --noinput"]},
        ),
    ],
)
def test_what_the_settings_of_the_stage_give_is_not_missing(found, files, overrides):
    assert found(files, overrides) == []


def test_a_manifest_that_is_packed_is_not_missing(found):
    files = django("STATICFILES_STORAGE = 'x.ManifestStaticFilesStorage'\n")
    assert found({**files, "staticfiles/staticfiles.json": "{}"}) == []


def test_what_only_a_command_uses_is_not_the_apps(found):
    files = {
        "app.py": FLASK + "from shop import cli\n",
        "shop/__init__.py": "",
        "shop/cli.py": "from shop.translations import compile_all\n",
        "shop/translations.py": "import subprocess\ndef compile_all():\n    subprocess.run(['pybabel'])\n",
    }
    assert found(files) == []


def test_what_a_page_uses_as_well_is(found):
    files = {
        "app.py": FLASK + "from shop import cli, pages\n",
        "shop/__init__.py": "",
        "shop/cli.py": "from shop.translations import compile_all\n",
        "shop/pages.py": "from shop import translations as t\ndef page():\n    t.compile_all()\n",
        "shop/translations.py": "import subprocess\ndef compile_all():\n    subprocess.run(['pybabel'])\n",
    }
    assert found(files) == ["surprises programs shop/translations.py:3"]


def test_a_function_that_only_commands_call_is_not_the_apps(found):
    files = {
        "app.py": FLASK + "from shop import cli\nfrom shop.translations import load\nload()\n",
        "shop/__init__.py": "",
        "shop/cli.py": "from shop.translations import compile_all\n",
        "shop/translations.py": "import os\ndef load(): ...\ndef compile_all():\n    os.system('pybabel')\n"
        "def draw():\n    os.system('dot')\n",
    }
    assert found(files) == ["surprises programs shop/translations.py:6"]


def test_a_command_that_imports_the_whole_app_takes_nothing_away(found):
    files = {
        "app.py": FLASK + "from shop import cli, pages\n",
        "shop/__init__.py": "",
        "shop/cli.py": "import app\n",
        "shop/pages.py": "import os\ndef page():\n    os.system('git pull')\n",
    }
    assert found(files) == ["surprises programs shop/pages.py:3"]


def test_the_settings_of_django_may_be_chosen_by_the_code(found):
    files = django("DEBUG = False\n")
    files["shop/wsgi.py"] = WSGI.replace('"shop.settings"', "choose()") + "def choose(): ...\n"
    assert found(files) == []


def test_a_factory_that_a_command_calls_as_well_is_the_apps(found):
    files = {
        "shop/__init__.py": FLASK + "def create_app():\n    open('x', 'w')\n    return app\n",
        "shop/cli.py": "from shop import create_app\n",
        "lambdify.toml": 'app = "shop:create_app()"\n',
    }
    assert found(files) == ["stops files shop/__init__.py:4"]
