"""Whether an app is asked for its static files, and its answer, from the last time if that still holds.

Without a word in [static], a Django is asked: what nobody serves is served by lambdify, and WhiteNoise gets
what it serves. With serve = "app" only a project whose code names WhiteNoise or the like is asked. One that
cannot be asked is left alone, with a warning.
"""

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lambdify.cli.console import Console
from lambdify.cli.errors import StaticFilesUnknown
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Member
from lambdify.cli.static import kept as records
from lambdify.cli.static import outlines
from lambdify.cli.static.answer import Answer, Ask, Subject
from lambdify.cli.static.kept import Kept
from lambdify.cli.storage import seal
from lambdify.cli.version import VERSION

if TYPE_CHECKING:
    from lambdify.cli.settings import Settings

PERHAPS_DJANGO = ("django", "wsgi", "asgi", "unknown")
"""Frameworks, as detection names them, behind which a Django may be."""
WANTED = b"django.contrib.staticfiles"
SERVERS = (b"whitenoise.middleware", b"WhiteNoise(", b"servestatic.middleware", b"ServeStatic", b"dj_static")
"""What serves Django's files, as settings and wsgi.py name it.
https://whitenoise.readthedocs.io, https://archmonger.github.io/ServeStatic"""
OURS = ("lambdify/", ".lambdify/")
TESTS = re.compile(r"(^|/)(tests?/|test_[^/]*$|conftest\.py$)")


class Known(NamedTuple):
    """What is known of the app's static files."""

    kept: Kept
    """With the answer, and the files that come with it."""
    settled: bool = True
    """Whether there is nothing to be asked again at the next run."""
    fresh: bool = False
    """Whether the app was asked just now."""


def find(settings: "Settings", subject: Subject, ask: Ask | None, console: Console) -> Known:
    """Return the app's answer; an empty one if it is not asked. Raises what `ask` raises.

    If the settings do not demand it, an app that cannot be asked is a warning; a note for `serve = "app"`,
    with which a project may have collected them itself.
    """
    kept = records.load(settings.root, settings.stage)
    nothing = replace(kept, signed="", answer=Answer(), state={}, outlines={}, given={})
    if ask is None:
        return Known(nothing)
    signed = _sign(settings, subject)
    if signed and kept.signed == signed and _holds(kept, subject):
        return Known(kept)
    if subject.layer:
        subject.make_layer()  # a step of its own
    try:
        with console.step("Asking the app for its static files"):
            answer, files, ran = ask(subject)
    except StaticFilesUnknown as error:
        if settings.static.serve in ("function", "cdn"):
            raise
        if settings.static.serve == "app":
            console.note(error.message)
        else:
            console.warn(f"{error.message} {error.hint}".rstrip())
        return Known(nothing, settled=False)
    entries = {entry.name: entry for entry in archive.deflate(files)}
    return Known(
        replace(
            kept,
            signed=signed or "unsigned",
            answer=answer,
            state=records.describe(answer.read, subject.members),
            outlines=outlines.draw(ran, subject.members, subject.target.python),
            given={file.name: digest(file) for file in files},
            entries={**kept.entries, **entries},
        ),
        fresh=True,
    )


def _holds(kept: Kept, subject: Subject) -> bool:
    """Return whether nothing has changed that was read for the answer, but functions that did not run."""
    state = records.describe(kept.state, subject.members)
    changed = [name for name, now in state.items() if kept.state[name] != now]
    if any(name not in kept.outlines for name in changed):
        return False
    before = {name: kept.outlines[name] for name in changed}
    return before == outlines.redraw(before, subject.members, subject.target.python)


def uses_cdn(settings: "Settings") -> bool:
    """Return whether a CDN serves the files."""
    return settings.http.cdn and settings.static.serve in ("auto", "cdn")


def is_wanted(settings: "Settings", subject: Subject) -> bool:
    """Return whether the app is to be asked: of a Django, or the settings say so."""
    if settings.static.serve in ("function", "cdn") or uses_cdn(settings):
        return True
    if subject.framework not in PERHAPS_DJANGO or not any(WANTED in text for text in _code(subject)):
        return False
    return settings.static.serve == "auto" or names_server(subject)


def names_server(subject: Subject) -> bool:
    """Return whether the project's code names what serves Django's files, such as WhiteNoise."""
    return any(name in text for text in _code(subject) for name in SERVERS)


def _code(subject: Subject) -> list[bytes]:
    return [
        member.content
        for member in subject.members
        if member.name.endswith(".py") and not member.name.startswith(OURS) and not TESTS.search(member.name)
    ]


def sign_variables(settings: "Settings") -> str:
    """Return a digest of the variables that an app is asked with; it is made with a key, for their values."""
    given = [sorted(each.items()) for each in (settings.environment, settings.static.environment)]
    return seal.sign("variables", json.dumps([given, sorted(settings.secrets)]))


def _sign(settings: "Settings", subject: Subject) -> str:
    """Return a digest of what an answer depends on besides the project's files; "" if none can be made."""
    variables = sign_variables(settings)
    function = [settings.function.memory, settings.region, settings.full_name, settings.secrets_path]
    app = [subject.target.id, subject.layer, subject.app]
    depends = [records.FORMAT, VERSION, *app, function, settings.static.serve, variables]
    return seal.sign(records.FOLDER, json.dumps(depends)) if variables else ""


def digest(file: Member) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(file.content).hexdigest()
