"""lambdify env: the function's environment variables."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "env",
    cls=help_page.Command,
    examples=(
        ("lambdify env", "their names, and what is not deployed as it is set"),
        ("lambdify env production --show --json", "values too, for a program"),
    ),
)
@arguments.stage
@click.option("--show", is_flag=True, help="Show the values; those of secrets are not known here.")
@arguments.on_account
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, show: bool, local: bool, **overrides: str | None) -> None:
    """Show the function's environment variables.

    Each is told with whether it is as the settings say; a secret with where it is fetched from.
    """
    from lambdify.cli.command_line import answers
    from lambdify.cli.command_line.session import connect, load_settings
    from lambdify.cli.look import environment

    session = connect(load_settings(stage, overrides), make_console(flags), local=local)
    found = environment.fetch(session.stage, ours=session.own_variables)
    shown = found if show else environment.hide(found)
    session.console.answer(environment.show(shown, values=show), [answers.to_json(each) for each in shown])
    if any(each.state != "as set" for each in found):
        session.console.note(
            f"`lambdify deploy {session.settings.stage}` brings to the function what the settings say."
        )
