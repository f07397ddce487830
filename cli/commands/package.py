"""lambdify package: make the zips."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "package",
    cls=help_page.Command,
    examples=(
        ("lambdify package", "into .lambdify/build"),
        ("lambdify package production --output dist", "into dist"),
        ("lambdify package --report", "and a page to look at it"),
    ),
)
@arguments.stage
@click.option(
    "-o", "--output", type=click.Path(file_okay=False), metavar="DIR", help="Where the zips are written."
)
@click.option("--report", is_flag=True, help="Tell what every byte is, and draw it on a page.")
@click.option("--profile", is_flag=True, help="The report, and what a cold start imports.")
@arguments.upgrade
@arguments.json
@arguments.common
def command(
    flags: Flags, stage: str | None, output: str | None, report: bool, profile: bool, upgrade: bool
) -> None:
    """Make the zips that deploy would upload, and say what is in them."""
    from pathlib import Path

    from lambdify.cli import package as room
    from lambdify.cli.command_line import answers, session
    from lambdify.cli.runtime import choice

    console = make_console(flags)
    # Variables are no part of a bundle, but an app that is started reads them.
    settings, chosen = choice.settle(session.load_settings(stage, {}, variables=profile))
    choice.tell(chosen, console)
    bundle = room.package(settings, Path(output) if output else None, console, upgrade=upgrade)
    paths = [str(archive.path) for archive in bundle.archives]
    if report or profile:
        found = room.examine(settings, bundle, console, profile=profile)
        console.answer("\n".join([*paths, str(found.page)]), answers.to_json(found))
    else:
        console.answer("\n".join(paths), [answers.to_json(each) for each in bundle.archives])
