"""lambdify domain: the names of a stage, their certificate, and the records that they want."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage


@click.command(
    "domain",
    cls=help_page.Command,
    examples=(
        ("lambdify domain production", "what is served, and which records are to be written"),
        ("lambdify domain production --wait", "until the certificate is issued"),
        ("lambdify domain production --json", "for a program that writes the records"),
    ),
)
@arguments.stage
@click.option("--wait", is_flag=True, help="Wait until the certificate is issued: an hour at most.")
@arguments.on_account
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, wait: bool, local: bool, **overrides: str | None) -> None:
    """Show the names of [domain]: certificate, records, and what is served.

    The exit code is 59 where there will be no certificate, and 60 where --wait ends before it is issued.
    """
    import time

    from lambdify.cli.domains import state

    session = open_stage(flags, stage, local, **overrides)
    console = session.console
    with console.step(f"Looking at the names of {session.stage.name}"):
        known = state.find_certificates(session.stage)
        found = state.fetch(session.stage, known)
    if wait:
        with console.step("Waiting for the certificate"):
            known = state.wait(session.stage, known, time.sleep)
        found = state.fetch(session.stage, known)
    console.answer(state.show(found), found.json)
    state.check(known)
    if any(each.state == state.READY for each in found.names):
        console.note(f"`{session.stage.command('deploy')}` serves what has its certificate now.")
