"""The notice before a deployment: what will fail or surprise on Lambda, told once.

It is told again when something is found that was not there before. What was told, and of what, is in the
project's `.lambdify/`, sealed; where that cannot be written, it is told each time.
"""

import hashlib
import json
import time
from collections.abc import Callable
from typing import NamedTuple

from lambdify.cli.check import examination, read_state, report
from lambdify.cli.check.examination import Examination
from lambdify.cli.console import Console
from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.packing import fingerprint, serialization
from lambdify.cli.packing.fingerprint import Fingerprint
from lambdify.cli.settings import Settings
from lambdify.cli.storage import seal

MOST_LINES = 2
"""Places that are shown of a rule."""


class _Told(NamedTuple):
    """What was said the last time, and of what."""

    told: tuple[str, ...] = ()
    """Signs of the findings."""
    again: str = ""
    """What is said while nothing changes; "" for nothing."""
    signed: str = ""
    """The digest of the settings."""
    read: Fingerprint = fingerprint.EMPTY


def tell(
    settings: Settings,
    app: Candidate,
    console: Console,
    examine: Callable[[Settings, Candidate], Examination] = examination.examine,
) -> None:
    """Show what of the app will fail or surprise; an app that is as it was is not read again.

    Raises SettingsError for an unknown rule in [check].
    """
    moment = time.time_ns()
    last, signed = _recall(settings), read_state.sign(settings, app)
    if signed and last.signed == signed and last.read.files and last.read.is_unchanged():
        if last.again:
            console.note(last.again)
        if last.read.young:
            # They were compared by content. The next run need not read those that are no longer young.
            _keep(settings, last._replace(read=last.read.as_of(moment)))
        return
    now = _take(settings)
    found = examine(settings, app)
    grave = [each for each in found.findings if each.level != "note"]
    known = {_sign(each) for each in grave}
    again = f"{_count(found)}, as before: `lambdify check {settings.stage}` says what."
    if known - set(last.told):
        console.warn(f"{_count(found)}. `lambdify check {settings.stage}` says more.")
        console.lines(report.groups(grave, most=MOST_LINES))
    elif found.count("stops"):
        console.note(again)
    _keep(settings, _Told(tuple(sorted(known)), again if found.count("stops") else "", signed, now))


def _keep(settings: Settings, told: _Told) -> None:
    """Write what was told, where sealed files can be written."""
    if seal.may_keep(settings.root):
        seal.write(settings.root, _name(settings), json.dumps(serialization.serialize(told._asdict())))


def _take(settings: Settings) -> Fingerprint:
    """Return what the project is like; empty if that cannot be seen, so that it is read each time."""
    try:
        return read_state.take(settings.root)
    except OSError:
        return fingerprint.EMPTY


def _count(found: Examination) -> str:
    """Return "Of app:app, 2 things will fail and 1 will surprise on Lambda"."""
    counts = {"fail": found.count("stops"), "surprise": found.count("surprises")}
    parts = [f"{count} will {what}" for what, count in counts.items() if count]
    number, _, rest = " and ".join(parts).partition(" ")
    return f"Of {found.app or 'the functions'}, {number} thing{'' if number == '1' else 's'} {rest} on Lambda"


def _sign(finding: tuple[object, ...]) -> str:
    """Return a digest of a finding without its line, which moves with every edit."""
    rule, level, file, _, what, *_ = finding
    return hashlib.sha256(json.dumps([rule, level, file, what]).encode()).hexdigest()[:16]


def _recall(settings: Settings) -> _Told:
    text = seal.read(settings.root, _name(settings))
    try:
        told: _Told = serialization.deserializer(_Told)(json.loads(text).values()) if text else _Told()
    except (ValueError, TypeError, KeyError, AttributeError):
        return _Told()
    return told


def _name(settings: Settings) -> str:
    return f"checked/{settings.stage}.json"
