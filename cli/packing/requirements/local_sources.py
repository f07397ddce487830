"""What is required from this machine, folders and files: which there are, and whether they have changed.

Two questions, with an answer each:

    which versions go together?    what a folder declares; or all of it, where its build backend computes that
    is there anything to build?    every file that a wheel of it is built from, as for the project's own files

Which folders there are is guessed from the texts before uv has read them, so that what changes meanwhile is
seen. Whoever guesses holds the guess against what uv found.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.fingerprint import Fingerprint
from lambdify.cli.packing.requirements.origins import readable, source_digest, walk
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.requirements.requirements import find_path, read_own_lines
from lambdify.cli.packing.requirements.sources import read_toml

_DECLARED_KEYS = ("name", "version", "requires-python", "dependencies", "optional-dependencies")
DYNAMIC = frozenset({"dependencies", "optional-dependencies"})
"""What of a [project] decides on a resolution, and may be left to the build backend."""


def find_required(files: Iterable[Path], lines: Iterable[str], root: Path) -> tuple[Path, ...]:
    """Return the folders and files that these texts seem to require, and those that they require in turn."""
    waiting = [path for line in lines for path in _existing(find_path(line), (root,))]
    for file in files:
        waiting += _required_by(file, root)
    found: dict[Path, None] = {}
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = None
            waiting += _required_by(path / "pyproject.toml", path)
    return tuple(sorted(found))


def read_declared(place: Path) -> object:
    """What a folder or file says to the question which versions go together."""
    if not place.is_dir():
        return fingerprint.digest(place)
    pyproject = place / "pyproject.toml"
    content = _read(pyproject)
    project = content.get("project")
    if project is None or DYNAMIC & set(project.get("dynamic", ())):
        return source_digest(Package(name=place.name, version="", kind="directory", path=place))
    return [{name: project.get(name) for name in _DECLARED_KEYS}, content.get("tool", {}).get("uv")]


def take_fingerprint(packages: Iterable[Package], root: Path, moment: int) -> Fingerprint:
    """Return what those of the packages that lie on this machine are built from looks like at a moment."""
    files: dict[str, fingerprint.Stamp] = {}
    listings: dict[str, tuple[str, ...]] = {}
    young: dict[str, str] = {}
    top = str(root.resolve())
    for package in packages:
        with readable(package):
            folders = dict(walk(package)) if package.kind == "directory" else {}
            listings |= {str(base): fingerprint.list_folder(str(base), top) for base in folders}
            paths = [base / name for base, names in folders.items() for name in names]
            if package.kind != "directory" and package.path is not None and package.path.is_file():
                paths = [package.path]
            files |= {str(path): fingerprint.stamp(path.stat()) for path in paths}
            young |= {
                str(path): fingerprint.digest(path)
                for path in paths
                if fingerprint.is_young(files[str(path)], moment)
            }
    return Fingerprint(root=top, files=files, folders=listings, young=young)


def _required_by(file: Path, root: Path) -> Iterator[Path]:
    if not file.is_file():
        return
    if file.suffix != ".toml":
        for line in read_own_lines(file):
            # pip starts from where it runs. Others start from the file.
            yield from _existing(find_path(line), (root, file.parent))
        return
    content = _read(file)
    project: Mapping[str, Any] = content.get("project", {})
    optional = project.get("optional-dependencies", {}).values()
    groups = content.get("dependency-groups", {}).values()
    for lines in (project.get("dependencies", ()), *optional, *groups):
        for line in lines:
            yield from _existing(find_path(line) if isinstance(line, str) else "", (file.parent,))
    for source in content.get("tool", {}).get("uv", {}).get("sources", {}).values():
        for origin in source if isinstance(source, list) else [source]:
            yield from _existing(origin.get("path", ""), (file.parent,))


def _read(pyproject: Path) -> dict[str, Any]:
    try:
        return read_toml(pyproject)
    except RequirementsError:
        # None, or a broken one: uv reads it too, and tells what is wrong with it.
        return {}


def _existing(path: str, starts: Iterable[Path]) -> Iterator[Path]:
    for start in starts if path else ():
        place = start / os.path.expandvars(path.replace("${PROJECT_ROOT}", str(start)))
        if place.exists():
            yield place.resolve()
