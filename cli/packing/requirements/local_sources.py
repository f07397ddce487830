"""Required folders and files of this machine: which there are, and whether they have changed.

A change can matter in two ways:

    for the resolution    what a folder declares; or all its files, if its build backend computes that
    for the build         every file that its wheel is built from, as for the project's own files

The folders are guessed from the requirements before uv reads them, so that a change meanwhile is noticed.
The caller compares the guess with what uv found.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.fingerprint import Fingerprint
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.packing.requirements.origins import readable, source_digest, walk
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.requirements.requirements import find_path, read_own_lines

_DECLARED_KEYS = ("name", "version", "requires-python", "dependencies", "optional-dependencies")
DYNAMIC = frozenset({"dependencies", "optional-dependencies"})
"""Keys of [project] that influence a resolution, and that a build backend may compute."""


def find_required(files: Iterable[Path], lines: Iterable[str], root: Path) -> tuple[Path, ...]:
    """Return the folders and files that these texts seem to require, directly or through each other."""
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
    """Return what of a folder or file influences a resolution, as a value for a cache key."""
    if not place.is_dir():
        return fingerprint.digest(place)
    pyproject = place / "pyproject.toml"
    content = _read(pyproject)
    project = content.get("project")
    if project is None or DYNAMIC & set(project.get("dynamic", ())):
        return source_digest(Package(name=place.name, version="", kind="directory", path=place))
    return [{name: project.get(name) for name in _DECLARED_KEYS}, content.get("tool", {}).get("uv")]


def take_fingerprint(packages: Iterable[Package], root: Path, moment: int) -> Fingerprint:
    """Return the fingerprint, as of `moment`, of the files that packages of this machine are built from."""
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
            # pip resolves a path from the folder where it runs, other tools from the file's folder.
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
        # The file is missing or broken. uv reads it too, and reports the error.
        return {}


def _existing(path: str, starts: Iterable[Path]) -> Iterator[Path]:
    for start in starts if path else ():
        place = start / os.path.expandvars(path.replace("${PROJECT_ROOT}", str(start)))
        if place.exists():
            yield place.resolve()
