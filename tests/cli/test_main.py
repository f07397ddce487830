"""The command line as it is used: the installed `lambdify`, in a process of its own."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lambdify.cli.main import commands

ROOT = Path(__file__).parents[2]
PAGES = [
    "",
    *commands.commands,
    *(
        f"{name} {inner}"
        for name, command in commands.commands.items()
        for inner in getattr(command, "commands", ())
    ),
]
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
ALB = """
[http]
endpoint = "alb"
[http.alb]
listener = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x" * 40}
"""The example key of AWS's documentation."""


# -------------------------------------------------------------------- help


@pytest.mark.parametrize("page", PAGES)
def test_help_pages_read_as_they_did_when_somebody_last_read_them(lambdify, golden, page):
    shown = lambdify(*page.split(), "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    golden(f"help{page and ' '}{page}.txt".replace(" ", "-"), shown.stdout)


def test_without_arguments_there_is_help(lambdify):
    assert lambdify().stdout == lambdify("--help").stdout


@pytest.mark.parametrize("group", ["local", "cache"])
def test_a_group_without_a_command_shows_its_help(lambdify, group):
    shown = lambdify(group)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, lambdify(group, "--help").stdout, "")


def test_every_command_has_a_section_on_the_first_page(lambdify):
    lines = [
        line.split()[0]
        for line in lambdify("--help").stdout.splitlines()
        if line.startswith("  ") and line.strip()
    ]
    assert set(commands.commands) <= set(lines)


def test_the_version_is_that_of_the_installed_package(lambdify):
    from importlib.metadata import version

    assert lambdify("--version").stdout == f"lambdify {version('lambdify-cli')}\n"


# -------------------------------------------------------------------- errors, each with its text and its code

