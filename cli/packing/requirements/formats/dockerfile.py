"""Dockerfiles: which files of the project they have pip install. They are read, never run.

    COPY requirements/prod.txt /tmp/req.txt
    RUN pip install -r /tmp/req.txt              ▶ requirements/prod.txt

https://docs.docker.com/reference/dockerfile/
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.storage import texts

NAMES = (
    "Dockerfile",
    "Dockerfile.*",
    "*.Dockerfile",
    "Containerfile",
    "docker/Dockerfile",
    "docker/*/Dockerfile",
)
"""Patterns of their places in a folder."""
_SIDE = re.compile(
    r"(^|[^a-z])(dev|devel|development|test|tests|ci|lint|docs|local|debug)([^a-z]|$)", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_INSTALL = re.compile(r"\bpip3?(?:\.\d+)?\s+(?:\S+\s+)*?(?:install|sync|wheel|download)\b(?P<rest>[^&|;]*)")


class Copy(NamedTuple):
    """A file or folder of the build context, and its place in the image."""

    source: str
    target: str


def find_installed(folder: Path) -> tuple[str, ...]:
    """Return the paths in the build context that Dockerfiles of a folder install with `pip install -r`.

    "." stands for the project itself. Dockerfiles for development or tests count only if there is no other.
    """
    found = {path: None for pattern in NAMES for path in sorted(folder.glob(pattern)) if path.is_file()}
    main = [path for path in found if not _SIDE.search(path.relative_to(folder).as_posix())] or list(found)
    return tuple(
        dict.fromkeys(path for file in main for path in _installed(texts.read(file, errors="replace")))
    )


def _installed(text: str) -> Iterator[str]:
    values: dict[str, str] = {}
    copies: list[Copy] = []
    folder = "/"
    for word, rest in instructions(text):
        given = _expand(rest, values)
        match word:
            case "ARG" | "ENV":
                values |= dict(assignments(rest, values))
            case "WORKDIR":
                folder = posixpath.join(folder, given.strip())
            case "COPY" | "ADD":
                copies += _copies(given, folder)
            case "RUN":
                for path in _named(given):
                    yield _origin(posixpath.normpath(posixpath.join(folder, path)), path, copies)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction in capitals, with what follows it; continued lines are joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"[\\`]\s*\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), rest.strip()


def assignments(rest: str, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables of ARG or ENV with their values; `values` are those known so far."""
    for word in split(rest):
        name, equals, value = word.partition("=")
        if equals:
            yield name, _expand(value, values)


def _expand(text: str, values: Mapping[str, str]) -> str:
    """Return the text with the values of ARG and ENV; an unknown variable stays as it is."""
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[3]) or (found[2] or found[0]), text)


def _copies(rest: str, folder: str) -> Iterator[Copy]:
    if "--from=" in rest:
        return
    words = [word for word in split(rest) if not word.startswith("--")]
    *sources, target = words if len(words) > 1 else ("", "")
    place = posixpath.join(folder, target)
    for source in filter(None, sources):
        is_folder = target.endswith(("/", ".")) or len(sources) > 1
        inner = (
            posixpath.join(place, posixpath.basename(source)) if is_folder and "." in source[1:] else place
        )
        yield Copy(posixpath.normpath(source), posixpath.normpath(inner))


def _named(command: str) -> Iterator[str]:
    """Yield the paths of -r, and "." for the project itself, in the calls of pip of a shell command."""
    if command.startswith("["):
        command = " ".join(split(command))
    for call in _INSTALL.finditer(command):
        words = split(call["rest"])
        for index, word in enumerate(words):
            before = words[index - 1] if index else ""
            if before in ("-r", "--requirement"):
                yield word
            elif word.startswith("--requirement="):
                yield word.partition("=")[2]
            elif re.match(r"-r[\w./]", word):
                yield word[2:]
            elif re.fullmatch(r"\.(\[[\w,-]+\])?/?", word) and before not in ("-t", "--target", "--prefix"):
                yield "."


def _origin(path: str, written: str, copies: list[Copy]) -> str:
    """Return the path in the build context of a path in the image."""
    if written == ".":
        return "."
    for copy in reversed(copies):
        if copy.target == path:
            return copy.source
        if path.startswith(f"{copy.target.rstrip('/')}/"):
            inner = path.removeprefix(copy.target.rstrip("/")).lstrip("/")
            return posixpath.normpath(posixpath.join(copy.source, inner))
    return written.removeprefix("./")


def split(text: str) -> list[str]:
    """Return the words of a shell command, or of its form in JSON."""
    if text.startswith("["):
        try:
            return [str(word) for word in json.loads(text)]
        except ValueError:
            return []
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
