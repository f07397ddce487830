"""lambdify undeploy: delete a stage."""

import click

from lambdify.cli import arguments, help_page
from lambdify.cli.arguments import Flags
from lambdify.cli.commands import make_console, open_stage


@click.command(
    "undeploy",
    cls=help_page.Command,
    examples=(("lambdify undeploy production", "asks first, and tells what goes"),),
)
@arguments.stage
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@arguments.on_account
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, yes: bool, local: bool, **where: str | None) -> None:
    """Delete a stage, and leave nothing behind."""
    from dataclasses import asdict

    from lambdify.cli import undeploy as room

    console = make_console(flags)
    opened = open_stage(console, stage, local, **where)
    removal = room.undeploy(opened.settings, opened.account, console, yes=yes or local)
    console.answer(f"{opened.settings.full_name} is gone.", asdict(removal))
