"""pdm.lock as requirement lines, so that a deployment needs no pdm.

Usually the lock says for each package which groups need it, and under which marker. If pdm resolves with uv,
it does not, and the packages are found by a walk that starts at the dependencies in pyproject.toml.

https://pdm-project.org/en/latest/usage/lockfile/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.packing.target import Target

Table = dict[str, Any]
_MAIN = "default"


def read_pdm_lock(
    path: Path, target: Target, *, extras: tuple[str, ...], groups: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the locked packages that the function needs as requirement lines. Raises RequirementsError."""
    try:
        packages = [each for each in read_toml(path).get("package", ()) if _fits(each, target)]
        if all("groups" in each for each in packages):
            wanted = {_MAIN, *extras, *groups}
            chosen = [each for each in packages if wanted.intersection(each["groups"])]
        else:
            declared = _declared(read_toml(path.with_name("pyproject.toml")), extras, groups)
            chosen = list(_walk(declared, packages, target))
        # A package is listed once more with the extras that are wanted of it, from the same file.
        lines = {canonicalize_name(each["name"]): _line(each, path.parent) for each in chosen}
    except (
        KeyError,
        TypeError,
        AttributeError,
        InvalidMarker,
        InvalidRequirement,
        InvalidSpecifier,
    ) as error:
        raise RequirementsError(
            f"{path.name}, or the pyproject.toml beside it, is not as pdm writes it: {error!r}",
            hint="Lock again with `pdm lock`.",
        ) from error
    return tuple(line for _, line in sorted(lines.items()) if line)


def _fits(package: Table, target: Target) -> bool:
    marker, python = package.get("marker"), package.get("requires_python", "")
    return (not marker or _holds(Marker(marker), target)) and SpecifierSet(python).contains(
        target.full_python, prereleases=True
    )


def _holds(marker: Marker | None, target: Target, extras: Iterable[str] = ()) -> bool:
    environments = ({**target.markers(), "extra": extra} for extra in ("", *extras))
    return marker is None or any(map(marker.evaluate, environments))


def _declared(pyproject: Table, extras: Sequence[str], groups: Sequence[str]) -> list[Requirement]:
    project = pyproject.get("project", {})
    optional = project.get("optional-dependencies", {})
    named = [pyproject.get("dependency-groups", {})]
    named += [pyproject.get("tool", {}).get("pdm", {}).get("dev-dependencies", {})]
    texts = [*project.get("dependencies", ())]
    texts += [text for extra in extras for text in optional.get(extra, ())]
    texts += [text for group in groups for table in named for text in table.get(group, ())]
    return [Requirement(text) for text in texts if isinstance(text, str)]


def _walk(declared: Iterable[Requirement], packages: Sequence[Table], target: Target) -> Iterator[Table]:
    """Yield the packages that the declared ones lead to."""
    by_name: dict[str, list[Table]] = {}
    for package in packages:
        by_name.setdefault(canonicalize_name(package["name"]), []).append(package)
    waiting = [requirement for requirement in declared if _holds(requirement.marker, target)]
    done: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, wanted = canonicalize_name(requirement.name), tuple(sorted(requirement.extras))
        if (name, wanted) in done:
            continue
        done.add((name, wanted))
        entries = by_name.get(name, [])
        if not entries:
            raise RequirementsError(
                f"pdm.lock has no {name}, which pyproject.toml or another package requires",
                hint="It is older than pyproject.toml: run `pdm lock`.",
            )
        for entry in entries:
            if not entry.get("extras") or set(entry["extras"]) <= set(wanted):
                yield entry
                needed = (Requirement(text) for text in entry.get("dependencies", ()))
                waiting += [each for each in needed if _holds(each.marker, target, wanted)]


def _line(package: Mapping[str, Any], root: Path) -> str:
    """Return the line of a package; "" for the project itself, whose files are packed as they are."""
    name = canonicalize_name(package["name"])
    if "git" in package:
        inside = f"#subdirectory={package['subdirectory']}" if package.get("subdirectory") else ""
        return f"{name} @ git+{package['git']}@{package['revision']}{inside}"
    if url := package.get("url"):
        return f"{name} @ {url}"
    if "path" in package:
        place = (root / package["path"]).resolve()
        return f"{name} @ {place.as_uri()}" if place != root.resolve() else ""
    hashes = "".join(f" --hash={file['hash']}" for file in package.get("files", ()))
    return f"{name}=={package['version']}{hashes}"
