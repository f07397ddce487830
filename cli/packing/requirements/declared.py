"""The names that a dependency file declares or locks, as far as reading shows them.

For a file that is computed, or that includes what is elsewhere, the answer is None: it may have any name.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements import requirements
from lambdify.cli.packing.requirements.formats import conda, setup_files, uv_lock
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.version import DISTRIBUTION

Names = frozenset[str]
_MANIFESTS = {
    "uv.lock": ("pyproject.toml", "uv lock"),
    "pdm.lock": ("pyproject.toml", "pdm lock"),
    "Pipfile.lock": ("Pipfile", "pipenv lock"),
}
"""What a lock was made from, and by which command."""


def find_names(kind: str, path: Path) -> Names | None:
    """Return the normalised names in a dependency file, whatever their markers; None if they are unknown."""
    match kind:
        case "requirements.txt" | "requirements.lock":
            return _of_lines(requirements.read_lines(path))
        case "pyproject.toml":
            return _of_pyproject(read_toml(path))
        case "setup.cfg":
            declared = setup_files.read_setup_cfg(path)
            return None if declared.requires is None else _of_lines(declared.requires)
        case "setup.py":
            declared = setup_files.read_setup_py(path)
            return None if declared.requires is None else _of_lines(declared.requires)
        case "environment.yml":
            environment = conda.read_environment(path)
            return _of_lines((*environment.lines, *environment.conda))
        case "Pipfile.lock":
            # Few projects have one.
            from lambdify.cli.packing.requirements import pipenv

            return frozenset(map(canonicalize_name, pipenv.read_names(path)))
        case _:
            content = read_toml(path)
            listed = content.get("package", content.get("packages", ()))
            return frozenset(canonicalize_name(package["name"]) for package in listed if "name" in package)


def includes(kind: str, path: Path, other: Path) -> bool:
    """Whether a requirements file has another one in it: `-r requirements.txt`."""
    try:
        return kind == "requirements.txt" and other.resolve() in requirements.find_files(path)[1:]
    except RequirementsError:
        return False  # if it is chosen, whoever reads it for good says what is wrong with it


def check_lock(kind: str, path: Path, member: str = "") -> tuple[str, ...]:
    """Return a note for each version of a lock that the file it was made from no longer allows.

    Raises RequirementsError if the lock lacks what that file requires everywhere. `member` is the workspace's
    member that is meant. poetry.lock is compared where it is read.
    """
    if kind not in _MANIFESTS:
        return ()
    manifest, command = _MANIFESTS[kind]
    locked = _Locked(kind, path)
    declaring = path.parent / locked.place_of(member) / manifest
    if not declaring.is_file():
        return ()
    content = read_toml(declaring)
    wanted = _in_pipfile(content) if manifest == "Pipfile" else _everywhere(content)
    missing = sorted(wanted.keys() - locked.versions.keys() - {"lambdify", DISTRIBUTION})
    if missing:
        raise RequirementsError(
            f"{path.name} has no {', '.join(missing)}, which {manifest} requires: it is older",
            hint=f"`{command}` brings it up to date.",
        )
    return tuple(
        f"{path.name} has {name} {' and '.join(sorted(locked.versions[name]))}, and {manifest} asks for "
        f"{allowed}: the lock is older, and kept to; `{command}` brings it up to date"
        for name, allowed in sorted(wanted.items())
        if locked.versions.get(name) and not any(map(allowed.contains, locked.versions[name]))
    )


class _Locked:
    """The content of a lock: which versions it has of each name."""

    def __init__(self, kind: str, path: Path) -> None:
        self.versions: dict[str, set[str]] = {}
        self._packages: list[dict[str, Any]] = []
        if kind == "Pipfile.lock":
            self.versions = {name: set() for name in find_names(kind, path) or ()}
            return
        self._packages = [each for each in read_toml(path).get("package", ()) if "name" in each]
        for package in self._packages:
            known = self.versions.setdefault(canonicalize_name(package["name"]), set())
            known |= {package["version"]} if "version" in package else set()

    def place_of(self, member: str) -> str:
        """Return the folder of a workspace's member, relative to the lock."""
        sources = (each.get("source", {}) for each in self._packages if member and each["name"] == member)
        return next((uv_lock.find_place(source) for source in sources), "")


def _of_lines(lines: Iterable[str]) -> Names | None:
    names: set[str] = set()
    for line in lines:
        name = requirements.find_name(line)
        if name is None and (
            not line.startswith("-")
            or requirements.find_path(line)
            or requirements.includes_remote_file(line)
        ):
            return None
        names |= {name} if name else set()
    return frozenset(names)


def _of_pyproject(content: Mapping[str, Any]) -> Names | None:
    project: Mapping[str, Any] = content.get("project", {})
    if "dependencies" in project.get("dynamic", ()):
        return None
    poetry: Mapping[str, Any] = content.get("tool", {}).get("poetry", {}).get("dependencies", {})
    return (_of_lines(project.get("dependencies", ())) or frozenset()) | frozenset(
        canonicalize_name(name) for name in poetry if name != "python"
    )


def _everywhere(content: Mapping[str, Any]) -> Mapping[str, SpecifierSet]:
    """Return what a pyproject.toml requires without a marker: with one, a lock may leave it out."""
    found: dict[str, SpecifierSet] = {}
    for text in content.get("project", {}).get("dependencies", ()):
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise RequirementsError(f"pyproject.toml: {error}", hint="Correct that requirement.") from error
        if requirement.marker is None:
            # Of a lock, pre-releases are taken as they are.
            requirement.specifier.prereleases = True
            found[canonicalize_name(requirement.name)] = requirement.specifier
    return found


def _in_pipfile(content: Mapping[str, Any]) -> Mapping[str, SpecifierSet]:
    packages: Mapping[str, Any] = content.get("packages", {})
    return {canonicalize_name(name): SpecifierSet() for name in packages}
