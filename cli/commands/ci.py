"""lambdify ci: a pipeline that deploys the project."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "ci",
    cls=help_page.Command,
    examples=(
        ("lambdify ci github production", "deploy from the branch main, by a role and without keys"),
        ("lambdify ci github production --previews", "and a stage of its own for each pull request"),
        ("lambdify ci gitlab production", "the same for GitLab"),
    ),
)
@click.argument("service", type=click.Choice(("github", "gitlab")), metavar="github|gitlab")
@arguments.stage
@click.option("--previews", is_flag=True, help='Deploy pull requests, too, as stages of [stages."pr-*"].')
@click.option("--branch", default="main", metavar="NAME", help="The branch that deploys.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option("--region", metavar="NAME", help="AWS region.")
@arguments.json
@arguments.common
def command(
    flags: Flags,
    service: str,
    stage: str | None,
    previews: bool,
    branch: str,
    force: bool,
    **overrides: str | None,
) -> None:
    """Write a pipeline for GitHub or GitLab that deploys this project.

    It is written into the repository, and is yours from then on.
    """
    from lambdify.cli import ci as room
    from lambdify.cli import settings
    from lambdify.cli.command_line import session
    from lambdify.cli.errors import SettingsError
    from lambdify.cli.settings import stages

    chosen = session.load_settings(stage, overrides, variables=False)
    if not chosen.region:
        raise SettingsError(
            "No region is set, and a pipeline has no profile to find one in.",
            hint='Write region = "eu-central-1" at the top of the settings, or add --region.',
        )
    pattern = stages.require(settings.declared_stages(chosen.root))[-1] if previews else None
    kind: room.Service = "github" if service == "github" else "gitlab"
    pipeline = room.make(kind, chosen, branch=branch, pattern=pattern)
    room.write(pipeline, force=force)
    console = make_console(flags)
    for line in room.next_steps(pipeline, chosen, branch=branch, pattern=pattern):
        console.note(line)
    console.answer(str(pipeline.path), {"path": str(pipeline.path)})
