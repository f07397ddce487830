"""Whether an app is asked for its static files, and its answer, from the last time if that still holds.

Without a word in [static], a Django whose files nobody serves is asked. Its own code is read for that: a text
that names WhiteNoise serves them, and one that cannot be asked is left alone, with a warning.
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

    If the settings do not demand it, an app that cannot be asked is a warning.
    """
    kept = records.load(settings.root, settings.stage)
    nothing = replace(kept, signed="", answer=Answer(), state={}, given={})
    if ask is None:
        return Known(nothing)
    signed = _sign(settings, subject)
    if signed and kept.signed == signed and kept.state == records.describe(kept.state, subject.members):
        return Known(kept)
    if subject.layer:
        subject.make_layer()  # a step of its own
    try:
        with console.step("Asking the app for its static files"):
            answer, files = ask(subject)
    except StaticFilesUnknown as error:
        if settings.static.serve == "function":
            raise
        console.warn(f"{error.message} {error.hint}".rstrip())
        return Known(nothing, settled=False)
    entries = {entry.name: entry for entry in archive.deflate(files)}
    return Known(
        replace(
            kept,
            signed=signed or "unsigned",
            answer=answer,
            state=records.describe(answer.read, subject.members),
            given={file.name: digest(file) for file in files},
            entries={**kept.entries, **entries},
        ),
        fresh=True,
    )


def is_wanted(settings: "Settings", subject: Subject) -> bool:
    """Return whether the app is to be asked: files of it may be served by nobody, or the settings say so."""
    if settings.static.serve != "auto":
        return settings.static.serve == "function"
    if subject.framework not in PERHAPS_DJANGO:
        return False
    code = [
        member.content
        for member in subject.members
        if member.name.endswith(".py") and not member.name.startswith(OURS) and not TESTS.search(member.name)
    ]
    return any(WANTED in text for text in code) and not any(name in text for text in code for name in SERVERS)


def sign_variables(settings: "Settings") -> str:
    """Return a digest of the variables that an app is asked with; it is made with a key, for their values."""
    given = [sorted(each.items()) for each in (settings.environment, settings.static.environment)]
    return seal.sign("variables", json.dumps([given, sorted(settings.secrets)]))


def _sign(settings: "Settings", subject: Subject) -> str:
    """Return a digest of what an answer depends on besides the project's files; "" if none can be made."""
    variables = sign_variables(settings)
    function = [settings.function.memory, settings.region, settings.full_name, settings.secrets_path]
    depends = [records.FORMAT, VERSION, subject.target.id, subject.layer, subject.app, function, variables]
    return seal.sign(records.FOLDER, json.dumps(depends)) if variables else ""


def digest(file: Member) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(file.content).hexdigest()
