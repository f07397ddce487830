"""lambdify new: a small project that runs, to begin with."""

import click

from lambdify.cli.command_line import arguments, completion, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console
from lambdify.cli.errors import UsageError


@click.command(
    "new",
    cls=help_page.Command,
    examples=(
        ("lambdify new shop --template fastapi", "in the new folder shop"),
        ("lambdify new shop --template worker", "functions for a schedule and a queue, too"),
    ),
)
@click.argument("name")
@click.option(
    "-t",
    "--template",
    type=completion.Known(completion.templates),
    metavar="NAME",
    help="flask, django, fastapi or worker.",
)
@arguments.json
@arguments.common
def command(flags: Flags, name: str, template: str | None) -> None:
    """Make a small project with its tests, in a folder of that name.

    For a folder with code there is `lambdify init`.
    """
    import shlex

    from lambdify.cli.command_line import answers, session
    from lambdify.cli.new import project

    console = make_console(flags)
    if template is None:
        known = project.templates()
        if not console.interactive:
            raise UsageError(
                "Nothing says which template.", hint=f"Add --template {' or --template '.join(known)}."
            )
        template = console.choose("Which template?", known)
    made = project.create(session.current_folder() / name, template)
    for file in made.files:
        console.note(file)
    # Without backquotes no flags are added: these lines are to be copied.
    console.note(f"Next: cd {shlex.quote(name)} && lambdify serve; its README.md says how to test it.")
    console.answer(str(made.folder), answers.to_json(made))
