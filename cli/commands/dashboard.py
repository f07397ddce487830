"""lambdify dashboard: what a stage did in the last hours, on one page."""

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.errors import UsageError

LONGEST = 24 * 90


@click.command(
    "dashboard",
    cls=help_page.Command,
    examples=(
        ("lambdify dashboard production", "the last day, in .lambdify/build"),
        ("lambdify dashboard --hours 1 -o now.html", "the last hour, in now.html"),
        ("lambdify dashboard production --json", "the same numbers for a program"),
    ),
)
@arguments.stage
@click.option(
    "--hours",
    type=click.FloatRange(min=0, max=LONGEST, min_open=True),
    default=24.0,
    show_default=True,
    metavar="N",
    help="How far back to look.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the page is written.",
)
@arguments.on_account
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    hours: float,
    output: str | None,
    local: bool,
    **overrides: str | None,
) -> None:
    """Draw what a stage did: requests, routes, cold starts, errors.

    The page is one file that loads nothing and runs nothing. It is made of the function's log, which costs
    nothing to read: of a busy one, what can be read in a minute. Routes and statuses are known where
    [logs] requests = true.
    """
    from pathlib import Path

    from lambdify.cli.command_line import answers
    from lambdify.cli.dashboard import dashboard as room
    from lambdify.cli.dashboard import page
    from lambdify.cli.storage import folders

    session = open_stage(flags, stage, local, **overrides)
    console, settings = session.console, session.settings
    with console.step(f"Reading the log of {session.stage.name}"):
        found = room.fetch(session.stage, hours, flags=arguments.account_flags(flags))
    build = folders.workspace(settings.root) / "build"
    path = Path(output) if output else build / f"dashboard-{settings.stage}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
        raise UsageError(
            f"{path.parent} is no folder, and none can be made there.",
            hint="-o takes the file that the page is written to.",
        ) from error
    page.write(found.numbers, path)
    console.answer(str(path), answers.to_json(found.numbers) | {"page": str(path)})
    if not found.numbers.complete:
        console.note(f"The log is long: the page begins {found.numbers.since.astimezone():%Y-%m-%d %H:%M}.")
    if not found.numbers.routes_known:
        console.note("Routes and statuses are told by requests = true, in lambdify.toml under [logs].")
    for each in found.left_out:
        console.note(f"Left out, {each}")
