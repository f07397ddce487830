"""`manage`, `flask`, `run` and `shell`: which words are whose, what is refused, and what an end comes to."""

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from stages import stage_in
from streams import REQUEST_ID, answered, ended

from lambdify.cli.commands import run as room
from lambdify.cli.commands.run import How
from lambdify.cli.errors import CommandNotRun, Interrupted, UsageError
from lambdify.cli.main import commands

LINES = {
    "run dev -- ls -l": ("dev", ("ls", "-l"), {}),
    "run dev ls -l": ("dev", ("ls", "-l"), {}),
    "run --local dev ls --local": ("dev", ("ls", "--local"), {"local": True}),
    "run dev --local ls --help": ("dev", ("ls", "--help"), {"local": True}),
    "run dev --env A=1 --env=B=2 --no-log -- env -- x": (
        "dev",
        ("env", "--", "x"),
        {"env": ("A=1", "B=2"), "no_log": True},
    ),
    "run --stage dev ls -s": ("dev", ("ls", "-s"), {}),
    "run -s dev -- -s": ("dev", ("-s",), {}),
    "run --stage=dev --region eu-west-1 ls": ("dev", ("ls",), {"region": "eu-west-1"}),
    "run dev -s other": ("dev", ("-s", "other"), {}),
    "manage prod migrate --plan --database x": ("prod", ("migrate", "--plan", "--database", "x"), {}),
    "flask prod --detach db upgrade": ("prod", ("db", "upgrade"), {"detach": True}),
}


@pytest.mark.parametrize("line", LINES)
def test_ours_is_what_stands_before_the_first_word(line):
    name, *words = line.split()
    stage, program, options = LINES[line]
    found = commands.commands[name].make_context(name, words, obj={}).params
    assert (found["stage"], found["program"]) == (stage, program)
    assert options.items() <= found.items()


FLASK = "from flask import Flask\napp = Flask(__name__)\n"
MANAGE = "from django.core.management import execute_from_command_line\n"
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
DJANGO = {"manage.py": MANAGE, "shop/wsgi.py": WSGI}


@pytest.mark.parametrize(
    ("files", "line", "message", "hint"),
    [
        (
            {"app.py": FLASK},
            "manage production migrate",
            "This is a Flask app.",
            "`lambdify flask production ...` runs its commands.",
        ),
        (
            DJANGO,
            "flask production routes",
            "This is a Django app.",
            "`lambdify manage production ...` runs its commands.",
        ),
        (
            {"app.py": "", "scripts/manage.py": "print('not of Django')"},
            "manage dev migrate",
            "There is no manage.py of Django in SHOP.",
            "`lambdify run dev -- ...` runs any program.",
        ),
        ({}, "run --nope dev ls", "No such option '--nope'.", "`lambdify run --help` shows what there is."),
        ({}, "run", "The line does not say the stage, and what is to run.", None),
        (
            {},
            "run -- ls",
            "The line does not say the stage.",
            "Such as: `lambdify run dev -- python --version`",
        ),
        (
            {},
            "manage dev --local",
            "The line does not say what is to run.",
            "Such as: `lambdify manage dev --local migrate`",
        ),
        ({}, "manage dev", "The line does not say what is to run.", "Such as: `lambdify manage dev migrate`"),
        ({}, "run dev --env NO_SUCH ls", "--env NO_SUCH: there is no such variable here.", None),
        ({}, "run dev --detach --repeat ls", "--detach waits for nothing: neither --repeat nor", None),
    ],
)
def test_a_line_that_cannot_run_says_why_with_125(lambdify, project, files, line, message, hint):
    root = project(files)
    done = lambdify(*line.split(), cwd=root)
    assert done.returncode == 125
    assert done.stderr.startswith(f"error: {message}".replace("SHOP", str(root)))
    assert hint is None or f"hint: {hint}\n" in done.stderr


HOW = How(detach=False, repeat=False, stdin=False, log=True, environment={})


@pytest.fixture
def session(stubbed, boto_session, make_settings, talk):
    """A session on a stage with a Lambda for commands."""
    client = boto_session.client("lambda")
    account = replace(
        stubbed.account,
        client=lambda name: client if name == "lambda" else stubbed.account.client(name),
    )
    stubbed.finds_stage({"AliasCommands": "the alias"})
    return SimpleNamespace(
        console=talk.console, stage=stage_in(account, make_settings(overrides={"commands.timeout": 900}))
    )


@pytest.fixture
def run(session, monkeypatch):
    """`run(parts, ...)`: run `ls`, which answers so each time."""
    client = session.stage.client("lambda")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*answers, how=HOW):
        left = list(answers)
        with answered(client, lambda *_: left.pop(0)):
            return room.run(session, ("ls",), how)

    return run


def test_the_code_of_the_command_is_ours(run):
    assert run(ended(7)) == 7


def test_a_command_whose_time_was_over_is_told_what_takes_longer(run, talk):
    assert run(ended(124, reason="time")) == 124
    assert "warning: `ls` had to end, since its time was over. [commands] timeout is the limit" in talk.said


def test_a_command_whose_output_was_cut_has_not_succeeded(run):
    with pytest.raises(CommandNotRun, match="`ls` ended with 0, and wrote more than the 200 MB") as caught:
        run(ended(0, reason="output"))
    assert f"--request {REQUEST_ID}" in caught.value.hint
    assert caught.value.exit_code == 125


def test_what_is_not_finished_is_run_again_until_it_is(run, talk):
    assert run(ended(75)) == 75


def test_and_only_where_that_was_asked_for(run, talk):
    assert run(ended(75), ended(75), ended(3), how=replace(HOW, repeat=True)) == 3
    assert talk.said.count("`ls` is not finished: it runs again.") == 2


def test_who_leaves_a_command_is_told_that_it_goes_on(run):
    def leave():
        yield b"\0\0\0\0\0"
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="`ls` was left") as caught:
        run(leave())
    assert f"`lambdify logs dev --request {REQUEST_ID}` shows what it wrote" in caught.value.hint
    assert caught.value.exit_code == 130


def test_a_variable_may_come_from_here(monkeypatch):
    monkeypatch.setenv("KEY", "swordfish")
    assert room.read_environment(("KEY", "A=b=c", "EMPTY=")) == {"KEY": "swordfish", "A": "b=c", "EMPTY": ""}
    with pytest.raises(UsageError):
        room.read_environment(("NO_SUCH",))
