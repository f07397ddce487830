"""lambdify status: what is deployed, and how it works."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage


@click.command(
    "status",
    cls=help_page.Command,
    examples=(
        ("lambdify status", "the default stage"),
        ("lambdify status --no-check", "without a request to it"),
        ("lambdify status production --json", "for a program"),
    ),
)
@arguments.stage
@click.option("--no-check", is_flag=True, help="Do not ask the endpoint for a page.")
@arguments.on_account
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, no_check: bool, local: bool, **overrides: str | None) -> None:
    """Show what is deployed, and how it does.

    The endpoint is asked for [release] smoke, or for /, by a real request. Reading the metrics costs about a
    hundredth of a cent; cold starts are counted in the log, for five seconds at most and for nothing.
    """
    from lambdify.cli.command_line import answers
    from lambdify.cli.dashboard import dashboard, warmth
    from lambdify.cli.look import status as room
    from lambdify.cli.look import status_view
    from lambdify.cli.look.cold_starts import TIMEOUT
    from lambdify.cli.look.metrics import HOURS
    from lambdify.cli.look.refusals import unless_refused
    from lambdify.cli.releases import traffic_split

    session = open_stage(flags, stage, local, **overrides)
    console = session.console
    with console.step(f"Looking at {session.stage.name}"):
        found = room.fetch(session.stage, address=session.address, check_health=not no_check)
        left_out = [*found.left_out]
        met = unless_refused(
            lambda: dashboard.measure_warmth(session.stage, HOURS, patience=TIMEOUT), "visitors", left_out
        )
    untold = warmth.UNTOLD if found.endpoint and not session.settings.logs.requests else ""
    told = warmth.describe(met) if met else untold
    value = answers.to_json(found) | {"visitors": answers.to_json(met) if met else None}
    console.answer(status_view.show(found, visitors=told), value)
    if found.shift:
        console.warn(
            f"{traffic_split.describe(found.shift)} {traffic_split.advise(found.shift, session.settings)}"
        )
    if found.failed:
        console.note(f"`lambdify failures {session.settings.stage}` shows what was given up, and why.")
    for each in left_out:
        console.note(f"Left out, {each}")
    if found.drift == "DRIFTED":
        console.note(f"`lambdify diff {session.settings.stage}` shows what was changed by hand.")
