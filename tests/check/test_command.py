"""`lambdify check` as it is typed: answers, exit codes, and that nothing of the app runs."""

import json
import sys

import pytest
from check.projects import FLASK
from check.projects import WSGI as DJANGO

pytestmark = pytest.mark.slow

CLEAN = FLASK
SURPRISES = FLASK + "app.secret_key = 'x'\n"
STOPS = FLASK + "open('x', 'w')\n"


@pytest.mark.parametrize(
    ("code", "flags", "exit_code"),
    [
        (CLEAN, (), 0),
        (CLEAN, ("--strict",), 0),
        (SURPRISES, (), 0),
        (SURPRISES, ("--strict",), 1),
        (STOPS, (), 1),
        (STOPS, ("--strict", "--json"), 1),
    ],
)
def test_the_exit_code_tells_a_pipeline(lambdify, project, code, flags, exit_code):
    done = lambdify("check", "--no-rehearsal", *flags, cwd=project({"app.py": code}))
    assert (done.returncode, "error" in done.stderr) == (exit_code, False)


def test_the_answer_is_on_stdout_and_nothing_ran(lambdify, project):
    root = project({"app.py": STOPS + "raise SystemExit('ran')\n"})
    done = lambdify("check", "--no-rehearsal", "--quiet", cwd=root)
    assert done.stderr == ""
    assert done.stdout.startswith("stops      files  app.py:3  writes 'x' while the app starts\n")
    assert done.stdout.endswith("1 will fail; 1 file of app:app read\n")
    assert sorted(path.name for path in root.iterdir()) == ["app.py"]


def test_json_is_one_value(lambdify, project):
    done = lambdify("check", "--no-rehearsal", "--json", cwd=project({"app.py": SURPRISES}))
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["rule"], finding["file"], finding["line"]) == ("secret", "app.py", 3)


def test_the_settings_of_the_stage_count(lambdify, project):
    code = FLASK + "import os\nKEY = os.environ['KEY']\n"
    toml = '[stages.production.environment]\nKEY = "1"\n'
    root = project({"app.py": code, "lambdify.toml": toml})
    assert lambdify("check", "--no-rehearsal", cwd=root).returncode == 1
    assert lambdify("check", "--no-rehearsal", "production", cwd=root).returncode == 0


def test_an_unknown_rule_is_an_error_of_the_settings(lambdify, project):
    root = project({"app.py": CLEAN, "lambdify.toml": '[check]\nignore = ["thread"]\n'})
    done = lambdify("check", cwd=root)
    assert done.returncode == 10
    assert 'Did you mean "threads"?' in done.stderr


WSGI = """\
import os

def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]

"""
"""It needs no package, so packing takes no time."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("", 0, "it starts in "),
        ("open('/etc/hosts')\nos.environ[''.join(['KE', 'Y'])]\n", 1, "stops      start  "),
        (
            "import socket\nsocket.create_connection(('192.0.2.1', 80))\n",
            0,
            "note       start  whether it starts",
        ),
    ],
    ids=["starts", "fails", "untold"],
)
def test_the_app_is_packed_and_started(lambdify, project, code, exit_code, said):
    root = project({"wsgi.py": WSGI + code, "requirements.txt": ""})
    python = f'[function]\npython = "{sys.version_info.major}.{sys.version_info.minor}"\n'
    (root / "lambdify.toml").write_text(python)
    done = lambdify("check", cwd=root)
    assert (done.returncode, said in done.stdout) == (exit_code, True), done.stdout + done.stderr


def test_what_cannot_be_packed_does_not_hide_what_was_read(lambdify, project):
    root = project({"app.py": STOPS, "requirements.txt": "-e ./not-there\n"})
    done = lambdify("check", cwd=root)
    assert done.returncode == 1
    assert "stops      start  " in done.stdout
    assert "files  app.py:3  writes" in done.stdout
    assert done.stdout.endswith("2 will fail; 1 file of app:app read\n")


def test_a_deployment_says_it_before_it_asks_for_an_account(lambdify, project):
    settings = "SECRET_KEY = 'x'\nDEBUG = True\nALLOWED_HOSTS = []\n"
    database = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n"
    root = project({"shop/wsgi.py": DJANGO, "shop/settings.py": settings + database, "requirements.txt": ""})
    done = lambdify("deploy", cwd=root)
    assert done.returncode in {30, 31}
    said = done.stderr.partition("error:")[0]
    for word in ("ALLOWED_HOSTS", "DEBUG", "SECRET_KEY", "SQLite", "1 thing will fail and 3 will surprise"):
        assert word in said
    assert "3 will surprise on Lambda, as before" in lambdify("deploy", cwd=root).stderr
