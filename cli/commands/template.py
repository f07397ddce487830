"""lambdify template: the CloudFormation template of a stage."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "template",
    cls=help_page.Command,
    examples=(
        ("lambdify template production", "as YAML"),
        ("lambdify template --json > template.json", "as JSON"),
        ("lambdify template --bucket builds", "with the zips in a bucket of your own"),
    ),
)
@arguments.stage
@click.option("--bucket", metavar="NAME", help="Where your pipeline uploads the zips.")
@arguments.upgrade
@arguments.json
@arguments.common
def command(flags: Flags, stage: str | None, bucket: str | None, upgrade: bool) -> None:
    """Print the CloudFormation template that deploy would apply."""
    from lambdify.cli.command_line import session
    from lambdify.cli.hooks.template import amend
    from lambdify.cli.package import package as pack
    from lambdify.cli.plan import pitfalls
    from lambdify.cli.runtime import choice
    from lambdify.cli.template import pipeline

    console = make_console(flags)
    settings, chosen = choice.settle(session.load_settings(stage, {}))
    choice.tell(chosen, console)
    pitfalls.warn(settings, console, local=False)
    bundle = pack(settings, None, console, upgrade=upgrade)
    written = amend(pipeline.write(settings, bundle, bucket, console), settings, console)
    console.answer(pipeline.as_yaml(written).rstrip("\n"), written.body)
