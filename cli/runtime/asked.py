"""What a project's own files say about its Python: bounds, which have to hold, and wishes.

Bounds are ranges, such as requires-python. Wishes are single versions, such as that of .python-version; the
first counts. Files are looked for in the project's folder, then above it, up to the repository's root, as
pyenv and uv do; then in the folders that usually hold the code of a repository. What cannot be read says
nothing: other rooms tell of broken files.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.cli.storage import texts

CODE_FOLDERS = ("backend", "server", "api", "app", "src")
"""Folders that may be the project proper, below a repository's root that says nothing itself."""
MAX_BYTES = 50_000_000
"""Bytes; a larger file is no file of settings, and no lock."""
VERSION = r"(?:c?python[-@]?)?([23]\.\d{1,2})(?!\d)"
"""A version with or without a patch release; "pypy3.10", "system" and the name of an environment are none."""
RUNTIME = re.compile(r"""\bruntime["']?\s*[:=]\s*["']?python([23]\.?\d{1,2})\b""", re.IGNORECASE)
"""Lambda's and App Engine's name of a runtime, in JSON, YAML and TOML."""
IMAGE = re.compile(r"(?:^|[/:-])python(?:[:@-]|:\d+-)?v?([23]\.\d{1,2})(?!\d)")
"""The version in the name of an image: "python:3.13-slim", "uv:python3.13-alpine"."""


class Bound(NamedTuple):
    """A range of versions that the project runs on."""

    versions: str
    """As the file has it, in PEP 440's notation or Poetry's: ">=3.12", "^3.12"."""
    file: str
    """Relative to the project's folder."""
    key: str
    """How the range is called there: "requires-python"."""


class Wish(NamedTuple):
    """A version that the project is meant to run on."""

    python: str
    """Minor version: "3.13"."""
    file: str


class Asked(NamedTuple):
    """All that the project's files say."""

    bounds: tuple[Bound, ...]
    wishes: tuple[Wish, ...]
    """The most telling first."""


def find(root: Path) -> Asked:
    """Return what the files of the project in `root` say about its Python."""
    above = _up_to_repository(root)
    inner = [root / name for name in CODE_FOLDERS]
    wishes = tuple(_wishes(above, root)) or tuple(_wishes(inner, root))
    nearest = next(filter(None, (tuple(_bounds(folder, root)) for folder in (*above, *inner))), ())
    return Asked((*nearest, *_workspace_bounds(above[1:], root)), wishes)


