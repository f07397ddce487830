"""Every command: parse, one call, print.

Rules:
- Nothing is imported at the top but click and what costs nothing beside it: `lambdify --help` is to feel
  instant. A command imports its room when it runs.
- The answer goes through `console.answer`, once, as text and as a value for --json.
- Errors are caught in `main`, and nowhere else.
"""

import signal
import sys
from typing import IO, TYPE_CHECKING

import click

from lambdify.cli import arguments, help_page
from lambdify.cli.arguments import Flags
from lambdify.cli.errors import Interrupted, LambdifyError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from lambdify.cli.console import Console
    from lambdify.cli.session import Session

BUG = 70
"""EX_SOFTWARE of sysexits.h: the mistake is ours."""


def main() -> None:
    """Run the command line, and end the process with the exit code of what happened."""
    signal.signal(signal.SIGTERM, _interrupt)
    flags: Flags = {}
    try:
        # click ends quietly, with 1, where the reader of our output has gone (`lambdify logs | head`).
        code = commands.main(prog_name="lambdify", standalone_mode=False, obj=flags)
    except click.ClickException as error:
        code = _show(_from_click(error), flags)
    except LambdifyError as error:
        code = _show(error, flags)
    except (KeyboardInterrupt, click.Abort):
        code = _show(_from_interrupt(flags), flags)
    except Exception as error:  # the one place that stands between a bug and a bare traceback
        _console(flags).crash(error)
        code = BUG
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: object) -> None:
    """Let SIGTERM, by which CI systems cancel a job, clean up as Ctrl-C does."""
    raise KeyboardInterrupt


def _show(error: LambdifyError, flags: Flags) -> int:
    _console(flags).error(error, debug=flags.get("debug", False))
    return error.exit_code


def _from_click(error: click.ClickException) -> UsageError:
    """What click found wrong with the line, in our form."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    page = f"{context.command_path if context else 'lambdify'} --help"
    # Of an unknown option or command, click knows the nearest ones.
    near: list[str] = getattr(error, "possibilities", None) or []
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    message = error.message if near else error.format_message()
    return UsageError(message, hint=f"{meant}`{page}` shows what there is.")


def _from_interrupt(flags: Flags) -> Interrupted:
    """Where nothing more is known (`deploy` knows of stacks), the local cloud alone goes on by itself."""
    goes_on = "The local cloud goes on, if it runs; `lambdify local stop` ends it."
    return Interrupted("Interrupted.", hint=goes_on if flags.get("local") else "Nothing goes on without you.")


def _console(flags: Flags) -> "Console":
    from lambdify.cli.console import Console

    return Console(quiet=flags.get("quiet", False), json=flags.get("json", False))


def _open(console: "Console", stage: str | None, local: bool, **where: str | None) -> "Session":
    """The way to a stage that is to be deployed already."""
    from lambdify.cli import session

    return session.connect(session.load_settings(stage, where), console, local=local)


# -------------------------------------------------------------------- the commands


@click.group(
    cls=help_page.Commands,
    invoke_without_command=True,
    context_settings={"terminal_width": help_page.width()},
    sections={
        "Put an app on Lambda": ("deploy", "undeploy"),
        "Look at what runs": ("status", "logs", "invoke"),
        "Get ready": ("init", "package"),
        "On this machine": ("local",),
    },
    examples=(
        ("lambdify deploy --local", "run it as Lambda would, on this machine"),
        ("lambdify deploy", "put it on AWS"),
        ("lambdify undeploy", "take it away again"),
    ),
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=arguments.print_version,
    help="Show the version.",
)
@arguments.common
@click.pass_context
def commands(context: click.Context, _: Flags) -> None:
    """Put an existing Flask, Django or FastAPI app on AWS Lambda.

    Settings are in lambdify.toml or in [tool.lambdify] of pyproject.toml; a project needs neither.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@commands.command(
    examples=(
        ("lambdify deploy", "the default stage"),
        ("lambdify deploy production --yes", "another one, without a question"),
        ('curl "$(lambdify deploy --local)"', "the answer is the URL and nothing else"),
    )
)
@arguments.stage
@click.option("-y", "--yes", is_flag=True, help="Apply the changes without asking.")
@arguments.on_account
@click.option("--port", type=int, metavar="N", help="Port of the endpoint, with --local.")
@arguments.upgrade
@arguments.json
@arguments.common
def deploy(
    flags: Flags,
    stage: str | None,
    yes: bool,
    local: bool,
    port: int | None,
    upgrade: bool,
    **where: str | None,
) -> None:
    """Package the app, apply what changed, print the endpoint."""
    from dataclasses import asdict, replace

    from lambdify.cli import deploy as room
    from lambdify.cli import detect, session
    from lambdify.cli.invoke import wake
    from lambdify.cli.package import package as pack

    if port is not None and not local:
        raise UsageError("--port is for the local cloud.", hint="Add --local, or leave --port out.")
    console = _console(flags)
    settings = session.load_settings(stage, {**where, "local.port": port})
    # The app is looked for first: what needs no account should not fail for want of one.
    settings = replace(settings, app=detect.choose_app(settings, console).app)
    opened = session.connect(settings, console, local=local, start=True)
    # The local cloud costs nothing and is nobody else's: there it goes ahead.
    deployed = room.deploy(
        opened.settings,
        lambda: pack(opened.settings, None, console, upgrade=upgrade),
        opened.account,
        console,
        yes=yes or local,
    )
    deployed = replace(deployed, endpoint=opened.address(deployed.endpoint))
    wake(deployed.function, opened.settings, opened.account, console)
    console.answer(deployed.endpoint, asdict(deployed))


