"""lambdify schema: the settings file as a JSON Schema."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console


@click.command(
    "schema",
    cls=help_page.Command,
    examples=(
        ("lambdify schema > lambdify.schema.json", "for lambdify.toml"),
        ("lambdify schema --pyproject", "for [tool.lambdify] in pyproject.toml"),
    ),
)
@click.option("--pyproject", is_flag=True, help="The schema of pyproject.toml, for its [tool.lambdify].")
@arguments.json
@arguments.common
def command(flags: Flags, pyproject: bool) -> None:
    """Print what lambdify.toml may hold, for an editor.

    It is a JSON Schema, with which taplo and VS Code complete options, explain them, and mark mistakes:
    docs/editors.md.
    """
    import json

    from lambdify.cli.settings import schema

    found = schema.write(shared=pyproject)
    make_console(flags).answer(json.dumps(found, indent=2, ensure_ascii=False), found)
