"""poetry.lock as requirement lines, so that a deployment needs no poetry.

The lock lists every package of every group and platform, with its dependencies. The packages that the
function needs are found by a walk that starts at the dependencies in pyproject.toml; markers are evaluated
for the function. Both [project] and [tool.poetry.dependencies] are read.

https://python-poetry.org/docs/pyproject/, https://python-poetry.org/docs/dependency-specification/
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.credentials import with_login
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.packing.target import Target

Table = dict[str, Any]


class _Dependency(NamedTuple):
    """A dependency of the project or of a package."""

    name: str
    extras: frozenset[str]
    versions: str
    """The allowed versions, as the lock spells them."""


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """The platform, extras and groups that packages are selected for."""

    target: Target
    extras: tuple[str, ...]
    groups: tuple[str, ...]

    def holds(self, marker: str | None, extras: Iterable[str] = ()) -> bool:
        """Whether a marker is true for the function, with any of the extras."""
        if not marker:
            return True
        try:
            parsed = Marker(marker)
        except InvalidMarker as error:
            raise RequirementsError(f"poetry.lock holds a marker that cannot be read: {error}") from error
        return any(parsed.evaluate({**self.target.markers(), "extra": extra}) for extra in ("", *extras))


def read_poetry_lock(
    path: Path, target: Target, *, extras: tuple[str, ...], groups: tuple[str, ...], without: frozenset[str]
) -> tuple[str, ...]:
    """Return the locked packages that the function needs, but none in `without`, as requirement lines."""
    scope = _Scope(target=target, extras=extras, groups=groups)
    try:
        return _read(path, scope, without)
    except (KeyError, TypeError, AttributeError, InvalidVersion) as error:
        raise RequirementsError(
            f"{path.name} or the pyproject.toml beside it is not as poetry writes it: {error!r}",
            hint="Lock again with `poetry lock`.",
        ) from error


def _read(path: Path, scope: _Scope, without: frozenset[str]) -> tuple[str, ...]:
    packages: dict[str, list[Table]] = {}
    for package in read_toml(path).get("package", ()):
        packages.setdefault(canonicalize_name(package["name"]), []).append(package)
    declared = list(_declared(read_toml(path.with_name("pyproject.toml")), scope))
    chosen = _walk(declared, packages, scope, without)
    # The variables are poetry's: https://python-poetry.org/docs/repositories/#configuring-credentials
    indexes = {
        with_login(source["url"], source.get("reference", ""), os.environ, prefix="POETRY_HTTP_BASIC"): None
        for source in (package.get("source", {}) for package in chosen.values())
        if source.get("type") == "legacy"
    }
    return (
        *(f"--extra-index-url {url}" for url in indexes),
        *(_line(name, package, path.parent) for name, package in sorted(chosen.items())),
    )


def _walk(
    declared: list[_Dependency], packages: Mapping[str, list[Table]], scope: _Scope, without: frozenset[str]
) -> dict[str, Table]:
    chosen: dict[str, Table] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    waiting = list(declared)
    while waiting:
        dependency = waiting.pop()
        if dependency.name in without or (dependency.name, dependency.extras) in done:
            continue
        done.add((dependency.name, dependency.extras))
        package = _choose(dependency, packages.get(dependency.name, []), scope)
        if package is not None:
            chosen[dependency.name] = package
            waiting += _required(package, dependency.extras, scope)
    return chosen


def _choose(dependency: _Dependency, candidates: list[Table], scope: _Scope) -> Table | None:
    """Return the candidate that fits, or None: a lock can hold a package twice, for different platforms."""
    if not candidates:
        raise RequirementsError(
            f"poetry.lock has no {dependency.name}, which pyproject.toml or another package requires",
            hint="It is older than pyproject.toml: run `poetry lock`.",
        )
    fitting = [
        package for package in candidates if scope.holds(_package_marker(package, scope), scope.extras)
    ]
    fitting = [
        package for package in fitting if _allows(package.get("python-versions"), scope.target.full_python)
    ]
    wanted = [package for package in fitting if _allows(dependency.versions, package["version"])] or fitting
    return max(wanted, key=lambda package: Version(package["version"]), default=None)


def _package_marker(package: Table, scope: _Scope) -> str | None:
    marker = package.get("markers")
    if not isinstance(marker, dict):
        return marker
    # Format 2.1 has a marker for each group if the markers differ.
    clauses = [marker[group] for group in ("main", *scope.groups) if group in marker]
    return " or ".join(f"({clause})" for clause in clauses) or None


def _allows(specifier: str | None, version: str) -> bool:
    try:
        return any(
            SpecifierSet("" if part.strip() == "*" else part).contains(version, prereleases=True)
            for part in (specifier or "*").split("||")
        )
    except InvalidSpecifier:
        # Poetry's own operators (^ and ~) are in pyproject.toml, not in the lock. An unknown form excludes
        # nothing.
        return True


def _required(package: Table, extras: frozenset[str], scope: _Scope) -> Iterator[_Dependency]:
    """Yield the dependencies of a locked package, with the extras that are wanted of it."""
    offered: dict[str, list[str]] = package.get("extras", {})
    switched_on = {
        canonicalize_name(Requirement(text.split(" ")[0]).name)
        for extra in extras
        for text in offered.get(extra, ())
    }
    for name, alternatives in package.get("dependencies", {}).items():
        for spec in _specs(alternatives):
            if spec.get("optional") and canonicalize_name(name) not in switched_on:
                continue
            if scope.holds(spec.get("markers"), extras):
                yield _dependency(name, spec)


def _declared(pyproject: Table, scope: _Scope) -> Iterator[_Dependency]:
    """Yield the dependencies of the project itself."""
    yield from _declared_in_project(pyproject, scope)
    yield from _declared_in_poetry(pyproject.get("tool", {}).get("poetry", {}), scope)


def _declared_in_project(pyproject: Table, scope: _Scope) -> Iterator[_Dependency]:
    project = pyproject.get("project", {})
    optional = project.get("optional-dependencies", {})
    dependency_groups = pyproject.get("dependency-groups", {})
    texts = [*project.get("dependencies", ())]
    texts += [text for extra in scope.extras for text in optional.get(extra, ())]
    texts += [
        text for group in scope.groups for text in dependency_groups.get(group, ()) if isinstance(text, str)
    ]
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise RequirementsError(f"pyproject.toml: {error}") from error
        if scope.holds(str(requirement.marker or ""), scope.extras):
            yield _Dependency(
                canonicalize_name(requirement.name), frozenset(requirement.extras), str(requirement.specifier)
            )


def _declared_in_poetry(poetry: Table, scope: _Scope) -> Iterator[_Dependency]:
    switched_on = {
        canonicalize_name(name) for extra in scope.extras for name in poetry.get("extras", {}).get(extra, ())
    }
    own_groups = poetry.get("group", {})
    tables = [poetry.get("dependencies", {})]
    tables += [own_groups.get(group, {}).get("dependencies", {}) for group in scope.groups]
    for name, alternatives in (pair for table in tables for pair in table.items()):
        for spec in _specs(alternatives):
            left_out = spec.get("optional") and canonicalize_name(name) not in switched_on
            fits = scope.holds(spec.get("markers"), scope.extras) and _allows(
                spec.get("python"), scope.target.full_python
            )
            if name != "python" and fits and not left_out:
                yield _dependency(name, spec)


def _specs(alternatives: Any) -> list[Table]:
    """Return the tables of a dependency, which is a version, a table, or a list of these for platforms."""
    listed = alternatives if isinstance(alternatives, list) else [alternatives]
    return [{"version": spec} if isinstance(spec, str) else spec for spec in listed]


def _dependency(name: str, spec: Table) -> _Dependency:
    return _Dependency(canonicalize_name(name), frozenset(spec.get("extras", ())), spec.get("version", "*"))


def _line(name: str, package: Table, root: Path) -> str:
    source = package.get("source", {})
    match source.get("type"):
        case "git":
            inside = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
            return f"{name} @ git+{source['url']}@{source['resolved_reference']}{inside}"
        case "directory" | "file":
            return f"{name} @ {(root / source['url']).resolve().as_uri()}"
        case "url":
            return f"{name} @ {source['url']}"
        case _:
            hashes = "".join(f" --hash={file['hash']}" for file in package.get("files", ()))
            return f"{name}=={package['version']}{hashes}"
