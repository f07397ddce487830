"""lambdify flask: run a command of a Flask app in the stage's Lambda for commands."""

import click

from lambdify.cli.command_line import arguments, words
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.commands.manage import find_framework, find_manage, find_root
from lambdify.cli.commands.run import How, options, run
from lambdify.cli.errors import UsageError


@click.command(
    "flask",
    cls=words.WordsCommand,
    examples=(
        ("lambdify flask production db upgrade", "migrations of Flask-Migrate"),
        ("lambdify flask dev routes", "what the app answers to"),
        ("lambdify flask dev --env DRY_RUN=1 clean-up", "a command of the app's own"),
    ),
)
@words.stage_and_words("WORDS...")
@options
@arguments.on_account
@arguments.common
def command(
    flags: Flags, stage: str | None, program: tuple[str, ...], how: How, local: bool, **overrides: str | None
) -> int:
    """Run `flask WORDS...` where the stage's app runs, and end as it ends.

    The app is the one that is deployed, unless FLASK_APP says another. Everything is as with `lambdify run`.
    """
    stage = words.require(stage, program, "lambdify flask dev routes")
    root = find_root()
    if find_manage(root) and find_framework(root) == "django":
        raise UsageError("This is a Django app.", hint=f"`lambdify manage {stage} ...` runs its commands.")
    return run(open_stage(flags, stage, local, **overrides), ("flask", *program), how)
