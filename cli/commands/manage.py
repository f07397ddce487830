"""lambdify manage: run Django's manage.py in the stage's Lambda for commands."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, words
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.commands.run import How, options, run
from lambdify.cli.errors import UsageError

if TYPE_CHECKING:
    from lambdify.cli.command_line.session import Session

MANAGE = "manage.py"


@click.command(
    "manage",
    cls=words.WordsCommand,
    examples=(
        ("lambdify manage production migrate", "before or after a deployment"),
        ("lambdify manage production createsuperuser", "asks here, and makes the user there"),
        ("lambdify manage dev --stdin loaddata --format=json - < shop.json", "with a file as its stdin"),
    ),
)
@words.stage_and_words("WORDS...")
@options
@arguments.on_account
@arguments.common
def command(
    flags: Flags, stage: str | None, program: tuple[str, ...], how: How, local: bool, **overrides: str | None
) -> int:
    """Run `python manage.py WORDS...` where the stage's app runs, and end as it ends.

    Everything is as with `lambdify run`. What createsuperuser wants to know is asked here.
    """
    from lambdify.cli.calls import superuser

    stage = words.require(stage, program, "lambdify manage dev migrate")
    # Not after the connection: to see that nothing can run needs no account.
    manage = ("python", _require_manage(find_root(), stage))
    session = open_stage(flags, stage, local, **overrides)
    if superuser.asks(program) and session.console.interactive:
        answers = _ask_for_superuser(session, manage, program)
        how, program = replace(how, environment={**answers, **how.environment}), (*program, "--noinput")
    return run(session, (*manage, *program), how)


def find_root() -> Path:
    """Return the folder of the project. Raises SettingsError, UsageError."""
    from lambdify.cli.command_line.session import current_folder
    from lambdify.cli.settings import config_file

    return config_file.find_root(current_folder())


def find_manage(root: Path) -> str:
    """Return the path of the project's manage.py, the one that is least deep in it; "" if there is none."""
    from lambdify.cli.detection.project import Project

    project = Project(root)
    found = [file for file in project.files if file.rpartition("/")[2] == MANAGE]
    django = [file for file in found if b"django" in project.text(file)]
    return min(django, key=lambda file: (file.count("/"), file), default="")


def find_framework(root: Path) -> str:
    """Return the framework of the app that is found in the project: "flask"; "" if none is."""
    from lambdify.cli.detection.choice import find_apps

    return next((each.framework for each in find_apps(root) if each.score > 0), "")


def _require_manage(root: Path, stage: str) -> str:
    """Return the path of manage.py. Raises UsageError for a project without one."""
    found = find_manage(root)
    if found:
        return found
    if find_framework(root) == "flask":
        raise UsageError("This is a Flask app.", hint=f"`lambdify flask {stage} ...` runs its commands.")
    raise UsageError(
        f"There is no {MANAGE} of Django in {root}.", hint=f"`lambdify run {stage} -- ...` runs any program."
    )


def _ask_for_superuser(
    session: "Session", manage: tuple[str, ...], program: tuple[str, ...]
) -> dict[str, str]:
    """Return the variables for createsuperuser, with what is answered here."""
    from lambdify.cli.calls import command as room
    from lambdify.cli.calls import superuser

    console, stage, said = session.console, session.stage, bytearray()

    def listen(data: bytes, _: bool) -> None:
        said.extend(data)

    question = room.Command(words=(*manage, "shell", "-c", superuser.FIELDS), log=False)
    with console.step("Asking which fields its users have"):
        room.run(question, room.find_lambda(stage), stage, listen)
    fields = superuser.read_fields(bytes(said))
    return superuser.ask(program, fields, console.ask, console.ask_secret, console.warn)
