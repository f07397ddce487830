"""lambdify check: is this app right for Lambda?"""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "check",
    cls=help_page.Command,
    examples=(
        ("lambdify check", "the default stage"),
        ("lambdify check --strict", "for CI: what surprises counts as well"),
        ("lambdify check production --json", "for a program"),
    ),
)
@arguments.stage
@click.option("--strict", is_flag=True, help="Exit with 1 for what will surprise, too.")
@arguments.json
@arguments.common
@click.pass_context
def command(context: click.Context, flags: Flags, stage: str | None, strict: bool) -> None:
    """Tell what of the app will fail on Lambda, or work otherwise than on a server.

    The code is read, never run. Exits with 1 if something will fail. docs/check.md has all rules, and
    [check] ignore leaves out what you know of.
    """
    from lambdify.cli.check import examination, report
    from lambdify.cli.command_line import session
    from lambdify.cli.detection import choice
    from lambdify.cli.plan import pitfalls

    console = make_console(flags)
    settings = session.load_settings(stage, {})
    pitfalls.warn(settings, console, local=False)
    found = examination.examine(settings, choice.choose_app(settings, console))
    console.answer(report.show(found), report.to_value(found))
    if found.count("stops") or (strict and found.count("surprises")):
        context.exit(1)
