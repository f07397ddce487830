"""What an app that cannot start is told: modules, files, Pythons and what the machine lacks."""

import pytest
from failures.raising import fail_all, project_of, text_of

from lambdify.cli.failures import offers
from lambdify.cli.failures.explanation import explain
from lambdify.cli.failures.raised import Frame, Raised

STATIC = "from starlette.staticfiles import StaticFiles\n"

CASES = {
    # modules
    "module": ({"app.py": "import yaml_that_is_not_there\n"}, {}),
    "module-of-another-name": ({"app.py": "import cv2\n"}, {}),
    "module-of-an-extra": (
        {
            "app.py": "import nowhere_redis\n",
            "pyproject.toml": '[project.optional-dependencies]\ncache = ["nowhere-redis>=5"]\n',
        },
        {"requirements": "pyproject.toml"},
    ),
    "module-of-an-extra-beside-a-list": (
        {
            "app.py": "import nowhere_redis\n",
            "pyproject.toml": '[project.optional-dependencies]\ncache = ["nowhere-redis>=5"]\n',
        },
        {},
    ),
    "module-of-a-group": (
        {
            "app.py": "import nowhere_redis\n",
            "pyproject.toml": '[project]\nname = "shop"\n[dependency-groups]\nweb = ["Nowhere_Redis"]\n',
        },
        {"requirements": "uv.lock"},
    ),
    "module-of-another-file": (
        {
            "app.py": "import nowhere_redis\n",
            "requirements.txt": "",
            "requirements/prod.txt": "-r base.txt\nnowhere-redis==5\n",
        },
        {},
    ),
    "module-of-a-lock": ({"app.py": "import nowhere_redis\n"}, {"requirements": "uv.lock"}),
    "module-of-the-project-that-is-not-there": (
        {"app.py": "import shop.version\n", "shop/__init__.py": ""},
        {},
    ),
    "module-of-another-version": (
        {"app.py": "import starlette.nowhere\n"},
        {"packed": {"starlette": "starlette 0.2"}},
    ),
    "metadata": ({"app.py": 'from importlib.metadata import version\nversion("acme-shop")\n'}, {}),
    "settings-module": (
        {
            "app.py": 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings.prod"\n'
            "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
            "shop/__init__.py": "",
            "shop/settings/__init__.py": "",
        },
        {},
    ),
    "name-of-another-version": (
        {"app.py": "from starlette.routing import nowhere\n"},
        {"packed": {"starlette": "starlette 0.2"}},
    ),
    "module-that-a-library-asks-for": (
        {
            "app.py": """
                import sys
                sys.modules["python_multipart"] = sys.modules["multipart"] = None
                from fastapi import FastAPI, Form
                app = FastAPI()
                @app.post("/")
                def post(name: str = Form()): ...
                """
        },
        {},
    ),
    "module-that-pydantic-asks-for": (
        {
            "app.py": """
                import sys
                sys.modules["email_validator"] = None
                from pydantic import BaseModel, EmailStr
                class Person(BaseModel):
                    email: EmailStr
                """
        },
        {"requirements": "uv.lock"},
    ),
    "driver-of-django": (
        {
            "app.py": """
                import os
                os.environ["DJANGO_SETTINGS_MODULE"] = "site_"
                from django.core.wsgi import get_wsgi_application
                application = get_wsgi_application()
                """,
            "site_.py": """
                SECRET_KEY = "x"
                DATABASES = {"default": {"ENGINE": "django.db.backends.mysql"}}
                INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
                """,
        },
        {},
    ),
    # files
    "write": ({"app.py": 'with open("cache.json", "w") as file:\n    file.write("{}")\n'}, {}),
    "write-of-a-folder": ({"app.py": 'import os\nos.makedirs("data/uploads", exist_ok=True)\n'}, {}),
    "write-of-a-log": (
        {"app.py": 'import logging\nlogging.basicConfig(filename="shop.log")\n'},
        {},
    ),
    "write-of-a-configured-log": (
        {
            "app.py": "import logging.config\nlogging.config.dictConfig({'version': 1, 'handlers': {'file': "
            "{'class': 'logging.FileHandler', 'filename': 'messages'}}, 'root': {'handlers': ['file']}})\n"
        },
        {},
    ),
    "sqlite": (
        {"app.py": 'import sqlite3\nsqlite3.connect("file:nowhere/shop.db", uri=True)\n'},
        {},
    ),
    "static-folder": ({"app.py": STATIC + 'StaticFiles(directory="static")\n'}, {}),
    "static-folder-that-is-left-out": (
        {"app.py": STATIC + 'StaticFiles(directory="node_modules")\n'},
        {"left_out": {"node_modules/": "front-end packages"}},
    ),
    "file-that-is-left-out": (
        {"app.py": 'open("certs/ca.crt")\n'},
        {"left_out": {"certs/": "[build] exclude"}},
    ),
    "module-that-is-left-out": (
        {"app.py": "from shop.generated import books\n", "shop/__init__.py": ""},
        {"left_out": {"shop/generated.py": ".lambdifyignore"}},
    ),
    # Pythons
    "syntax": ({"app.py": "import shop\n", "shop.py": "x = 1\nclass Book(:\n    pass\n"}, {"python": "3.11"}),
    "name-of-a-newer-python": ({"app.py": "from typing import evaluate_forward_ref\n"}, {"python": "3.11"}),
    "name-of-an-older-python": ({"app.py": "from collections import Mapping\n"}, {"python": "3.13"}),
    # the machine
    "library": ({"app.py": 'import ctypes\nctypes.CDLL("libpq.so.599")\n'}, {}),
    "program": ({"app.py": 'import subprocess\nsubprocess.run(["wkhtmltopdf-nowhere", "--version"])\n'}, {}),
    "time-zone": ({"app.py": 'import zoneinfo\nzoneinfo.ZoneInfo("Mars/Base")\n'}, {}),
    "time-zone-of-django": (
        {
            "app.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'site_'\n"
            "from django.conf import settings\nsettings.DEBUG\n",
            "site_.py": "TIME_ZONE = 'Mars/Base'\n",
        },
        {},
    ),
    # anything else
    "unknown": (
        {
            "app.py": "from shop import total\ntotal([])\n",
            "shop.py": "def total(of):\n    return 1 / len(of)\n",
        },
        {},
    ),
    "exit": ({"app.py": "import sys\nsys.exit(3)\n"}, {}),
    "recursion": ({"app.py": "def down(n):\n    return down(n + 1)\n\ndown(0)\n"}, {}),
}