TWO = {"shop.py": FLASK, "club.py": FLASK}
STAGES = '[stages.production]\nregion = "eu-west-1"\n'
ERRORS = {
    "unknown-command": (["deplay"], {}, {}, 2),
    "unknown-flag": (["deploy", "--lcoal"], {}, {}, 2),
    "wrong-port": (["deploy", "--port", "many"], {}, {}, 2),
    "wrong-since": (["logs", "--since", "yesterday"], {}, {}, 2),
    "port-without-local": (["deploy", "--port", "8000"], {"app.py": FLASK}, {}, 2),
    "alb-on-this-machine": (
        ["deploy", "--local"],
        {"app.py": FLASK, "lambdify.toml": ALB},
        {},
        10,
    ),
    "two-payloads": (["invoke", "{}", "--file", "lambdify.toml"], {"lambdify.toml": ""}, {}, 2),
    "header-without-http": (["invoke", "{}", "--header", "Accept: text/html"], {}, {}, 2),
    "payload-and-http": (["invoke", "{}", "--http", "/"], {}, {}, 2),
    "no-request": (["invoke", "--http", "books"], {}, {}, 2),
    "no-data": (["invoke", "--http", "/books", "--data", "@book.json"], {}, {}, 2),
    "follow-a-request": (["logs", "--request", "1a2b3c4d", "--follow"], {}, {}, 2),
    "unknown-option": (["deploy"], {"lambdify.toml": "[function]\nmemmory = 512\n"}, {}, 10),
    "wrong-type": (["deploy"], {"lambdify.toml": 'name = "shop"\n[function]\nmemory = "512"\n'}, {}, 10),
    "unknown-stage": (["deploy", "prod"], {"lambdify.toml": STAGES}, {}, 10),
    "settings-twice": (["status"], {"lambdify.toml": "", "pyproject.toml": "[tool.lambdify]\n"}, {}, 10),
    "settings-there-already": (["init"], {"lambdify.toml": ""}, {}, 10),
    "no-app": (["package"], {"README.md": "A shop.\n"}, {}, 11),
    "two-apps": (["package"], TWO, {}, 12),
    "app-not-there": (["package"], {"lambdify.toml": 'app = "web:appp"\n', "web.py": FLASK}, {}, 11),
    "own-lambdify-py": (["package"], {"app.py": FLASK, "lambdify.py": ""}, {}, 14),
    "no-credentials": (["deploy"], {"app.py": FLASK}, {"AWS_DEFAULT_REGION": "eu-central-1"}, 30),
    "neither-region-nor-credentials": (["deploy"], {"app.py": FLASK}, {}, 30),
    "no-such-profile": (["status", "--profile", "work"], {}, {"AWS_DEFAULT_REGION": "eu-central-1"}, 30),
    "no-region": (["status"], {}, KEYS, 31),
    "no-local-cloud": (["status", "--local"], {}, {}, 51),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_says_what_and_what_to_do_and_has_its_own_code(lambdify, project, golden, name):
    arguments, files, environ, code = ERRORS[name]
    root = project(files)
    failed = lambdify(*arguments, cwd=root, env=environ)
    assert failed.stdout == ""
    assert failed.returncode == code, failed.stderr
    golden(f"error-{name}.txt", failed.stderr.replace(str(root), "/home/anna/shop"))


def test_a_folder_that_is_gone_is_said_to_be(tmp_path):
    executable = Path(sys.executable).with_name("lambdify")
    script = f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir ../gone && exec {executable} init"
    failed = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr == "error: The current folder is no longer there.\nhint: cd to the project.\n"


def test_debug_shows_where_an_error_comes_from(lambdify, project):
    failed = lambdify("status", "--local", "--debug", cwd=project({}))
    assert "Traceback (most recent call last)" in failed.stderr
    assert failed.returncode == 51


@pytest.mark.slow
def test_flags_may_stand_before_the_command_and_after_it(lambdify, project):
    root = project({})
    before = lambdify("--debug", "status", "--local", cwd=root)
    after = lambdify("status", "--debug", "--local", cwd=root)
    assert "Traceback" in before.stderr
    assert "Traceback" in after.stderr


# -------------------------------------------------------------------- commands that need nobody else


INIT_SAYS = """  Found app:app: app.py:2  app = Flask(__name__)
  Next: `lambdify deploy --local` runs it on this machine, `lambdify deploy` puts it on AWS.
"""


def test_init_prints_the_path_of_what_it_wrote(lambdify, project):
    root = project({"app.py": FLASK})
    done = lambdify("init", cwd=root)
    assert done.stdout == f"{root}/lambdify.toml\n"
    assert done.stderr == INIT_SAYS
    assert tomllib.loads((root / "lambdify.toml").read_text())["app"] == "app:app"


def test_quiet_leaves_the_answer(lambdify, project):
    root = project({"app.py": FLASK})
    done = lambdify("init", "--quiet", cwd=root)
    assert (done.stdout, done.stderr) == (f"{root}/lambdify.toml\n", "")


@pytest.mark.slow
def test_settings_are_found_from_a_folder_inside_the_project(lambdify, project):
    root = project({"lambdify.toml": "[function]\nmemory = 1\n", "pkg/sub/x.py": ""})
    failed = lambdify("status", cwd=root / "pkg" / "sub")
    assert "lambdify.toml, line 2" in failed.stderr


@pytest.mark.slow
def test_without_a_local_cloud_its_status_says_so_and_stopping_it_is_no_error(lambdify):
    assert lambdify("local", "status").stdout == "The local cloud is not running.\n"
    assert lambdify("local", "status", "--json").stdout == "[]\n"
    assert lambdify("local", "stop").returncode == 0


# -------------------------------------------------------------------- endings


def test_a_reader_that_has_gone_is_no_reason_to_complain(project, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run(
            [Path(sys.executable).with_name("lambdify"), "init"],
            cwd=project({"app.py": FLASK}),
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == INIT_SAYS


WITH_COMMAND = """
import sys, time
from lambdify.cli import main

@main.commands.command()
@main.arguments.on_account
@main.arguments.common
def extra(flags, **where):
    {body}

sys.argv = ["lambdify", "extra", *sys.argv[1:]]
main.main()
"""
"""The real command line, with one command more."""


def test_a_bug_is_owned_and_can_be_reported():
    code = WITH_COMMAND.format(body="1 / 0")
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert failed.returncode == 70
    lines = failed.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2].startswith("error: lambdify met a case it was not written for: ZeroDivisionError(")
    assert lines[-1].startswith("hint: This is a bug, sorry.")


def test_the_garbage_collector_holds_no_end_up():
    """Frozen objects are not looked at again: without that, boto3's alone take a tenth of a second."""
    left = "len(gc.get_objects()) < gc.get_freeze_count() / 10"
    code = WITH_COMMAND.format(body=f"import atexit, boto3, gc; atexit.register(lambda: print({left}))")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "True\n"), ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        ([], "Nothing goes on without you."),
        (["--local"], "The local cloud goes on, if it runs; `lambdify local stop` ends it."),
    ],
)
def test_an_interruption_says_what_goes_on(number, flags, hint):
    code = WITH_COMMAND.format(body="print('ready', flush=True); time.sleep(30)")
    process = subprocess.Popen(
        [sys.executable, "-c", code, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, story = process.communicate(timeout=60)
    assert process.returncode == 130
    assert story.strip() == f"error: Interrupted.\nhint: {hint}"


# -------------------------------------------------------------------- speed


def test_help_imports_nothing_that_only_commands_need():
    code = "import sys; import lambdify.cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {
        "boto3",
        "botocore",
        "docker",
        "rich",
        "werkzeug",
        "uv",
        "packaging",
        "importlib.metadata",
        "json",
    }
    # The import hook of an editable install brings modules of its own.
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert heavy & (set(loaded) - set(bare)) == set()
