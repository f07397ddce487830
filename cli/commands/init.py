"""lambdify init: write lambdify.toml."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command("init", cls=help_page.Command, examples=(("lambdify init", "in the project's folder"),))
@click.option("--force", is_flag=True, help="Replace the lambdify.toml that is there.")
@arguments.common
def command(flags: Flags, force: bool) -> None:
    """Write lambdify.toml, with every option explained."""
    from lambdify.cli import init as room
    from lambdify.cli.command_line import session

    console = make_console(flags)
    console.answer(str(room.init(session.current_folder(), console, force=force)))
