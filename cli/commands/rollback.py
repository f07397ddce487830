"""lambdify rollback: give the traffic back to an earlier release."""

import click

from lambdify.cli.command_line import arguments, completion, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage, settle_warmth


@click.command(
    "rollback",
    cls=help_page.Command,
    examples=(
        ("lambdify rollback", "to the release before the one that is live"),
        ("lambdify rollback 12", "to that one"),
        ("lambdify rollback production 12 --yes", "of another stage, without a question"),
    ),
)
@click.argument("stage", required=False, type=completion.Known(completion.stages_and_releases))
@click.option("-s", "--stage", "named", hidden=True)
@click.argument(
    "number",
    required=False,
    type=click.IntRange(min=1),
    shell_complete=lambda context, _, typed: completion.complete(completion.releases, context, typed),
)
@click.option("-y", "--yes", is_flag=True, help="Do it without asking.")
@arguments.on_account
@arguments.verbose
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    named: str | None,
    number: int | None,
    yes: bool,
    local: bool,
    **overrides: str | None,
) -> None:
    """Give the traffic back to an earlier release."""
    from dataclasses import asdict

    from lambdify.cli.releases import rollback as room

    if stage and stage.isdecimal() and number is None:
        number, stage = int(stage), None
    session = settle_warmth(open_stage(flags, arguments.agree_on_stage(stage, named), local, **overrides))
    done = room.rollback(
        session.stage, session.console, number=number, yes=yes or local, find_address=session.address
    )
    text = f"{session.stage.name} is at release {done.release}, version {done.version}."
    session.console.answer(text, asdict(done))
