"""What the commands begin with: a console that speaks as the flags say, and the way to a stage.

A module of this folder is a command, called as the module is named; `command` in it is what click runs. It
parses, makes one call, prints the answer, and imports the room that does the work when it runs.
"""

from typing import TYPE_CHECKING

from lambdify.cli.command_line import arguments
from lambdify.cli.command_line.arguments import Flags

if TYPE_CHECKING:
    from lambdify.cli.command_line.session import Session
    from lambdify.cli.console import Console


def make_console(flags: Flags) -> "Console":
    """The console of one run."""
    from lambdify.cli.console import Console

    return Console(
        quiet=flags.get("quiet", False),
        json=flags.get("json", False),
        account_flags=arguments.account_flags(flags),
    )


def open_stage(flags: Flags, stage: str | None, local: bool, **overrides: str | None) -> "Session":
    """The session of a command about a stage that is to be deployed already."""
    from lambdify.cli.command_line import session

    return session.connect(session.load_settings(stage, overrides), make_console(flags), local=local)
