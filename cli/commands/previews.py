"""lambdify previews: the stages by a pattern that are deployed; list them, remove the old ones."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from lambdify.cli.command_line.session import Session
    from lambdify.cli.previews import Preview
    from lambdify.cli.stage import Stage


@click.group(
    "previews",
    cls=help_page.CommandGroup,
    default="list",
    examples=(
        ("lambdify previews", "which there are, since when, and where"),
        ("lambdify previews prune --older 3d", "remove those that were not deployed for three days"),
    ),
)
def command() -> None:
    """List the stages by a pattern that are deployed, or remove old ones.

    A pattern is a table like [stages."pr-*"]; see `lambdify ci`.
    """


@command.command("list")
@arguments.on_account
@arguments.json
@arguments.common
def list_previews(flags: Flags, local: bool, **overrides: str | None) -> None:
    """Show which there are. `lambdify previews` alone does the same."""
    from lambdify.cli.command_line import answers
    from lambdify.cli.commands import make_console

    found = [
        _with_address(each, session)
        for session, previews in _find(flags, local, **overrides)
        for each in previews
    ]
    shown = answers.show_previews(found) if found else "There are no previews."
    make_console(flags).answer(shown, [answers.to_json(each) for each in found])


@command.command("prune")
@click.option(
    "--older",
    type=arguments.Since(),
    required=True,
    metavar="AGE",
    help="Those that were deployed last so long ago: 3d, 12h.",
)
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@arguments.on_account
@arguments.json
@arguments.common
def prune(flags: Flags, older: "datetime", yes: bool, local: bool, **overrides: str | None) -> None:
    """Remove previews that were not deployed for a while, and leave nothing behind."""
    from dataclasses import asdict

    from lambdify.cli import previews as room
    from lambdify.cli.command_line import answers
    from lambdify.cli.commands import make_console
    from lambdify.cli.errors import Declined
    from lambdify.cli.hooks.commands import after_undeploy

    console = make_console(flags)
    removed, left, hooks_failed = list[str](), list[str](), list[str]()
    for session, found in _find(flags, local, **overrides):
        old = [each for each in found if each.changed_at <= older]
        if not old:
            continue
        if not (yes or local):
            console.note(answers.show_previews(old))
            if not console.confirm(f"Remove {len(old)} of {len(found)} previews?"):
                raise Declined("Nothing was removed.")
        variables = session.variables()

        def run_hook(preview: "Stage", variables: "Mapping[str, str]" = variables) -> None:
            after_undeploy(preview.settings, console, variables)

        pruned = room.prune(old, session.stage, console, afterwards=run_hook)
        removed += pruned.removed
        left += pruned.left
        hooks_failed += pruned.hooks_failed
    pruned = room.Pruned(removed=tuple(removed), left=tuple(left), hooks_failed=tuple(hooks_failed))
    said = f"{', '.join(removed)}: gone." if removed else "No preview is that old."
    console.answer(said, asdict(pruned))
    room.check(pruned)


def _with_address(preview: "Preview", session: "Session") -> "Preview":
    """Return the preview with the URL that answers; that of the stack, where nothing does."""
    from dataclasses import replace

    from lambdify.cli.errors import LambdifyError

    settings = replace(session.settings, stage=preview.stage)
    of = replace(session, stage=replace(session.stage, settings=settings))
    try:
        return replace(preview, endpoint=of.address(preview.endpoint))
    except LambdifyError:  # its stack is half made, or its port is taken
        return preview


def _find(
    flags: Flags, local: bool, **overrides: str | None
) -> "Iterator[tuple[Session, tuple[Preview, ...]]]":
    """Yield a session and the deployed previews for each pattern. Raises SettingsError if there is none."""
    from lambdify.cli import previews as room
    from lambdify.cli import settings
    from lambdify.cli.command_line import session
    from lambdify.cli.settings import config_file, stages

    declared = settings.declared_stages(config_file.find_root(session.current_folder()))
    for pattern in stages.require(declared):
        # Region and profile may differ from pattern to pattern; which of its stages this is does not matter.
        opened = open_stage(flags, stages.example(pattern), local, **overrides)
        with opened.console.step(f"Looking for {opened.settings.name}-{pattern}"):
            found = room.find_all(pattern, declared, opened.stage)
        yield opened, found
