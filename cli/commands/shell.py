"""lambdify shell: a Python prompt with the app, in the stage's Lambda for commands."""

import sys
from dataclasses import replace

import click

from lambdify.cli.command_line import arguments, words
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.commands.run import How, options, run

LOAD = "from lambdify.adapter.commands.shell import load_app; app = load_app()"
"""What the prompt begins with; where the app does not load, the prompt comes all the same."""
GIVEN = f"import sys; {LOAD}; exec(compile(sys.argv.pop(1), '<command line>', 'exec'))"
READ = f"import sys; {LOAD}; exec(compile(sys.stdin.read(), '<stdin>', 'exec'))"


@click.command(
    "shell",
    cls=words.RemoteCommand,
    examples=(
        ("lambdify shell dev", "a prompt; Ctrl-D ends it"),
        ("lambdify shell production -c 'print(app.config)'", "one line of code"),
        ("lambdify shell dev < fix.py", "a file of code"),
    ),
)
@arguments.stage
@click.option("-c", "--code", metavar="CODE", help="Run this code, and end.")
@options
@arguments.on_account
@arguments.common
def command(
    flags: Flags, stage: str | None, code: str | None, how: How, local: bool, **overrides: str | None
) -> int:
    """Type Python where the stage's app runs, with the app loaded as `app`.

    Everything is as with `lambdify run`: what is typed goes there line by line, so there is no editing of
    earlier lines. A Flask app has its context, and a Django app is set up.
    """
    session = open_stage(flags, stage, local, **overrides)
    if code is not None:
        return run(session, ("python", "-c", GIVEN, code), how)
    if sys.stdin is not None and sys.stdin.isatty() and not how.stdin:
        return run(session, ("python", "-i", "-c", LOAD), how)
    return run(session, ("python", "-c", READ), replace(how, stdin=True))
