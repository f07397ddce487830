"""lambdify invoke: call the function."""

from typing import IO

import click

from lambdify.cli import arguments, help_page
from lambdify.cli.arguments import Flags
from lambdify.cli.commands import make_console, open_stage
from lambdify.cli.errors import UsageError


@click.command(
    "invoke",
    cls=help_page.Command,
    examples=(
        ('lambdify invoke \'{"lambdify": "keep-warm"}\'', "a keep-warm call"),
        ("lambdify invoke --file event.json --stage production", "an event from a file"),
    ),
)
@click.argument("payload", default="")
@click.option(
    "-f", "--file", type=click.File(encoding="utf-8"), help='Read the payload from a file; "-" is stdin.'
)
@click.option("-s", "--stage", metavar="STAGE", help="The stage, when it is not the default one.")
@arguments.on_account
@arguments.json
@arguments.common
def command(
    flags: Flags, payload: str, file: IO[str] | None, stage: str | None, local: bool, **where: str | None
) -> None:
    """Call the function with a JSON payload, print what it returns."""
    import json

    from lambdify.cli import answers
    from lambdify.cli import invoke as room

    if payload and file:
        raise UsageError("There are two payloads, one on the command line and one in a file.")
    console = make_console(flags)
    opened = open_stage(console, stage, local, **where)
    result = room.invoke(opened.settings, opened.account, file.read() if file else payload, console)
    console.answer(json.dumps(result.payload, indent=2, ensure_ascii=False), answers.value(result))
