"""lambdify diff: what a deployment would change."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console, settle_warmth

if TYPE_CHECKING:
    from lambdify.cli.command_line.session import Session
    from lambdify.cli.packing.bundle.bundle import Bundle

DIFFERENT = 2
"""Exit code of --exit-code if something would change; terraform's -detailed-exitcode has the same."""


@click.command(
    "diff",
    cls=help_page.Command,
    examples=(
        ("lambdify diff production", "every value before and after, rights, costs, what was changed by hand"),
        ("lambdify diff --exit-code --json", "for a pipeline: 0 nothing would change, 2 something would"),
    ),
)
@arguments.stage
@click.option("--exit-code", "coded", is_flag=True, help=f"End with {DIFFERENT} when something would change.")
@click.option(
    "--no-drift", is_flag=True, help="Do not look for what was changed by hand, which takes a while."
)
@arguments.on_account
@arguments.upgrade
@arguments.json
@arguments.common
@click.pass_context
def command(
    context: click.Context,
    /,
    flags: Flags,
    stage: str | None,
    coded: bool,
    no_drift: bool,
    local: bool,
    upgrade: bool,
    **overrides: str | None,
) -> None:
    """Show what a deployment would change, and change nothing."""
    from dataclasses import replace

    from lambdify.cli.command_line.session import connect, load_settings, settle_python
    from lambdify.cli.detection import choice
    from lambdify.cli.runtime import choice as runtime

    console = make_console(flags)
    settings, chosen = runtime.settle(load_settings(stage, overrides))
    settings = replace(settings, app=choice.choose_app(settings, console).app)
    session = settle_warmth(settle_python(connect(settings, console, local=local), chosen))
    if answer(session, drift=not no_drift, upgrade=upgrade) and coded:
        context.exit(DIFFERENT)


def answer(session: "Session", *, drift: bool, upgrade: bool, refresh: bool = False) -> bool:
    """Print what a deployment would change; return whether anything would."""
    from lambdify.cli.package import package
    from lambdify.cli.plan import diff as room
    from lambdify.cli.plan import preview

    def pack() -> "Bundle":
        return package(session.settings, None, session.console, upgrade=upgrade)

    found = room.compute(session.stage, pack, session.console, drift=drift, refresh=refresh)
    session.console.answer(preview.show_in_full(found.preview, found.drift), room.to_json(found))
    return found.changed
