"""lambdify secrets: store, list or remove the values that an app needs and nobody else may see."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console, open_stage
from lambdify.cli.errors import UsageError

stage_option = click.option(
    "-s", "--stage", metavar="STAGE", help="The stage, when it is not the default one."
)


@click.group(
    "secrets",
    cls=help_page.CommandGroup,
    examples=(
        ("lambdify secrets set API_KEY", "asks for the value, and does not show it"),
        ("lambdify secrets set API_KEY < key.txt", "the value from a file"),
        ("lambdify secrets list production", "which there are, and which are missing"),
    ),
)
def command() -> None:
    """Store what the app has to know and nobody else may see."""


@command.command("set")
@click.argument("name")
@click.argument("more", nargs=-1, metavar="")
@stage_option
@arguments.on_account
@arguments.json
@arguments.common
def set_secret(
    flags: Flags, name: str, more: tuple[str, ...], stage: str | None, local: bool, **overrides: str | None
) -> None:
    """Store a secret of a stage, which its app finds in the environment variable NAME.

    The value is asked for, or read from a pipe, without the line break at its end. It is never an argument,
    which a shell would keep. It goes to SSM Parameter Store, encrypted; lambdify.toml says where it is.
    """
    from lambdify.cli import secrets
    from lambdify.cli.command_line.session import connect, load_settings
    from lambdify.cli.secrets import declaration

    if more or "=" in name:
        raise UsageError(
            "The value of a secret is no argument: the shell has it in its history now.",
            hint="Change the value where it comes from, and call "
            f"`lambdify secrets set {name.partition('=')[0]}`, which asks for it.",
        )
    # A local cloud is started: an app that reads the secret cannot be deployed there before.
    chosen = load_settings(stage, overrides, variables=False)
    session = connect(chosen, make_console(flags), local=local, start=local)
    console, settings = session.console, session.settings
    declaration.check(settings, name)
    try:
        value = console.ask_secret(f"Value of {name} for {session.stage.name}: ")
    except UnicodeDecodeError as error:
        raise UsageError(f"The value of {name} is not UTF-8.", hint="Binary values go as base64.") from error
    parameter = secrets.put(session.stage, name, value)
    console.answer(parameter, {"name": name, "source": f"ssm:{parameter}"})
    if line := declaration.declare(settings, name):
        console.note(f"{line.place}: {line.text}")
    console.note(
        f"The app gets it in {name}, from the next deployment on: `{session.stage.command('deploy')}`."
        if line
        else "Environments of the function that start from now on get the new value; "
        f"`{session.stage.command('deploy')} --refresh` has all of them start anew."
    )


@command.command("list")
@arguments.stage
@arguments.on_account
@arguments.json
@arguments.common
def list_secrets(flags: Flags, stage: str | None, local: bool, **overrides: str | None) -> None:
    """Show the secrets of a stage, but no value.

    Shown is where each is, since when it has its value, and the line that declares it.
    """
    from lambdify.cli import secrets
    from lambdify.cli.command_line import answers

    session = open_stage(flags, stage, local, **overrides)
    found = secrets.find_all(session.stage)
    session.console.answer(secrets.show(found, session.stage), [answers.to_json(each) for each in found])
    for each in found:
        if not each.declared:
            session.console.note(
                f"The app does not get {each.name}: no line declares it. "
                f"`lambdify secrets set {each.name} --stage {session.settings.stage}` writes one."
            )


@command.command("unset")
@click.argument("name")
@stage_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask, though the live release reads it.")
@arguments.on_account
@arguments.json
@arguments.common
def unset_secret(
    flags: Flags, name: str, stage: str | None, yes: bool, local: bool, **overrides: str | None
) -> None:
    """Delete a secret of a stage.

    The line that declares it is removed, too, unless the settings have other stages, which may need it.
    """
    from lambdify.cli import secrets
    from lambdify.cli.command_line import answers

    session = open_stage(flags, stage, local, **overrides)
    removal = secrets.unset(session.stage, name, session.console, yes=yes)
    text = f"The value of {name} is deleted." if removal.deleted else f"{name} had no value here to delete."
    session.console.answer(text, answers.to_json(removal))
    if removal.line:
        session.console.note(f"Removed from {removal.line.path.name}: {removal.line.text}")
    if removal.kept:
        session.console.note(f"{removal.kept} stays, for the other stages: delete it if none needs it.")
