"""lambdify local: show or stop the local cloud."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.group(
    "local",
    cls=help_page.CommandGroup,
    examples=(
        ("lambdify local status", "what it serves, and where"),
        ('eval "$(lambdify local env)"', "let other AWS tools of this shell talk to it"),
        ("lambdify local stop", "end it, and all that is deployed to it"),
    ),
)
def command() -> None:
    """Look at the local cloud, or end it."""


@command.command("status")
@arguments.json
@arguments.common
def local_status(flags: Flags) -> None:
    """Show the stages that it serves, and where."""
    from lambdify.cli.command_line import answers
    from lambdify.cli.local.daemon import cloud

    console = make_console(flags)
    running = cloud.find(console)
    stages = cloud.status(running) if running else ()
    console.answer(answers.show_local(running, stages), [answers.to_json(stage) for stage in stages])


@command.command("env")
@arguments.json
@arguments.common
def local_env(flags: Flags) -> None:
    """Print the variables that lead other AWS tools to it, with its keys."""
    from lambdify.cli.command_line import answers
    from lambdify.cli.local.daemon import cloud

    console = make_console(flags)
    variables = cloud.variables(cloud.require(console))
    console.answer(answers.exports(variables), variables)


@command.command("stop")
@arguments.common
def local_stop(flags: Flags) -> None:
    """End it, and everything that runs in it."""
    from lambdify.cli.local.daemon import cloud

    console = make_console(flags)
    ended = cloud.stop(console)
    console.answer("The local cloud has ended." if ended else "No local cloud was running.")
