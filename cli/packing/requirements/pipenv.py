"""Pipfile.lock as requirement lines, so that a deployment needs no pipenv.

https://pipenv.pypa.io/en/latest/pipfile.html. The lock is flat: a category lists every package with its
markers and hashes, so no dependencies have to be followed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.storage import texts

_MARKER_KEYS = (
    "implementation_name",
    "os_name",
    "platform_machine",
    "platform_system",
    "python_full_version",
    "python_version",
    "sys_platform",
)
"""Keys of a Pipfile that are markers: colorama = {version = "*", sys_platform = "== 'win32'"}."""


def read_pipfile_lock(path: Path, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the locked packages of the default category and of `groups` as requirement lines."""
    with _translated(path):
        lock = _load(path)
        sources = [source["url"] for source in lock["_meta"]["sources"]]
        categories = [(name, lock[name]) for name in ("default", *groups)]
    options = [f"--index-url {sources[0]}"] if sources else []
    options += [f"--extra-index-url {url}" for url in sources[1:]]
    declared = _declared_markers(path.with_name("Pipfile"))
    with _translated(path):
        lines = [line for _, entries in categories for line in _lines(entries, declared, path.parent)]
    return (*options, *lines)


def read_names(path: Path) -> frozenset[str]:
    """Return the names in the default category of a Pipfile.lock, whatever their markers are."""
    with _translated(path):
        return frozenset(_load(path)["default"])


def read_declared(pipfile: Path) -> frozenset[str]:
    """Return the names that a Pipfile asks for itself; none if there is no such file."""
    packages = read_toml(pipfile).get("packages", {}) if pipfile.is_file() else {}
    return frozenset(map(canonicalize_name, packages))


def _load(path: Path) -> dict[str, Any]:
    lock: dict[str, Any] = json.loads(texts.read(path))
    return lock


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise RequirementsError(
            f"{path.name} has no {error.args[0]}",
            hint="Lock again with `pipenv lock`, or correct [build] groups.",
        ) from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RequirementsError(
            f"{path.name} cannot be read: {error}", hint="Lock again with `pipenv lock`."
        ) from error


def _lines(entries: Mapping[str, dict[str, Any]], declared: Mapping[str, str], root: Path) -> Iterator[str]:
    for name, entry in sorted(entries.items()):
        extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
        marker = entry.get("markers") or _spelled_marker(entry)
        if not marker and entry.get("version") == "*":
            # pipenv writes no version and no marker for a package that did not apply to the locking machine.
            marker = declared.get(canonicalize_name(name), "")
        condition = f" ; {marker}" if marker else ""
        location = entry.get("path") or entry.get("file")
        if "git" in entry:
            inside = f"#subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
            yield f"{name}{extras} @ git+{entry['git']}@{entry['ref']}{inside}{condition}"
        elif location and "://" in location:
            yield f"{name}{extras} @ {location}{condition}"
        elif location and (root / location).resolve() != root.resolve():
            yield f"{name}{extras} @ {(root / location).resolve().as_uri()}{condition}"
        elif not location:
            hashes = "".join(f" --hash={digest}" for digest in entry.get("hashes", ()))
            yield f"{name}{extras}{entry['version'].replace('*', '')}{condition}{hashes}"


def _spelled_marker(entry: Mapping[str, Any]) -> str:
    return " and ".join(f"{key} {entry[key]}" for key in _MARKER_KEYS if key in entry)


def _declared_markers(pipfile: Path) -> Mapping[str, str]:
    """Return the markers that the Pipfile gives its packages, by normalised name."""
    if not pipfile.is_file():
        return {}
    packages = read_toml(pipfile).get("packages", {})
    tables = {canonicalize_name(name): entry for name, entry in packages.items() if isinstance(entry, dict)}
    return {name: entry.get("markers") or _spelled_marker(entry) for name, entry in tables.items()}
