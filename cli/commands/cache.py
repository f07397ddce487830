"""lambdify cache: show and clear the caches."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console

if TYPE_CHECKING:
    from datetime import datetime

SHELVES = ("wheels", "downloads", "contents", "fragments", "runtime", "unpacked", "bundles")


@click.group(
    "cache",
    cls=help_page.CommandGroup,
    examples=(
        ("lambdify cache show", "what there is, and how much"),
        ("lambdify cache clear", "all of it"),
        ("lambdify cache clear fragments --before 30d", "one kind, if it is older"),
    ),
)
def command() -> None:
    """Show what is kept to be fast, or remove it."""


@command.command("show")
@arguments.json
@arguments.common
def show(flags: Flags) -> None:
    """Show what is kept, where, and how much it is."""
    from lambdify.cli.command_line import answers, session
    from lambdify.cli.settings import config_file
    from lambdify.cli.storage import caches

    found = caches.find_all(config_file.find_root(session.current_folder()))
    make_console(flags).answer(answers.show_cache(found), [answers.to_json(shelf) for shelf in found])


@command.command("clear")
@click.argument("kinds", nargs=-1, type=click.Choice(SHELVES), metavar="[KIND]...")
@click.option("--before", type=arguments.Since(), metavar="WHEN", help="Only what is older: 30d, or a date.")
@arguments.json
@arguments.common
def clear(flags: Flags, kinds: tuple[str, ...], before: "datetime | None") -> None:
    """Remove what is kept: all of it, or some kinds. It is made again when it is needed."""
    from lambdify.cli.command_line import answers, session
    from lambdify.cli.formatting import size
    from lambdify.cli.settings import config_file
    from lambdify.cli.storage import caches

    cleared = caches.clear(config_file.find_root(session.current_folder()), kinds, before=before)
    text = f"{cleared.entries} files and folders are gone, {size(cleared.bytes)}."
    make_console(flags).answer(text, answers.to_json(cleared))
