"""lambdify logs: what the function wrote."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from lambdify.cli.command_line.session import Session
    from lambdify.cli.stacks.aliases import Alias


@click.command(
    "logs",
    cls=help_page.Command,
    examples=(
        ("lambdify logs --follow", "the last hour, and then as it comes"),
        ("lambdify logs --filter ERROR --since 2d", "what went wrong"),
        ("lambdify logs --request 1a2b3c4d", "all that one request wrote"),
        ("lambdify logs --function report", "only what that function wrote"),
        ("lambdify logs production --json", "one JSON object a line"),
    ),
)
@arguments.stage
@click.option("-f", "--follow", is_flag=True, help="Go on with the lines that are still to come.")
@click.option(
    "--poll",
    is_flag=True,
    help="With --follow: ask every second, which is free, instead of by CloudWatch's Live Tail, of which the "
    "minutes beyond 1,800 a month cost about a cent each.",
)
@click.option(
    "--since",
    type=arguments.Since(),
    default="1h",
    show_default=True,
    metavar="WHEN",
    help="10m, 2h, 3d or a date.",
)
@click.option(
    "--filter",
    "text",
    default="",
    metavar="TEXT",
    help="Only lines with this text; or CloudWatch's pattern, such as '{ $.level = \"ERROR\" }'.",
)
@click.option("--function", metavar="NAME", help="Only what that function of [functions] wrote.")
@click.option(
    "--request", metavar="ID", help="All lines of one request, by its id or the eight letters that are shown."
)
@click.option("--full", is_flag=True, help="Tracebacks with the frames of libraries and of Python, too.")
@arguments.on_account
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    follow: bool,
    poll: bool,
    since: "datetime",
    text: str,
    function: str | None,
    request: str | None,
    full: bool,
    local: bool,
    **overrides: str | None,
) -> None:
    """Print the function's log, request by request.

    Each line tells the request that it belongs to. What Lambda writes about a request is put together in one
    line at its end: what it took, and whether it was a cold start. Of tracebacks, the project's frames
    are shown. --json tells all there is.
    """
    from lambdify.cli.calls import log_lines, log_view
    from lambdify.cli.command_line import answers
    from lambdify.cli.failures import places
    from lambdify.cli.look import function_log
    from lambdify.cli.look import logs as room

    if request is not None and (follow or text):
        raise UsageError("--request shows one request that is over.", hint="Leave --follow and --filter out.")
    if request is not None and function is not None:
        raise UsageError("--request shows one request, of whatever function.", hint="Leave --function out.")
    session = open_stage(flags, stage, local, **overrides)
    console = session.console
    chosen = _find_function(function, text, session) if function else None
    if request is not None:
        entries = iter(room.read_request(request, session.stage, since=since))
    else:
        lines = room.read(
            session.stage,
            since=since,
            pattern=room.filter_pattern("" if chosen else text),
            follow=follow,
            live=not poll,
            note=console.note,
        )
        entries = log_lines.read(lines)
        if chosen:
            entries = function_log.select(entries, chosen, session.stage, text=text)
    dated = since.astimezone().date() != since.now().date()
    owns = None if full else places.files_of(session.settings.root)
    empty = True
    for entry in entries:
        empty = False
        shown = log_view.show(entry, dated=dated, owns=owns)
        if shown or console.json:
            console.answer(shown, answers.to_json(entry))
    if empty:
        console.note(f"No lines since {since.astimezone():%Y-%m-%d %H:%M}; --since goes back further.")


def _find_function(name: str, text: str, session: "Session") -> "Alias":
    """Return the function's alias. Raises UsageError for an unknown one, and a pattern of CloudWatch."""
    from lambdify.cli.look import logs as room
    from lambdify.cli.stacks import aliases, stack

    if room.PATTERN.match(text):
        raise UsageError(
            "CloudWatch looks for a pattern line by line, and does not know whose a line is.",
            hint="With --function, --filter takes a plain text.",
        )
    return aliases.find(stack.fetch(session.stage), name, commands=True)
