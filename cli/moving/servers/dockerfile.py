"""A Dockerfile: what its last stage starts, and the variables that it sets. It is read, never built.

The function's Python is taken from it anyway, and dependency files that it installs are found.
https://docs.docker.com/reference/dockerfile/
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lambdify.cli.moving.reading import documents, readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import Moved, Setting, by_hand
from lambdify.cli.moving.servers import processes
from lambdify.cli.packing.requirements.formats import dockerfile

NAMES = ("Dockerfile", "Containerfile")
OF_THE_IMAGE = re.compile(
    r"PATH|HOME|USER|SHELL|LANG|LANGUAGE|LC_\w+|PORT|HOST|TERM|DEBIAN_FRONTEND|VIRTUAL_ENV|LD_LIBRARY_PATH"
    r"|(PYTHON|PIP|POETRY|UV|PIPENV|GUNICORN|UVICORN|WEB_CONCURRENCY|NODE|NPM|YARN)\w*|APP_HOME|APP_DIR|APPDIR|WORKDIR"
)
"""Variables that are about the image or the server, and not the app's."""
_INSTALL = re.compile(r"\b(?:apt-get|apt|apk)\b[^&;|]*?\b(?:install|add)\b([^&;|]*)")
BUILDS = re.compile(
    r"gcc|g\+\+|build-essential|make|cmake|git|curl|wget|.*-dev(el)?|ca-certificates|musl.*|python3.*|tini|dumb-init"
)
"""Packages that build or start, and run nothing of the app."""


def find(root: Path) -> Path | None:
    """Return the Dockerfile of the project; None if there is none."""
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def read(path: Path, code: Code) -> Moved:
    """Return what a Dockerfile says. Raises SettingsError."""
    return Moved(
        tool="Docker", file=path.name, stages={"": tuple(_settings(documents.read_text(path), code))}
    )


def _settings(text: str, code: Code) -> Iterator[Setting]:
    variables: dict[str, str] = {}
    started: dict[str, str] = {}
    packages: dict[str, None] = {}
    for word, rest in dockerfile.instructions(text):
        match word:
            case "FROM":
                # What counts is the last stage; those before it build.
                started, packages = {}, {}
            case "ENV":
                variables |= _assignments(rest, variables)
            case "CMD" | "ENTRYPOINT":
                started[word] = rest
            case "RUN":
                packages |= dict.fromkeys(_packages(rest))
    if started:
        command = " ".join(" ".join(dockerfile.split(each)) for each in started.values())
        key = " and ".join(started)
        yield from (
            processes.web(key, command, code)
            if processes.serves(command) or code.apps
            else [by_hand(key, code.found)]
        )
    own = {name: each for name, each in variables.items() if not OF_THE_IMAGE.fullmatch(name)}
    known = {name: each for name, each in own.items() if "$" not in each}
    yield from readings.variables("ENV", known)
    for name in own.keys() - known.keys():
        yield by_hand(f"ENV {name}", "it is made of others when the image is built: write what it is")
    if packages:
        listed = ", ".join(packages)
        yield by_hand(
            "RUN",
            f'{listed}: a Lambda has no such programs, unless [build] form = "image" and its base have them',
        )


def _assignments(rest: str, known: dict[str, str]) -> dict[str, str]:
    """Return the variables of ENV, of its old form without "=" as well."""
    found = dict(dockerfile.assignments(rest, known))
    if not found and " " in rest:
        name, _, value = rest.partition(" ")
        return {name: value.strip()}
    return found


def _packages(rest: str) -> Iterator[str]:
    for found in _INSTALL.finditer(rest):
        for word in found[1].split():
            if re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", word) and not BUILDS.fullmatch(word):
                yield word
