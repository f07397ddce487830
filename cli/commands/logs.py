"""lambdify logs: what the function wrote."""

from typing import TYPE_CHECKING

import click

from lambdify.cli import arguments, help_page
from lambdify.cli.arguments import Flags
from lambdify.cli.commands import make_console, open_stage

if TYPE_CHECKING:
    from datetime import datetime


@click.command(
    "logs",
    cls=help_page.Command,
    examples=(
        ("lambdify logs --follow", "the last hour, and then as it comes"),
        ("lambdify logs production --since 2d --json", "one JSON object a line"),
    ),
)
@arguments.stage
@click.option("-f", "--follow", is_flag=True, help="Go on with the lines that are still to come.")
@click.option(
    "--since",
    type=arguments.Since(),
    default="1h",
    show_default=True,
    metavar="WHEN",
    help="10m, 2h, 3d or a date.",
)
@arguments.on_account
@arguments.json
@arguments.common
def command(
    flags: Flags, stage: str | None, follow: bool, since: "datetime", local: bool, **where: str | None
) -> None:
    """Print the function's log."""
    from lambdify.cli import answers
    from lambdify.cli import logs as room

    console = make_console(flags)
    opened = open_stage(console, stage, local, **where)
    for line in room.read(opened.settings, opened.account, since=since, follow=follow):
        console.answer(answers.log_line(line), answers.value(line))
