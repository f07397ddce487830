"""Functions beside the web app, called by typing their names into the terminal of `serve`.

    report {"detail": {"kind": "full"}}

There is no schedule and no queue here that would call them. The event stands behind the name, as JSON.
"""

import json
import threading
import time
from collections.abc import Iterable
from uuid import uuid4

from lambdify.cli import hints
from lambdify.cli.errors import LambdifyError
from lambdify.cli.local.functions.fleet import Throttled
from lambdify.cli.serve.live import Live
from lambdify.cli.serve.story import WIDTH, Story
from lambdify.cli.settings import Settings


def invite(settings: Settings) -> str:
    """Return what to type, as a line; "" in a stage without functions."""
    names = ", ".join(settings.functions)
    return f"type a name and an event to call a function: {names}" if names else ""


def listen(lines: Iterable[bytes], live: Live, story: Story) -> None:
    """Call a function for each line that is typed, one after the other, in a thread that ends with serve."""

    def work() -> None:
        for line in lines:
            call(line.decode(errors="replace").strip(), live, story)

    threading.Thread(target=work, name="typed calls", daemon=True).start()


def call(line: str, live: Live, story: Story) -> None:
    """Call the function that a line names, with the event in it, and tell what comes of it."""
    name, _, text = line.partition(" ")
    if not name:
        return
    version = live.current()
    if name not in version.settings.functions:
        near = hints.nearest(name, version.settings.functions) or invite(version.settings)
        story.say(f"There is no function {name}. {near}".rstrip(), "changed")
        return
    try:
        event = json.dumps(json.loads(text or "{}")).encode()
    except ValueError as error:
        story.say(f'The event is no JSON: {error}. Type {name} {{"key": "value"}}.', "changed")
        return
    version.ready.wait()
    if version.function is None:
        story.say(f"{name} was not called: the app could not be prepared.", "danger")
        return
    began, function = time.monotonic(), version.function
    try:
        run = live.fleet.begin(
            function,
            request_id=str(uuid4()),
            event=event,
            arn=f"{function.arn}:{name}",
            patience=function.timeout,
        )
        outcome = run.answer()
        run.finish()
    except (LambdifyError, OSError, TimeoutError, Throttled) as error:
        story.say(f"{name} could not be called: {error}", "danger")
        return
    assert outcome, "it has no limit but the function's own"
    milliseconds = (time.monotonic() - began) * 1000
    said = "failed" if outcome.failed else "done"
    story.say(f"{name:<{WIDTH}} {said:<6}{milliseconds:6,.0f} ms", "danger" if outcome.failed else "")
    if not outcome.failed:
        story.say(f"  {outcome.payload.decode(errors='replace')}")
