"""lambdify invoke: call the function."""

from typing import IO, TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.errors import UsageError

if TYPE_CHECKING:
    from lambdify.cli.command_line.session import Session


@click.command(
    "invoke",
    cls=help_page.Command,
    examples=(
        ("lambdify invoke --http /", "the page that a visitor gets"),
        ("lambdify invoke --http /books --data @book.json", "a POST of a file"),
        ('lambdify invoke \'{"lambdify": "keep-warm"}\' --tail', "an event, and the log"),
        ("lambdify invoke --file event.json", "an event from a file"),
        ("lambdify invoke --function report", "a function of [functions]"),
    ),
)
@click.argument("payload", default="")
@click.option("--function", metavar="NAME", help="Call that function of [functions], not the app.")
@click.option("-f", "--file", type=click.File("rb"), help='Read the payload from a file; "-" is stdin.')
@click.option(
    "--http",
    metavar="REQUEST",
    help='Send an HTTP request instead, such as "GET /path": the event that the endpoint would send.',
)
@click.option("--header", "headers", metavar="NAME: VALUE", multiple=True, help="A header, with --http.")
@click.option("--data", metavar="TEXT", help="The body, with --http; @FILE reads a file, @- stdin.")
@click.option("--fail", is_flag=True, help="With --http: end with 48 where the status is 400 or above.")
@click.option("--tail", is_flag=True, help="Show the end of what the function wrote to its log.")
@click.option("-s", "--stage", metavar="STAGE", help="The stage, when it is not the default one.")
@arguments.on_account
@arguments.json
@arguments.common
def command(
    flags: Flags,
    payload: str,
    function: str | None,
    file: IO[bytes] | None,
    http: str | None,
    headers: tuple[str, ...],
    data: str | None,
    fail: bool,
    tail: bool,
    stage: str | None,
    local: bool,
    **overrides: str | None,
) -> None:
    """Call the app or a function, with an event or an HTTP request.

    The endpoint is left out: its authorizers and limits do not apply. What was sent once is not sent again.
    """
    if payload and file:
        raise UsageError("There are two payloads, one on the command line and one in a file.")
    if http is None and (headers or data is not None or fail):
        raise UsageError("--header, --data and --fail are for --http.", hint="Add --http, or leave them out.")
    if http is not None and function is not None:
        raise UsageError("--http and --function are two things.", hint="Requests are for the app alone.")
    if http is not None and (payload or file):
        raise UsageError("A payload and --http are two things.", hint="The body of a request is its --data.")
    if http is not None:
        from lambdify.cli.calls import http_request

        request = http_request.parse_request(http, headers, _read_data(data))
        session = open_stage(flags, stage, local, **overrides)
        response = http_request.send(
            request, session.stage, session.console, tail=tail, find_address=session.address
        )
        http_request.show(response, session.console, fail=fail)
        return

    import json

    from lambdify.cli.calls import invocation as room
    from lambdify.cli.command_line import answers

    session = open_stage(flags, stage, local, **overrides)
    text = _read_event(file) if file else payload
    called = function or _find_only_function(session)
    result = room.invoke(session.stage, text, session.console, function=called, tail=tail)
    session.console.answer(json.dumps(result.payload, indent=2, ensure_ascii=False), answers.to_json(result))


def _find_only_function(session: "Session") -> str:
    """Return the function of a stage that has no web app and one function; "" if there is an app.

    Raises UsageError if there are several.
    """
    settings = session.settings
    if settings.app or settings.http.endpoint != "none" or not settings.functions:
        return ""
    from lambdify.cli import releases

    live = releases.find_live(session.stage)
    names = list(live.settings.get("functions", ())) if live and not live.settings.get("app") else []
    if len(names) > 1:
        raise UsageError(
            f"{session.stage.name} has no web app, but {len(names)} functions: {', '.join(names)}.",
            hint=f"Say which one: `lambdify invoke --function {names[0]} --stage {settings.stage}`",
        )
    return names[0] if names else ""


def _read_event(file: IO[bytes]) -> str:
    """Return the text of --file. Raises UsageError."""
    from lambdify.cli.storage import texts

    try:
        return texts.decode(file.read())
    except UnicodeDecodeError as error:
        raise UsageError(f"{file.name} is not UTF-8.", hint="Save it as UTF-8.") from error


def _read_data(data: str | None) -> bytes | None:
    """Return the bytes of --data: the text itself, or a file for @FILE. Raises UsageError."""
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    try:
        with click.open_file(data[1:], "rb") as file:
            read: bytes = file.read()
            return read
    except OSError as error:
        raise UsageError(f"{data[1:]} cannot be read: {error.strerror}") from error
