"""lambdify init: write lambdify.toml."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "init",
    cls=help_page.Command,
    examples=(
        ("lambdify init", "in the project's folder"),
        ("lambdify init --all", "with every option, explained"),
        ("lambdify init --from serverless.yml", "of several files of other tools, this one"),
    ),
)
@click.option("--all", "every_option", is_flag=True, help="Write every option, explained.")
@click.option("--from", "only", default="", metavar="FILE", help="Of other tools' files, read this one.")
@click.option("--force", is_flag=True, help="Replace the lambdify.toml that is there.")
@arguments.common
def command(flags: Flags, every_option: bool, only: str, force: bool) -> None:
    """Write lambdify.toml, from the app and other tools' files.

    What the files of other tools say of the project is carried over, key by key.
    """
    from lambdify.cli import init as room
    from lambdify.cli.command_line import session

    console = make_console(flags)
    path = room.init(
        session.current_folder(),
        console,
        force=force,
        every_option=every_option,
        only=only,
        verbose=bool(flags.get("verbose")),
    )
    console.answer(str(path))
