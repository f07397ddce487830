"""lambdify open: the stage in a browser."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.errors import UsageError


@click.command(
    "open",
    cls=help_page.Command,
    examples=(
        ("lambdify open", "the app"),
        ("lambdify open production --path /admin/", "a page of it"),
        ("lambdify open --console", "the function, in the AWS console"),
    ),
)
@arguments.stage
@click.option("--path", default="", metavar="PATH", help="The page, instead of the first one.")
@click.option("--console", "aws_console", is_flag=True, help="The function's page in the AWS console.")
@arguments.on_account
@arguments.json
@arguments.common
def command(
    flags: Flags, stage: str | None, path: str, aws_console: bool, local: bool, **overrides: str | None
) -> None:
    """Open the app in the browser.

    Its address is printed as well; in a pipe it is only printed.
    """
    import webbrowser

    from lambdify.cli.look import aws_console as pages
    from lambdify.cli.stacks import stack

    if aws_console and local:
        raise UsageError("The local cloud has no console.", hint="Leave out --local, or --console.")
    session = open_stage(flags, stage, local, **overrides)
    deployed = stack.fetch(session.stage)
    url = session.address(deployed.outputs.get("Endpoint", ""))
    if aws_console:
        url = pages.function_page(session.stage.name, session.stage.account)
    elif not url:
        raise UsageError(
            f'"{session.stage.name}" has no endpoint.', hint="--console opens the function's page."
        )
    elif path:
        url = f"{url}/{path.removeprefix('/')}"
    session.console.answer(url)
    if session.console.on_screen and not webbrowser.open(url):
        session.console.note("There is no browser here.")