NOT_PACKED = ("certs/ca.crt", "node_modules/vue.js", "shop/generated.py")
"""Files that the project has and the function has not: made once the app has failed."""


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    projects = {name: files for name, (files, _) in CASES.items()}
    read_only = tuple(name for name in CASES if name.startswith("write"))
    return fail_all(projects, tmp_path_factory.mktemp("explanations"), read_only=read_only)


@pytest.mark.parametrize("case", CASES)
def test_what_stops_the_app_is_told_with_what_to_do(case, failed, golden):
    root, error, unset, _ = failed[case]
    for path in NOT_PACKED if case.endswith("left-out") else ():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    _, facts = CASES[case]
    used = facts.get("requirements", "requirements.txt")
    known = project_of(root, **facts, offers=offers.find(root, used))
    told = text_of(explain(error, known, unset))
    # The module that Python has looked for last is another one where tzdata is installed.
    golden(f"{case}.txt", told.replace("tzdata.zoneinfo.Mars", "tzdata"))


OWN = Frame(path="app.py", line=3, function="<module>", source="import shop", own=True)
QUEUE = Frame(path="multiprocessing/synchronize.py", line=57, function="__init__")


def raised(kind, message, *frames, **fields):
    bases = ("builtins.ImportError", "builtins.OSError")
    return Raised(type=kind, bases=bases, message=message, frames=(OWN, *frames), fields=fields)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        # What this machine has and Lambda has not cannot be raised here.
        (
            raised("builtins.OSError", "[Errno 38] Function not implemented", QUEUE, errno="38"),
            "app.py:3 makes a lock, a queue or a pool of multiprocessing: these need shared memory",
            "Use threads",
        ),
        (
            raised("builtins.PermissionError", "[Errno 13] Permission denied", QUEUE, errno="13"),
            "app.py:3 makes a lock",
            "Use threads",
        ),
        (
            raised(
                "builtins.ImportError",
                "libGL.so.1: cannot open shared object file: No such file or directory",
                Frame(path="cv2/__init__.py", line=181, function="bootstrap"),
            ),
            "opencv-python 4.10 needs libGL.so.1, which the function does not have.",
            "It is for a machine with a display: use opencv-python-headless in place of opencv-python",
        ),
        (
            raised(
                "builtins.ImportError", "/lib64/libc.so.6: version `GLIBC_2.38' not found (required by x.so)"
            ),
            "app.py:3 needs GLIBC_2.38, which the function does not have.",
            "It was built for a newer Linux than the function's",
        ),
        (
            raised("builtins.ModuleNotFoundError", "No module named 'gunicorn'", name="gunicorn"),
            "app.py:3 imports gunicorn, and gunicorn is left out as what only serves an app.",
            'Write into lambdify.toml: [build] keep = ["gunicorn"]',
        ),
        (
            raised(
                "builtins.OSError",
                "[Errno 30] Read-only file system: '/var/task/instance'",
                Frame(path="flask_sqlalchemy/extension.py", line=60, function="_apply"),
            ),
            "app.py:3 keeps a SQLite database (instance): on Lambda only /tmp can be written.",
            "Each execution environment would have a copy of its own",
        ),
        (
            raised("lambdify.adapter.errors.AppNotLoaded", "there is no module 'shop'"),
            "There is no module 'shop'.",
            'Write into lambdify.toml: app = "package.module:attribute".',
        ),
        (
            raised("AppNotLoaded", "[functions.night-ly] handler = 'jobs:count' is not a function of event"),
            "[functions.night-ly] handler = 'jobs:count' is not a function of event.",
            'Write into lambdify.toml: [functions.night-ly] handler = "package.module:function".',
        ),
        (
            raised("AppNotLoaded", "on_event = 'jobs:run' cannot be loaded: there is no module 'jobs'"),
            "on_event = 'jobs:run' cannot be loaded",
            'Write into lambdify.toml: [function] on_event = "package.module:function".',
        ),
    ],
)
def test_what_only_lambda_raises_is_told_too(error, message, hint, tmp_path):
    told = explain(error, project_of(tmp_path, packed={"cv2": "opencv-python 4.10"}))
    assert told.message.startswith(message)
    assert told.hint.startswith(hint)
