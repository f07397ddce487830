"""Seconds from a save to the answer with it: `lambdify serve`, and each framework's own development server.

    python benchmarks/serve.py [ROUNDS]

A line of the app is saved, and asked for until the answer has it. Both servers run at the same time, and take
turns; the ratio of their medians counts: at most a third. Each framework's server runs in the environment of
this program, which has to have the framework.
"""

import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

LAMBDIFY = Path(sys.executable).with_name("lambdify")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LIMIT = 1 / 3
PATIENCE = 60.0
PAUSE = 1.0
"""Seconds between an answer and the next save, as nobody saves at once."""
MARK = "MARK"
SETTINGS = f'[function]\npython = "{PYTHON}"\n'


class Project(NamedTuple):
    """An app of one file, and its framework's own server."""

    requirements: str
    file: str
    """The file with the mark."""
    files: dict[str, str]
    command: list[str]
    """The framework's server; it gets the port."""


PROJECTS = {
    "Flask": Project(
        "flask",
        "main.py",
        {
            "main.py": """
                from flask import Flask
                app = Flask(__name__)
                @app.get("/")
                def home():
                    return "MARK"
            """
        },
        ["flask", "--app", "main", "run", "--debug", "--port"],
    ),
    "FastAPI": Project(
        "fastapi",
        "main.py",
        {
            "main.py": """
                from fastapi import FastAPI
                from pydantic import BaseModel
                app = FastAPI()
                class Book(BaseModel):
                    title: str
                @app.get("/")
                async def home() -> Book:
                    return Book(title="MARK")
            """
        },
        ["uvicorn", "main:app", "--reload", "--port"],
    ),
    "Django": Project(
        "django<6",
        "shop/views.py",
        {
            "manage.py": """
                import os, sys
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
                from django.core.management import execute_from_command_line
                execute_from_command_line(sys.argv)
            """,
            "shop/__init__.py": "",
            "shop/settings.py": """
                SECRET_KEY = "x"
                DEBUG = True
                ALLOWED_HOSTS = ["*"]
                ROOT_URLCONF = "shop.urls"
                WSGI_APPLICATION = "shop.wsgi.application"
                INSTALLED_APPS = [
                    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages",
                ]
                MIDDLEWARE = [
                    "django.middleware.security.SecurityMiddleware",
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.common.CommonMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware",
                ]
                TEMPLATES = [{
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                    "OPTIONS": {"context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]},
                }]
                DATABASES = {}
                SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
            """,
            "shop/urls.py": """
                from django.contrib import admin
                from django.urls import path
                from shop import views
                urlpatterns = [path("admin/", admin.site.urls), path("", views.home)]
            """,
            "shop/views.py": """
                from django.http import HttpResponse
                def home(request):
                    return HttpResponse("MARK")
            """,
            "shop/wsgi.py": """
                import os
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
                from django.core.wsgi import get_wsgi_application
                application = get_wsgi_application()
            """,
        },
        [sys.executable, "manage.py", "runserver", "--skip-checks"],
    ),
    "Flask, with 900 modules": Project(
        "flask\nboto3\nfastapi\ndjango<6",
        "main.py",
        {
            "main.py": """
                import boto3, django.db.models, django.forms, django.template, django.views.generic, fastapi
                from flask import Flask
                app = Flask(__name__)
                @app.get("/")
                def home():
                    return "MARK"
            """
        },
        ["flask", "--app", "main", "run", "--debug", "--port"],
    ),
}


class Running(NamedTuple):
    """A server of a project of its own."""

    file: Path
    text: str
    url: str

    def measure(self, number: int) -> float:
        """Save a new mark, and return the seconds until an answer has it."""
        mark = f"{MARK}{number}X{time.time_ns()}"
        self.file.write_text(self.text.replace(MARK, mark))
        return wait_for(self.url, mark)


def wait_for(url: str, mark: str) -> float:
    """Return the seconds until an answer has the mark."""
    began = time.perf_counter()
    while time.perf_counter() < began + PATIENCE:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                if mark in answer.read().decode():
                    return time.perf_counter() - began
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
    raise TimeoutError(f"{url} never had {mark}")


def start(project: Project, folder: Path, command: list[str], port: int, stack: ExitStack) -> Running:
    """Write the project, and start a server of it."""
    given = {**project.files, "requirements.txt": project.requirements, "lambdify.toml": SETTINGS}
    for name, text in given.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text).lstrip())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    log = stack.enter_context((folder.parent / f"{folder.name}.log").open("w"))
    process = subprocess.Popen(
        [*command, str(port)],
        cwd=folder,
        env={**os.environ, "PATH": path, "LAMBDIFY_HOME": str(folder.parent / "home")},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )

    def end() -> None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    stack.callback(end)
    file = folder / project.file
    running = Running(file, file.read_text(), f"http://127.0.0.1:{port}/")
    wait_for(running.url, MARK)
    return running


def compare(project: Project, rounds: int, ports: tuple[int, int]) -> tuple[float, float]:
    """Return the medians of `lambdify serve` and of the framework's server, in seconds."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours = start(project, Path(folder) / "ours", [str(LAMBDIFY), "serve", "--port"], ports[0], stack)
        theirs = start(project, Path(folder) / "theirs", project.command, ports[1], stack)
        taken: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds + 1):
            for running, seconds in zip((ours, theirs), taken, strict=True):
                time.sleep(PAUSE)
                seconds.append(running.measure(number))
        # The first save may come before serve has imported the dependencies.
        return statistics.median(taken[0][1:]), statistics.median(taken[1][1:])


def main(rounds: int) -> None:
    """Print a row for each framework; end with an error if one is over the limit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers end, too
    late = []
    print("| | lambdify serve | its own server | ratio |\n|---|---:|---:|---:|")
    for number, (name, project) in enumerate(PROJECTS.items()):
        if not shutil.which(project.command[0], path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"):
            print(f"| {name} | | not here | |")
            continue
        ours, theirs = compare(project, rounds, (8610 + 2 * number, 8611 + 2 * number))
        print(f"| {name} | {ours:.2f} s | {theirs:.2f} s | {ours / theirs:.2f} |", flush=True)
        late += [name] if ours / theirs > LIMIT else []
    if late:
        sys.exit(f"more than a third: {', '.join(late)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
