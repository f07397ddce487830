"""The commands, and what they begin with: a console for the flags of the run, and the session of a stage.

Each module of this folder is the command of the same name; click runs the function `command` in it. A command
parses, makes one call and prints the answer. It imports the room that does the work only when it runs.
"""

from typing import TYPE_CHECKING

from lambdify.cli.command_line import arguments
from lambdify.cli.command_line.arguments import Flags

if TYPE_CHECKING:
    from lambdify.cli.command_line.session import Session
    from lambdify.cli.console import Console


def make_console(flags: Flags) -> "Console":
    """Return the console for the flags of a run."""
    from lambdify.cli.console import Console

    return Console(
        quiet=flags.get("quiet", False),
        verbose=flags.get("verbose", False),
        json=flags.get("json", False),
        account_flags=arguments.account_flags(flags),
    )


def open_stage(flags: Flags, stage: str | None, local: bool, **overrides: str | None) -> "Session":
    """Return the session of a command on a deployed stage: its variables may be missing."""
    from lambdify.cli.command_line import session

    settings = session.load_settings(stage, overrides, variables=False)
    return session.connect(settings, make_console(flags), local=local)


def settle_warmth(session: "Session") -> "Session":
    """Return the session with as many environments to keep warm as the stage's account has room for."""
    from dataclasses import replace

    from lambdify.cli.plan import warm_environments

    if session.cloud is not None:  # it has no limit, and its number: see local/daemon/cloud.py
        return session
    return replace(session, stage=warm_environments.settle(session.stage, session.console))
