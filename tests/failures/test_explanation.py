"""What an app that cannot start is told: modules, files, Pythons and what the machine lacks."""

import pytest
from failures.raising import fail_all, project_of, text_of

from lambdify.cli.failures import offers
from lambdify.cli.failures.explanation import explain

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
    root, raised, unset, _ = failed[case]
    for path in NOT_PACKED if case.endswith("left-out") else ():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    _, facts = CASES[case]
    used = facts.get("requirements", "requirements.txt")
    known = project_of(root, **facts, offers=offers.find(root, used))
    golden(f"{case}.txt", text_of(explain(raised, known, unset)))
