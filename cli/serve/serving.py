"""Serves an app until it is ended: everything that runs is a child, and ends with this process.

A process that is killed leaves nothing behind: the watchdog ends its children (local/processes.py).
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress

from lambdify.cli.console import Console
from lambdify.cli.errors import PortTaken
from lambdify.cli.local.endpoints.front_ends import describe_api
from lambdify.cli.local.http_server import Server
from lambdify.cli.local.processes import Children
from lambdify.cli.serve import typed_calls
from lambdify.cli.serve.live import Live
from lambdify.cli.serve.program import Terminal
from lambdify.cli.serve.server import Answers
from lambdify.cli.serve.story import Story
from lambdify.cli.settings import Settings
from lambdify.cli.storage import caches

PORT = 8000
STDIN, STDERR = 0, 2
LOOK = 0.2
"""Seconds between two looks at the files, so that an app is ready before it is asked."""
REST = 25
"""Times as long as a look that nobody looks: of many files, a look takes milliseconds."""
LONGEST_PAUSE = 1.0
"""Seconds."""


def serve(
    read: Callable[[], Settings],
    console: Console,
    *,
    port: int = PORT,
    terminal: Terminal | None = None,
    typed: Iterable[bytes] = (),
    environ: Mapping[str, str] = os.environ,
    begun: Callable[[str, Settings], None],
    over: threading.Event,
) -> None:
    """Serve the app whose settings `read` returns until `over` is set, or Ctrl-C.

    `begun` gets the URL and the settings. With `terminal` the app may use it, and nothing is frozen or timed
    out. `typed` are lines that call functions. Raises PortTaken, and what preparing the app raises.
    """
    with ExitStack() as stack:
        stack.enter_context(caches.in_use())
        children = Children(adopt=True)
        stack.callback(children.close)
        story = Story(console)
        stack.callback(story.close)
        with children.allow_others():
            live = Live(read, console, story, children, environ, terminal)
        stack.callback(live.close)
        answers = Answers(live, story, debug=terminal is not None)
        stack.callback(answers.close)
        server = _listen(answers, port)
        stack.callback(server.close)
        version = live.current()
        assert version.function, "it was prepared just now"
        api = describe_api(version.settings, version.function.arn)
        begun(server.url + api.mount, version.settings)
        typed_calls.listen(typed, live, story)
        pause = LOOK
        while not over.wait(pause):
            began = time.monotonic()
            live.current()
            pause = min(max(LOOK, REST * (time.monotonic() - began)), LONGEST_PAUSE)
            live.sweep()


def open_terminal() -> Terminal:
    """Return the terminal for an app that is debugged: it writes where the story goes.

    The app's processes have groups of their own, which may not read from a terminal. So a thread passes on
    what is typed, through a pipe.
    """
    reading, writing = os.pipe()

    def pass_on() -> None:
        with suppress(OSError), open(STDIN, "rb", closefd=False) as typed:
            for line in typed:
                os.write(writing, line)
        os.close(writing)

    threading.Thread(target=pass_on, name="what is typed", daemon=True).start()
    return Terminal(stdin=reading, output=STDERR)


def _listen(answers: Answers, port: int) -> Server:
    try:
        return Server(answers.answer, port)
    except OSError as error:
        raise PortTaken(
            f"Port {port} of 127.0.0.1 is taken by another program.",
            hint="`lambdify serve --port 0` takes any free one.",
        ) from error
