"""lambdify releases: what was deployed when, and its state now."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage


@click.command(
    "releases",
    cls=help_page.Command,
    examples=(
        ("lambdify releases", "of the default stage"),
        ("lambdify releases production --json", "with settings and artifacts, for a program"),
    ),
)
@arguments.stage
@arguments.on_account
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, local: bool, **overrides: str | None) -> None:
    """Show what was deployed when, by whom, and what is live."""
    from lambdify.cli import releases as room
    from lambdify.cli.command_line import answers, known_releases
    from lambdify.cli.releases import traffic_split
    from lambdify.cli.stacks import stack

    session = open_stage(flags, stage, local, **overrides)
    console = session.console
    deployed = stack.find(session.stage)
    found = room.find_all(session.stage, deployed)
    console.answer(answers.show_releases(found), [answers.to_json(each) for each in found])
    known = {each.number: answers.describe_release(each) for each in found if each.state != "pruned"}
    known_releases.remember(session.settings.root, session.settings.stage, known, local=local)
    if not found:
        console.note(f"Looked for {session.stage.name} in {session.stage.region}.")
    if deployed and (split := traffic_split.find(deployed, found, session.stage)):
        console.warn(f"{traffic_split.describe(split)} {traffic_split.advise(split, session.settings)}")