def _up_to_repository(root: Path) -> list[Path]:
    """Return the folder and those above it, up to the one with .git; without one, the folder alone."""
    folders = [root, *root.parents]
    end = next((number for number, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    return folders[: end + 1]


def _wishes(folders: list[Path], root: Path) -> Iterator[Wish]:
    for folder in folders:
        for pattern, read in WISHES:
            for path in sorted(folder.glob(pattern)):
                if version := read(_uncommented(_text(path))):
                    yield Wish(version, _name(path, root))


def _bounds(folder: Path, root: Path) -> Iterator[Bound]:
    for name, read in BOUNDS:
        path = folder / name
        for key, versions in read(_text(path)):
            if isinstance(versions, str) and versions.strip():
                yield Bound(versions.strip(), _name(path, root), key)


def _workspace_bounds(above: list[Path], root: Path) -> Iterator[Bound]:
    """Yield the bound of the lock of a workspace that the project is in: it is that of all members together.

    https://docs.astral.sh/uv/concepts/projects/workspaces/
    """
    for folder in above:
        if "workspace" in _table(_toml(_text(folder / "pyproject.toml")), "tool", "uv"):
            lock = folder / "uv.lock"
            yield from (Bound(versions, _name(lock, root), key) for key, versions in _uv_lock(_text(lock)))


# ------------------------------------------------------------------------------------ wishes


def _python_version(text: str) -> str:
    """Return the first version of pyenv's and uv's file. https://github.com/pyenv/pyenv"""
    words = text.split()
    found = re.match(VERSION, words[0]) if words else None
    return found[1] if found else ""


def _matching(pattern: str) -> Callable[[str], str]:
    """Return a reader for files of lines, one of which has the version."""
    line = re.compile(pattern, re.MULTILINE)

    def read(text: str) -> str:
        found = line.search(text)
        return found[1] if found else ""

    return read


def _runtime(text: str) -> str:
    found = RUNTIME.search(text)
    if not found:
        return ""
    # App Engine's "python313" has no dot.
    return found[1] if "." in found[1] else f"{found[1][0]}.{found[1][1:]}"


def _dockerfile(text: str) -> str:
    """The image that the last stage is made from, directly or by another stage; ARGs have their defaults.

    https://docs.docker.com/reference/dockerfile/#understand-how-arg-and-from-interact
    """
    defaults = dict(re.findall(r"(?im)^\s*ARG\s+(\w+)=[\"']?([^\s\"']*)", text))
    images = re.findall(r"(?im)^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", text)
    stages: dict[str, str] = {}
    image = ""
    for written, name in images:
        filled = re.sub(
            r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda use: defaults.get(use[1]) or use[2] or "", written
        )
        image = stages.get(filled.lower(), filled)
        stages[name.lower()] = image
    found = IMAGE.search(image)
    return found[1] if found else ""


MISE = rf"""^\s*python\s*=\s*(?:\[|\{{\s*version\s*=)?\s*["']{VERSION}"""
"""https://mise.jdx.dev/lang/python.html"""
WISHES: tuple[tuple[str, Callable[[str], str]], ...] = (
    (".python-version", _python_version),
    (".python-versions", _python_version),
    (".tool-versions", _matching(rf"^\s*python\s+(?:latest:|ref:v?)?{VERSION}")),
    ("mise.toml", _matching(MISE)),
    (".mise.toml", _matching(MISE)),
    ("Pipfile", _matching(rf"""^\s*python_(?:full_)?version\s*=\s*["']{VERSION}""")),
    ("runtime.txt", _matching(rf"^\s*{VERSION}")),
    ("Dockerfile", _dockerfile),
    ("Containerfile", _dockerfile),
    ("Dockerfile.prod*", _dockerfile),
    ("docker/Dockerfile", _dockerfile),
    ("compose/production/django/Dockerfile", _dockerfile),  # as cookiecutter-django lays it out
    ("zappa_settings.*", _runtime),
    ("serverless.y*ml", _runtime),
    ("serverless.json", _runtime),
    ("template.y*ml", _runtime),
    ("template.json", _runtime),
    ("app.yaml", _runtime),
    ("environment.y*ml", _matching(rf"^\s*-\s*[\"']?(?:[\w-]+::)?python\s*==?\s*{VERSION}")),
)
"""Files with a version, the most telling first: those for whoever works on it, then those for servers."""


# ------------------------------------------------------------------------------------ bounds


def _pyproject(text: str) -> Iterator[tuple[str, object]]:
    values = _toml(text)
    yield "requires-python", _table(values, "project").get("requires-python")
    poetry = _table(values, "tool", "poetry", "dependencies").get("python")
    yield (
        "python of [tool.poetry.dependencies]",
        poetry.get("version") if isinstance(poetry, dict) else poetry,
    )


def _uv_lock(text: str) -> Iterator[tuple[str, str]]:
    yield from (
        ("requires-python", found)
        for found in _in_lines(text.partition("\n[[package]]")[0], "requires-python")
    )


def _poetry_lock(text: str) -> Iterator[tuple[str, str]]:
    yield from (
        ("python-versions", found)
        for found in _in_lines(text.rpartition("\n[metadata]")[2], "python-versions")
    )


def _pdm_lock(text: str) -> Iterator[tuple[str, str]]:
    """The lock is for several targets, any of which may be the function's. https://pdm-project.org/latest/usage/lock-targets/"""
    targets = _in_lines(text.partition("\n[[package]]")[0], "requires_python")
    if targets:
        yield "requires_python", " || ".join(targets)


def _setup(text: str) -> Iterator[tuple[str, str]]:
    found = re.search(r"""(?m)^\s*python_requires\s*=\s*(?:["']([^"'\n]+)["']|([^"'#\n]+))""", text)
    if found:
        yield "python_requires", found[1] or found[2]


BOUNDS: tuple[tuple[str, Callable[[str], Iterator[tuple[str, Any]]]], ...] = (
    ("pyproject.toml", _pyproject),
    ("setup.cfg", _setup),
    ("setup.py", _setup),
    ("uv.lock", _uv_lock),
    ("poetry.lock", _poetry_lock),
    ("pdm.lock", _pdm_lock),
    ("pylock.toml", _uv_lock),
)
"""Files with a range; those of locks are kept for what was resolved, and hold as well."""


# ------------------------------------------------------------------------------------ files


def _in_lines(text: str, key: str) -> list[str]:
    """Return the values of a key in the lines of a lock: to parse all of a lock takes a second."""
    return re.findall(rf"""(?m)^{key}\s*=\s*["']([^"'\n]+)["']""", text)


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _table(values: object, *keys: str) -> dict[str, Any]:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _text(path: Path) -> str:
    try:
        data = path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else b""
    except OSError:
        return ""
    return texts.decode(data, errors="replace")


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)^\s*#.*$", "", text)


def _name(path: Path, root: Path) -> str:
    """Return the path as the user writes it from the project's folder: "../pyproject.toml"."""
    up = 0
    while not path.is_relative_to(root):
        root, up = root.parent, up + 1
    return "../" * up + path.relative_to(root).as_posix()
