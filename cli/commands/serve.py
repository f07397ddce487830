"""lambdify serve: the app in place, as Lambda would run it, anew at each save."""

from functools import partial
from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console

if TYPE_CHECKING:
    from lambdify.cli.settings import Settings


@click.command(
    "serve",
    cls=help_page.Command,
    examples=(
        ("lambdify serve", "http://127.0.0.1:8000, anew at each save"),
        ("lambdify serve --port 0", "on any free port"),
        ("lambdify serve --debug", "breakpoint() stops in this terminal"),
    ),
)
@arguments.stage
@click.option("--port", type=click.IntRange(0, 65535), default=8000, metavar="N", help="Port of 127.0.0.1.")
@partial(arguments.common, debug_text="No timeout; breakpoint() stops in this terminal.")
def command(flags: Flags, stage: str | None, port: int) -> None:
    """Run the app in place, as Lambda would, anew at each save."""
    import sys
    import threading

    from lambdify.cli.command_line import session
    from lambdify.cli.plan import pitfalls
    from lambdify.cli.runtime import choice
    from lambdify.cli.serve import serving, typed_calls

    console = make_console(flags)

    def read() -> "Settings":
        settings, chosen = choice.settle(session.load_settings(stage, {}))
        settings, chosen = choice.here(settings, chosen, console)
        choice.tell(chosen, console)
        pitfalls.check_local(settings)
        return settings.on_this_machine

    def begun(url: str, settings: "Settings") -> None:
        function = settings.function
        limits = "no timeout" if flags.get("debug") else f"{function.timeout} s"
        console.note(f"{settings.http.endpoint} · {function.memory} MB · {limits} · Ctrl-C ends")
        if not flags.get("debug") and (line := typed_calls.invite(settings)):
            console.note(line)
        console.answer(url)

    terminal = serving.open_terminal() if flags.get("debug") else None
    try:
        serving.serve(
            read,
            console,
            port=port,
            terminal=terminal,
            typed=() if terminal else sys.stdin.buffer,
            begun=begun,
            over=threading.Event(),
        )
    except KeyboardInterrupt:
        console.note("ended")