@commands.command(examples=(("lambdify undeploy production", "asks first, and tells what goes"),))
@arguments.stage
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@arguments.on_account
@arguments.json
@arguments.common
def undeploy(flags: Flags, stage: str | None, yes: bool, local: bool, **where: str | None) -> None:
    """Delete a stage, and leave nothing behind."""
    from dataclasses import asdict

    from lambdify.cli import undeploy as room

    console = _console(flags)
    opened = _open(console, stage, local, **where)
    removal = room.undeploy(opened.settings, opened.account, console, yes=yes or local)
    console.answer(f"{opened.settings.full_name} is gone.", asdict(removal))


@commands.command(
    examples=(
        ("lambdify status", "the default stage"),
        ("lambdify status production --json", "for a program"),
    )
)
@arguments.stage
@arguments.on_account
@arguments.json
@arguments.common
def status(flags: Flags, stage: str | None, local: bool, **where: str | None) -> None:
    """Show what is deployed: endpoint, state, version, size."""
    from dataclasses import replace

    from lambdify.cli import answers
    from lambdify.cli import status as room

    console = _console(flags)
    opened = _open(console, stage, local, **where)
    found = room.fetch(opened.settings, opened.account)
    found = replace(found, endpoint=opened.address(found.endpoint))
    console.answer(answers.status(found), answers.value(found))


@commands.command(
    examples=(
        ("lambdify logs --follow", "the last hour, and then as it comes"),
        ("lambdify logs production --since 2d --json", "one JSON object a line"),
    )
)
@arguments.stage
@click.option("-f", "--follow", is_flag=True, help="Go on with the lines that are still to come.")
@click.option(
    "--since",
    type=arguments.Since(),
    default="1h",
    show_default=True,
    metavar="WHEN",
    help="10m, 2h, 3d or a date.",
)
@arguments.on_account
@arguments.json
@arguments.common
def logs(
    flags: Flags, stage: str | None, follow: bool, since: "datetime", local: bool, **where: str | None
) -> None:
    """Print the function's log."""
    from lambdify.cli import answers
    from lambdify.cli import logs as room

    console = _console(flags)
    opened = _open(console, stage, local, **where)
    for line in room.read(opened.settings, opened.account, since=since, follow=follow):
        console.answer(answers.log_line(line), answers.value(line))


