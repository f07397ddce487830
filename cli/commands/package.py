"""lambdify package: make the zips."""

from typing import Any

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "package",
    cls=help_page.Command,
    examples=(
        ("lambdify package", "into .lambdify/build"),
        ("lambdify package production --output dist", "into dist"),
        ("lambdify package --report", "and a page to look at it"),
        ("lambdify package --sbom --audit", "and what is in them, and what is known against it"),
    ),
)
@arguments.stage
@click.option(
    "-o", "--output", type=click.Path(file_okay=False), metavar="DIR", help="Where the zips are written."
)
@click.option("--report", is_flag=True, help="Tell what every byte is, and draw it on a page.")
@click.option("--profile", is_flag=True, help="The report, and what a cold start imports.")
@click.option("--sbom", is_flag=True, help="Write a bill of materials: CycloneDX, as JSON.")
@click.option("--audit", is_flag=True, help="Ask OSV for advisories on what is packed.")
@arguments.upgrade
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    output: str | None,
    report: bool,
    profile: bool,
    sbom: bool,
    audit: bool,
    upgrade: bool,
) -> None:
    """Make the zips that deploy would upload, and say what is in them."""
    from pathlib import Path

    from lambdify.cli import package as room
    from lambdify.cli.command_line import answers, session
    from lambdify.cli.runtime import choice

    console = make_console(flags)
    # Variables are no part of a bundle, but an app that is started reads them.
    settings, chosen = choice.settle(session.load_settings(stage, {}, variables=profile))
    choice.tell(chosen, console)
    bundle = room.package(settings, Path(output) if output else None, console, upgrade=upgrade)
    paths = [archive.path for archive in bundle.archives]
    archives = [answers.to_json(each) for each in bundle.archives]
    value: dict[str, Any] = {"archives": archives}
    if report or profile:
        examined = room.examine(settings, bundle, console, profile=profile)
        paths.append(examined.page)
        value = answers.to_json(examined)
    if sbom:
        bill = room.write_bill(settings, bundle, console)
        paths.append(bill)
        value["sbom"] = str(bill)
    found = room.audit(settings, bundle, console) if audit else None
    if found:
        value["audit"] = answers.to_json(found)
    # Without further questions the answer is the zips alone.
    console.answer("\n".join(map(str, paths)), value if value.keys() - {"archives"} else archives)
    if found:
        # Programs get the findings before the exit code that sums them up.
        room.refuse(found)
