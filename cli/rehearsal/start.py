"""One start of the packed app on this machine, as Lambda would start it, in a guarded process.

Nothing that the app does here can reach anybody: see programs/guard.py. So an app that needs to, such as one
that connects to its database while it is imported, cannot be told from here.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.local.functions import runtime_client
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.programs import guarded, pythons
from lambdify.cli.programs.guarded import Ending
from lambdify.cli.programs.pythons import Interpreter
from lambdify.cli.rehearsal import place as places
from lambdify.cli.rehearsal import report
from lambdify.cli.rehearsal.outcome import Outcome, Raised
from lambdify.cli.rehearsal.place import Place
from lambdify.cli.settings import Settings
from lambdify.cli.storage import caches

LIMIT = 60.0
"""The longest time of a start, in seconds."""
WORKER = Path(__file__).with_name("worker.py")
BROUGHT_ALONG = {
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "urllib3",
    "six",
    "awslambdaric",
    "simplejson",
    "snapshot_restore_py",
}
"""Modules that Lambda's runtime has, so that bundles may do without."""


def rehearse(
    bundle: Bundle,
    settings: Settings,
    nobody_waits: Event | None = None,
    *,
    limit: float = LIMIT,
    environ: Mapping[str, str] = os.environ,
) -> Outcome:
    """Start the bundle's app once, for `limit` seconds at most, and return how that went.

    `environ` is that of lambdify, which says where interpreters are. The start is ended when `nobody_waits`
    is set. Raises DiskFull, FileRefused.
    """
    if bundle.form == "image":
        return Outcome(kind="untold", reason="container images are not started here")
    if obstacle := bundle.obstacle():
        return Outcome(kind="untold", reason=obstacle)
    minor = bundle.target.python
    python = pythons.find_interpreter(minor, environ)
    if python is None:
        return Outcome(
            kind="untold",
            reason=f"this machine has no Python {minor}; `uv python install {minor}` changes that",
        )
    with caches.in_use(), places.prepare(bundle) as place:
        outcome, _ = run(place, settings, python, limit=limit, nobody_waits=nobody_waits)
    return outcome


def run(
    place: Place,
    settings: Settings,
    python: Interpreter,
    *,
    limit: float,
    question: Path | None = None,
    nobody_waits: Event | None = None,
) -> tuple[Outcome, Mapping[str, Any]]:
    """Start the app in that place; return how that went, and what it answered to the question, if anything.

    What Lambda's runtime brings along is installed if the app lacks it.
    """
    minor = settings.function.python
    runtime = runtime_client.find(minor)
    ending = _run(place, settings, python, runtime, limit, nobody_waits, question)
    outcome = report.read(ending, place, python)
    if runtime is None and _lacks_runtime(outcome.raised):
        try:
            runtime = runtime_client.fetch(python.file, minor)
        except LocalCloudFailed as error:
            reason = f"what Lambda brings along could not be installed: {error.message}"
            return Outcome(kind="untold", reason=reason), {}
        ending = _run(place, settings, python, runtime, limit, nobody_waits, question)
        outcome = report.read(ending, place, python)
    answer: Mapping[str, Any] = next((each for each in ending.report if each["event"] == "answer"), {})
    return _allow_for_absence(outcome, settings), answer


def _allow_for_absence(outcome: Outcome, settings: Settings) -> Outcome:
    """Return the outcome; an app that fails for want of what only the function has cannot be told."""
    steps = [*outcome.raised.chain()] if outcome.raised and outcome.kind == "fails" else []
    reason, mount = "", settings.efs.mount
    if settings.function.layers and any(each.is_a("builtins.ImportError") for each in steps):
        reason = "the layers of [function] are not on this machine"
    if mount and any(mount in text for each in steps for text in (each.message, *each.fields.values())):
        reason = f"this machine has no {mount}, the file system of [efs]"
    return replace(outcome, kind="untold", reason=reason) if reason else outcome


def _run(
    place: Place,
    settings: Settings,
    interpreter: Interpreter,
    runtime: Path | None,
    limit: float,
    nobody_waits: Event | None,
    question: Path | None,
) -> Ending:
    runtimes = [str(runtime)] if runtime else []
    rehearsed = {
        "hook": str(guarded.AUDIT_HOOK),
        "layers": str(place.layers),
        "runtime": runtimes,
        "foreign": sorted({name.partition("/")[0] for name in place.owners}),
        "readable": [*guarded.SYSTEM, *map(str, interpreter.prefixes)],
        "secrets": sorted(settings.secrets),
        "question": str(question or ""),
    }
    # With -s, -S and -P, packages of this machine cannot be imported. -I would ignore the project's own
    # PYTHON* variables.
    return guarded.run(
        [str(interpreter.file), "-s", "-S", "-P", "-B", "-u", str(WORKER), json.dumps(rehearsed)],
        cwd=place.task_root,
        environment=places.environment(settings, place),
        tmp=place.tmp,
        readable=[
            place.layers,
            *interpreter.prefixes,
            *map(Path, runtimes),
            WORKER.parent,
            guarded.AUDIT_HOOK.parent,
            *([question.parent] if question else ()),
        ],
        limit=limit,
        nobody_waits=nobody_waits,
    )


def _lacks_runtime(raised: Raised | None) -> bool:
    """Return whether a module was missing that Lambda's runtime has."""
    steps = raised.chain() if raised else ()
    missing = [each.fields.get("name", "") for each in steps if each.type == "builtins.ModuleNotFoundError"]
    return any(name.partition(".")[0] in BROUGHT_ALONG for name in missing)