@commands.command(
    examples=(
        ('lambdify invoke \'{"lambdify": "keep-warm"}\'', "a keep-warm call"),
        ("lambdify invoke --file event.json --stage production", "an event from a file"),
    )
)
@click.argument("payload", default="")
@click.option(
    "-f", "--file", type=click.File(encoding="utf-8"), help='Read the payload from a file; "-" is stdin.'
)
@click.option("-s", "--stage", metavar="STAGE", help="The stage, when it is not the default one.")
@arguments.on_account
@arguments.json
@arguments.common
def invoke(
    flags: Flags, payload: str, file: IO[str] | None, stage: str | None, local: bool, **where: str | None
) -> None:
    """Call the function with a JSON payload, print what it returns."""
    import json

    from lambdify.cli import answers
    from lambdify.cli import invoke as room

    if payload and file:
        raise UsageError("There are two payloads, one on the command line and one in a file.")
    console = _console(flags)
    opened = _open(console, stage, local, **where)
    result = room.invoke(opened.settings, opened.account, file.read() if file else payload, console)
    console.answer(json.dumps(result.payload, indent=2, ensure_ascii=False), answers.value(result))


@commands.command(examples=(("lambdify init", "in the project's folder"),))
@click.option("--force", is_flag=True, help="Replace the lambdify.toml that is there.")
@arguments.common
def init(flags: Flags, force: bool) -> None:
    """Write lambdify.toml, with every option explained."""
    from lambdify.cli import init as room
    from lambdify.cli import session

    console = _console(flags)
    console.answer(str(room.init(session.current_folder(), console, force=force)))


@commands.command(
    examples=(
        ("lambdify package", "into .lambdify/build"),
        ("lambdify package production --output dist", "into dist"),
        ("lambdify package --report", "and a page to look at it"),
    )
)
@arguments.stage
@click.option(
    "-o", "--output", type=click.Path(file_okay=False), metavar="DIR", help="Where the zips are written."
)
@click.option("--report", is_flag=True, help="Tell what every byte is, and draw it on a page.")
@click.option("--profile", is_flag=True, help="The report, and what a cold start imports.")
@arguments.upgrade
@arguments.json
@arguments.common
def package(
    flags: Flags, stage: str | None, output: str | None, report: bool, profile: bool, upgrade: bool
) -> None:
    """Make the zips that deploy would upload, and say what is in them."""
    from pathlib import Path

    from lambdify.cli import answers, session
    from lambdify.cli import package as room

    console = _console(flags)
    settings = session.load_settings(stage, {})
    bundle = room.package(settings, Path(output) if output else None, console, upgrade=upgrade)
    paths = [str(archive.path) for archive in bundle.archives]
    if report or profile:
        found = room.examine(settings, bundle, console, profile=profile)
        console.answer("\n".join([*paths, str(found.page)]), answers.value(found))
    else:
        console.answer("\n".join(paths), [answers.value(each) for each in bundle.archives])


@commands.group(
    examples=(
        ("lambdify local status", "what it serves, and where"),
        ("lambdify local stop", "end it, and all that is deployed to it"),
    )
)
def local() -> None:
    """Look at the local cloud, or end it."""


@local.command("status")
@arguments.json
@arguments.common
def local_status(flags: Flags) -> None:
    """Show the stages that it serves, and where."""
    from lambdify.cli import answers
    from lambdify.cli.local import cloud

    running = cloud.find()
    stages = cloud.status(running) if running else ()
    _console(flags).answer(answers.local(running, stages), [answers.value(stage) for stage in stages])


@local.command("stop")
@arguments.common
def local_stop(flags: Flags) -> None:
    """End it, and everything that runs in it."""
    from lambdify.cli.local import cloud

    console = _console(flags)
    ended = cloud.stop(console)
    console.answer("The local cloud has ended." if ended else "No local cloud was running.")
