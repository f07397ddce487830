"""What a deployment has to pass: its app has started here, or this machine cannot tell.

An app that has never started here starts before anything is uploaded. One that has, with these dependencies,
settings and this Python, starts while the bundle is uploaded, and one that is the same to the last byte does
not start again. What is remembered is in the project's `.lambdify/rehearsals/`, under our seal.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from threading import Event

from lambdify.cli.console import Console, Line
from lambdify.cli.errors import AppCannotStart
from lambdify.cli.packing import serialization
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.rehearsal.explanation import Restart, explain
from lambdify.cli.rehearsal.outcome import Outcome
from lambdify.cli.settings import Settings, conflicts
from lambdify.cli.storage import seal
from lambdify.cli.version import VERSION

FORMAT = 1
"""The version of what is remembered; increase it when a rehearsal may end in another way than before."""
FOLDER = "rehearsals"
VARIABLE = "LAMBDIFY_INTERFACE"
"""The function's variable with the app's interface; adapter/entry.py reads it."""

Rehearse = Callable[[Bundle, Settings, Event], Outcome]
"""Starts the bundle's app once. The event is set if nobody waits for the outcome any more."""


@dataclass(frozen=True, kw_only=True)
class _Memory:
    """How the last rehearsal of a stage ended that let it pass."""

    kept: str
    """A digest of what seldom changes: dependencies, settings, Python."""
    app: str
    """The digest of the app's zip."""
    untold: str
    """The reason why it could not be told; "" if it has started."""
    interface: str
    """The interface of an app that does not show it itself; "" for all others."""


@contextmanager
def pass_through(bundle: Bundle, settings: Settings, console: Console, rehearse: Rehearse) -> Iterator[None]:
    """Let the block run if the app can start here; raise AppCannotStart before the block, or at its end."""
    kept, before = _sign(bundle, settings), _recall(settings)
    if before and before.kept == kept and before.app == bundle.app.digest:
        _say_untold(before.untold, console)
        yield
        return
    nobody_waits = Event()

    def restart(others: Settings) -> Outcome:
        return rehearse(bundle, others, nobody_waits)

    with ThreadPoolExecutor(1, "rehearsal") as aside:
        started = aside.submit(rehearse, bundle, settings, nobody_waits)
        try:
            if before is None or before.kept != kept:
                with console.step("Starting the app here first"):
                    outcome = started.result()
                _judge(outcome, bundle, settings, console, restart)
                yield
            else:
                yield
                outcome = started.result()
                _judge(outcome, bundle, settings, console, restart)
        finally:
            nobody_waits.set()
    interface = outcome.interface if outcome.asked else ""
    if not outcome.seconds:  # it was not started, for want of something that may come
        return
    memory = _Memory(kept=kept, app=bundle.app.digest, untold=outcome.reason, interface=interface)
    seal.write(settings.root, _file_name(settings), json.dumps(asdict(memory)))


def add_variable(settings: Settings) -> Settings:
    """Return the settings with a variable that tells the function the interface of an app that hides it.

    It is that of the last rehearsal. A variable of the project's own goes before. Raises SettingsError if
    Lambda does not take as many bytes of variables.
    """
    before = _recall(settings)
    if before is None or not before.interface:
        return settings
    told = replace(settings, environment={VARIABLE: before.interface, **settings.environment})
    conflicts.check(told)
    return told


def _judge(outcome: Outcome, bundle: Bundle, settings: Settings, console: Console, restart: Restart) -> None:
    """Return if the outcome lets the deployment go on. Raises AppCannotStart."""
    if outcome.kind == "fails":
        explained = explain(outcome, settings, bundle, restart)
        console.lines([Line(each) for each in explained.lines])
        error = AppCannotStart(
            explained.message,
            hint=explained.hint,
            during=f"starting the app here, before anything of {settings.full_name} is uploaded",
        )
        error.variables = explained.variables
        raise error
    _say_untold(outcome.reason, console)


def _say_untold(reason: str, console: Console) -> None:
    if reason:
        console.note(f"Whether the app starts cannot be told here: {reason}.")


def _sign(bundle: Bundle, settings: Settings) -> str:
    """Return a digest of what a start depends on besides the app's own files; "" if none can be kept.

    It is made with a key, since it holds the values of variables.
    """
    layer = (
        bundle.layer.digest
        if bundle.layer
        else bundle.app.digest
        if bundle.dependencies.distributions
        else ""
    )
    function = [bundle.target.id, settings.function.memory, settings.region, settings.full_name, settings.app]
    variables = [sorted(settings.environment.items()), sorted(settings.secrets)]
    return seal.sign(FOLDER, json.dumps([FORMAT, VERSION, layer, function, variables]))


def _recall(settings: Settings) -> _Memory | None:
    text = seal.read(settings.root, _file_name(settings))
    try:
        memory: _Memory = serialization.deserializer(_Memory)(json.loads(text or ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return memory


def _file_name(settings: Settings) -> str:
    return f"{FOLDER}/{settings.stage}.json"
