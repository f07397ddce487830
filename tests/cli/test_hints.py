"""Commands in hints, as they have to be typed after this run."""

import io

import pytest

from lambdify.cli import hints
from lambdify.cli.command_line import words
from lambdify.cli.console import Console
from lambdify.cli.errors import LambdifyError
from lambdify.cli.main import commands


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("`lambdify logs dev` shows it.", ["--local"], "`lambdify logs dev --local` shows it."),
        (
            "`lambdify logs`",
            ["--profile work", "--region eu-west-1"],
            "`lambdify logs --profile work --region eu-west-1`",
        ),
        ("`lambdify deploy --local` starts it", ["--local"], "`lambdify deploy --local` starts it"),
        (
            "`lambdify init` and `lambdify deploy`",
            ["--local"],
            "`lambdify init` and `lambdify deploy --local`",
        ),
        ("`lambdify local stop` ends it", ["--local"], "`lambdify local stop` ends it"),
        ("`lambdify --help`, lambdify logs", ["--local"], "`lambdify --help`, lambdify logs"),
        ("`lambdify logs --help` says", ["--local"], "`lambdify logs --help` says"),
        ("`lambdify logs dev`", [], "`lambdify logs dev`"),
        # What stands behind the stage is another program's.
        ("`lambdify run dev -- ls -l`", ["--local"], "`lambdify run dev --local -- ls -l`"),
        ("`lambdify manage dev migrate`", ["--local"], "`lambdify manage dev --local migrate`"),
        ("`lambdify flask live ...`", ["--profile work"], "`lambdify flask live --profile work ...`"),
        ("`lambdify run`", ["--local"], "`lambdify run --local`"),
    ],
)
def test_a_command_that_is_named_gets_the_flags_that_say_where(text, where, said):
    assert hints.add_flags(text, where) == said


def test_the_commands_that_do_not_take_such_flags_are_known():
    for name, command in commands.commands.items():
        typed = [*getattr(command, "commands", {}).values()] or [command]
        takes = any("--local" in each.opts for inner in typed for each in inner.params)
        assert takes == (name not in hints.NOT_ON_ACCOUNT), name


def test_the_commands_whose_lines_end_with_words_are_known():
    with_words = {name for name, each in commands.commands.items() if isinstance(each, words.WordsCommand)}
    assert with_words == hints.WITH_WORDS


def test_the_console_adds_them_wherever_it_names_a_command():
    stderr = io.StringIO()
    console = Console(account_flags=["--local"], stderr=stderr, stdout=io.StringIO(), environ={})
    console.note("`lambdify logs`")
    console.warn("`lambdify logs`")
    console.error(LambdifyError("it failed", hint="`lambdify logs`"))
    assert stderr.getvalue().count("`lambdify logs --local`") == 3


def test_a_failed_run_names_the_next_one_with_its_flags(lambdify, project):
    root = project({"lambdify.toml": 'name = "shop"\n'})
    failed = lambdify("logs", "--local", "--region", "eu-west-1", cwd=root)
    assert failed.returncode == 51
    assert "`lambdify deploy --local --region eu-west-1`" in failed.stderr


def test_a_hint_behind_lines_to_copy_begins_on_a_line_of_its_own():
    lines = 'Write into lambdify.toml:\n[environment]\nKEY = "..."'
    assert hints.join("Release 2 has failed.", "", lines, "Or ask for another page.") == (
        f"Release 2 has failed. {lines}\nOr ask for another page."
    )
