"""`lambdify check` as it is typed: answers, exit codes, and that nothing of the app runs."""

import json

import pytest
from check.projects import FLASK

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
    done = lambdify("check", *flags, cwd=project({"app.py": code}))
    assert (done.returncode, "error" in done.stderr) == (exit_code, False)


def test_the_answer_is_on_stdout_and_nothing_ran(lambdify, project):
    root = project({"app.py": STOPS + "raise SystemExit('ran')\n"})
    done = lambdify("check", "--quiet", cwd=root)
    assert done.stderr == ""
    assert done.stdout.startswith("stops      files  app.py:3  writes 'x' while the app starts\n")
    assert done.stdout.endswith("1 will fail; 1 file of app:app read\n")
    assert sorted(path.name for path in root.iterdir()) == ["app.py"]


def test_json_is_one_value(lambdify, project):
    done = lambdify("check", "--json", cwd=project({"app.py": SURPRISES}))
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["rule"], finding["file"], finding["line"]) == ("secret", "app.py", 3)


def test_the_settings_of_the_stage_count(lambdify, project):
    code = FLASK + "import os\nKEY = os.environ['KEY']\n"
    toml = '[stages.production.environment]\nKEY = "1"\n'
    root = project({"app.py": code, "lambdify.toml": toml})
    assert lambdify("check", cwd=root).returncode == 1
    assert lambdify("check", "production", cwd=root).returncode == 0


def test_an_unknown_rule_is_an_error_of_the_settings(lambdify, project):
    root = project({"app.py": CLEAN, "lambdify.toml": '[check]\nignore = ["thread"]\n'})
    done = lambdify("check", cwd=root)
    assert done.returncode == 10
    assert 'Did you mean "threads"?' in done.stderr
