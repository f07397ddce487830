"""lambdify doctor: does this machine have what lambdify needs?"""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "doctor",
    cls=help_page.Command,
    examples=(
        ("lambdify doctor", "for the default stage"),
        ("lambdify doctor --local", "without an account of AWS"),
        ("lambdify doctor production --json", "for a program"),
    ),
)
@arguments.stage
@arguments.on_account
@arguments.json
@arguments.common
@click.pass_context
def command(
    context: click.Context, /, flags: Flags, stage: str | None, local: bool, **overrides: str | None
) -> None:
    """Tell whether this machine has what a deployment needs.

    That is Python, uv, a container engine, room, the local cloud, credentials and a region; each with what to
    do if it is missing. Exits with 1 if a deployment would not succeed.
    """
    from functools import partial

    from lambdify.cli.command_line import session
    from lambdify.cli.doctor import finding, surroundings

    console = make_console(flags)
    session.current_folder()  # without one there is no project to look at
    read = partial(session.load_settings, stage, overrides, variables=False)
    with console.step("Looking at this machine"):
        found = list(surroundings.examine(read, local=local))
    console.answer(finding.show(found), finding.to_value(found))
    if not finding.succeeds(found):
        context.exit(1)
