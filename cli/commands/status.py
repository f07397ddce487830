"""lambdify status: what is deployed."""

import click

from lambdify.cli import arguments, help_page
from lambdify.cli.arguments import Flags
from lambdify.cli.commands import make_console, open_stage


@click.command(
    "status",
    cls=help_page.Command,
    examples=(
        ("lambdify status", "the default stage"),
        ("lambdify status production --json", "for a program"),
    ),
)
@arguments.stage
@arguments.on_account
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, local: bool, **where: str | None) -> None:
    """Show what is deployed: endpoint, state, version, size."""
    from dataclasses import replace

    from lambdify.cli import answers
    from lambdify.cli import status as room

    console = make_console(flags)
    opened = open_stage(console, stage, local, **where)
    found = room.fetch(opened.settings, opened.account)
    found = replace(found, endpoint=opened.address(found.endpoint))
    console.answer(answers.status(found), answers.value(found))
