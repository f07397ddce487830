"""lambdify policy: the IAM policy that deploying a stage needs."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console
from lambdify.cli.errors import UsageError

if TYPE_CHECKING:
    from lambdify.cli.console import Console
    from lambdify.cli.stage import Stage
    from lambdify.cli.template.deployer import Policy


@click.command(
    "policy",
    cls=help_page.Command,
    examples=(
        ("lambdify policy production", "for whoever deploys that stage"),
        ("lambdify policy --account 123456789012", "without asking AWS which account it is"),
        ("lambdify policy production --github octo/shop", "who may be that, of GitHub's workflows"),
        ("lambdify policy --previews", "for all stages of a pattern"),
    ),
)
@arguments.stage
@click.option("--github", metavar="OWNER/REPO", help="The trust policy for GitHub Actions instead.")
@click.option("--branch", default="main", metavar="NAME", help="With --github: the branch that deploys.")
@click.option("--previews", is_flag=True, help='For all stages of a pattern, [stages."pr-*"].')
@click.option("--account", metavar="ID", help="The account's number, instead of asking AWS.")
@click.option("--region", metavar="NAME", help="AWS region.")
@click.option("--profile", metavar="NAME", help="AWS profile.")
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    github: str | None,
    branch: str,
    previews: bool,
    account: str | None,
    **overrides: str | None,
) -> None:
    """Print the least IAM policy that deploying this stage needs."""
    import re

    from lambdify.cli import aws
    from lambdify.cli.command_line import session
    from lambdify.cli.runtime import choice as runtime
    from lambdify.cli.settings import stages
    from lambdify.cli.stage import Stage
    from lambdify.cli.template import deployer

    if account is not None and not re.fullmatch(r"\d{12}", account):
        raise UsageError("--account takes the twelve digits of an account.")
    if github is not None and not re.fullmatch(r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?", github):
        raise UsageError(
            "--github takes a repository, such as octo/shop.",
            hint="With the ids of both it is safer: octo@1/shop@2, as `gh api repos/octo/shop` tells them.",
        )
    console = make_console(flags)
    pattern = _find_pattern(stage) if previews else None
    # What the last build chose is recalled by its settings, the function's Python among them.
    settings, _ = runtime.settle(
        session.load_settings(stages.example(pattern) if pattern else stage, overrides, variables=False)
    )
    aws_account = aws.offline_account(settings, account) if account else aws.connect(settings)
    if github is not None:
        policy = deployer.trust_github(
            github, branch, pattern or settings.stage, aws_account, previews=previews
        )
    else:
        policy = _for_deployer(Stage(settings=settings, account=aws_account), pattern, console)
    for kind in policy.uncovered:
        console.warn(f"[resources]: what {kind} needs is not known here, and has to be added.")
    if named := settings.hooks.template:
        console.warn(f"[hooks]: what {named} adds is not known here, and the rights for it have to be added.")
    if policy.size > deployer.MANAGED_SIZE:
        console.note(
            f"It has {policy.size} characters: too many for a managed policy, not for one in a role."
        )
    console.answer(policy.text, policy.document)


def _find_pattern(stage: str | None) -> str:
    """Return the pattern that is named, or the only one of the settings. Raises SettingsError, UsageError."""
    from lambdify.cli import settings
    from lambdify.cli.command_line import session
    from lambdify.cli.settings import config_file, stages

    found = stages.require(settings.declared_stages(config_file.find_root(session.current_folder())))
    if stage in found:
        return stage
    if stage or len(found) > 1:
        said = f"there is no pattern {stage}" if stage else "there are several patterns"
        raise UsageError(
            f"--previews is for the stages of one pattern, and {said}.",
            hint=f"Name one: `lambdify policy '{found[0]}' --previews`.",
        )
    return found[0]


def _for_deployer(stage: "Stage", pattern: str | None, console: "Console") -> "Policy":
    from lambdify.cli.package import last_form
    from lambdify.cli.template import deployer

    chosen = last_form(stage.settings) if stage.settings.build.form == "auto" else None
    if chosen == "image":
        console.note(
            'It has the rights to push images: [build] form is "auto", and the last build became one.'
        )
    elif stage.settings.build.form == "auto" and chosen is None:
        console.note(
            'It has no rights to push images: [build] form is "auto", and nothing was packed here yet. '
            "After `lambdify package` it is for what that comes to."
        )
    if pattern:
        return deployer.write_previews(stage, pattern, form=chosen)
    return deployer.write(stage, form=chosen)
