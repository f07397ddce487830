"""lambdify undeploy: delete a stage."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage


@click.command(
    "undeploy",
    cls=help_page.Command,
    examples=(
        ("lambdify undeploy production", "asks first, and tells what goes"),
        ("lambdify undeploy production --keep-logs", "a later deployment goes on with the same log"),
    ),
)
@arguments.stage
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option("--keep-logs", is_flag=True, help="Leave the log where it is.")
@click.option("--leave", is_flag=True, help="Leave behind what CloudFormation cannot delete, and name it.")
@click.option("--take-over", is_flag=True, help="Delete another project that was deployed to the stage.")
@click.option("--wait", is_flag=True, help="Wait for a deployment that is under way to end.")
@arguments.on_account
@arguments.verbose
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    yes: bool,
    keep_logs: bool,
    leave: bool,
    take_over: bool,
    wait: bool,
    local: bool,
    **overrides: str | None,
) -> None:
    """Delete a stage, and leave nothing behind."""
    from dataclasses import asdict

    from lambdify.cli import undeploy as room
    from lambdify.cli.command_line import known_releases
    from lambdify.cli.hooks.commands import after_undeploy

    session = open_stage(flags, stage, local, **overrides)
    removal = room.undeploy(
        session.stage,
        session.console,
        yes=yes or local,
        unprotect=local,
        wait=wait,
        keep_logs=keep_logs,
        leave=leave,
        take_over=take_over,
    )
    known_releases.remember(session.settings.root, session.settings.stage, {}, local=local)
    try:
        after_undeploy(session.settings, session.console, session.variables())
    finally:
        # The stage is gone, whatever its hook does.
        session.console.answer(room.describe(removal, session.settings), asdict(removal))
