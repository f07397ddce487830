"""The plan of packages to install on the function, made before anything is downloaded.

    uv.lock       exported by uv            ┐
    pylock.toml   read                      ├▶ pylock ▶ packages, each a fitting wheel or a source to build
    other locks   pins, resolved without    │
                  their dependencies        │
    the rest      resolved, some of it as   │
                  lines (see `translation`) ┘

Rules:
- A locked or pinned version is never changed. If an unpinned package has no wheel for the function in its
  newest version, but in an older one, the older one is chosen, with a note. Otherwise a plain "pandas" would
  be compiled for an hour on Amazon Linux 2, whose C library most new wheels do not support.
- The user's hashes are compared with the result here; see `requirements`.
- A requirement named lambdify is never resolved: another project owns that name on the package index, and
  the bundle contains the adapter of the running lambdify.
- What is excluded is left out while versions are chosen, with what only it requires; the rest of a lock, and
  its hashes, are as they were.
"""

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements import declared
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.packing.requirements.indexes import Indexes, find_indexes
from lambdify.cli.packing.requirements.pylock import Package, read_pylock
from lambdify.cli.packing.requirements.requirements import (
    find_name,
    find_path,
    read_hashes,
    read_lines,
    read_pins,
)
from lambdify.cli.packing.requirements.sources import Source
from lambdify.cli.packing.resolution.resolution_cache import Resolution, resolve_once
from lambdify.cli.packing.resolution.resolver import (
    OWN_NAMES,
    ContainerUv,
    Prefetch,
    ResolveRequest,
    resolve,
    unresolvable,
)
from lambdify.cli.packing.resolution.serving import NOTHING, Exclusion
from lambdify.cli.packing.resolution.translation import Translation, translate
from lambdify.cli.packing.resolution.uv import run_uv
from lambdify.cli.packing.target import Target
from lambdify.cli.settings.tables import Build


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The packages that the function needs."""

    wheels: tuple[Package, ...]
    """Packages with a wheel that fits."""
    builds: tuple[Package, ...]
    """Packages that have to be built."""
    indexes: Indexes
    notes: tuple[str, ...]
    settled: bool
    """Whether the same input gives the same plan; the content of required folders is no input."""

    @property
    def packages(self) -> tuple[Package, ...]:
        """All packages, sorted by name."""
        return tuple(sorted((*self.wheels, *self.builds), key=lambda package: package.name))


def make_plan(
    source: Source | None,
    root: Path,
    target: Target,
    build: Build,
    extra: tuple[str, ...],
    *,
    excluded: Exclusion = NOTHING,
    upgrade: bool = False,
    prefetch: Prefetch | None = None,
    container_uv: ContainerUv | None = None,
) -> Plan:
    """Return the plan for the source and the `extra` requirements on the target. Raises RequirementsError.

    Without a lock, the cached versions are used (see `resolution_cache`), or with `upgrade` the newest. While
    uv waits for an index, `prefetch` gets the packages that are probably in the result. With `container_uv`,
    no package's code runs on this machine.
    """
    if source is None:
        indexes = find_indexes((), root)
        request = ResolveRequest(
            subject="what lambdify adds", root=root, lines=extra, indexes=indexes, container_uv=container_uv
        )
        return _plan(resolve_once(request, target, prefer_wheels=True, upgrade=upgrade), indexes)
    names = excluded.names
    aged = declared.check_lock(source.kind, source.path, source.member)
    named = names_in(source)
    own = (f"{name} in {source.name} is the one that is running" for name in OWN_NAMES if name in named)
    notes = (*own, *aged)
    match source.kind:
        case "requirements.txt" | "pyproject.toml" | "setup.cfg" | "setup.py" | "environment.yml":
            plan = _resolve_unlocked(
                source, root, target, build, extra, names, upgrade, prefetch, container_uv
            )
        case "uv.lock" | "pylock.toml":
            exact = _read_exact_lock(source, target, build, names)
            plan = _with_extra(exact, source, root, target, extra, upgrade, container_uv)
        case "poetry.lock" | "pdm.lock" | "Pipfile.lock" | "requirements.lock":
            pinned = _resolve_pinned(source, root, target, build, names, prefetch, container_uv)
            plan = _with_extra(pinned, source, root, target, extra, upgrade, container_uv)
    return replace(plan, notes=(*notes, *plan.notes))


def _resolve_unlocked(
    source: Source,
    root: Path,
    target: Target,
    build: Build,
    extra: tuple[str, ...],
    excluded: tuple[str, ...],
    upgrade: bool,
    prefetch: Prefetch | None,
    container_uv: ContainerUv | None,
) -> Plan:
    """Return the plan for a file without a lock: uv chooses the versions."""
    readable = source.kind in ("requirements.txt", "pyproject.toml")
    # uv reads no other file, so it gets the lines of those.
    translated = Translation() if readable else translate(source, root, target, build, container_uv)
    lines = _declared_lines(source) if readable else translated.lines
    indexes = find_indexes(lines, source.folder)
    request = ResolveRequest(
        subject=source.name,
        root=source.folder,
        project=root,
        files=(source.path, *source.more) if readable else (),
        lines=(*translated.lines, *extra),
        indexes=indexes,
        options=_optional_parts(build) if readable else (),
        pinned=read_pins(lines),
        excluded=excluded,
        container_uv=container_uv,
    )
    allowed = read_hashes(lines)
    # The container can build every package, so an older version has no advantage.
    prefer_wheels = build.strategy != "docker"
    resolution = resolve_once(
        request, target, prefer_wheels=prefer_wheels, upgrade=upgrade, prefetch=prefetch
    )
    _check_hashes(resolution.packages, allowed, source, {find_name(line) for line in extra})
    return _plan(replace(resolution, notes=(*translated.notes, *resolution.notes)), indexes)


def _read_exact_lock(source: Source, target: Target, build: Build, excluded: tuple[str, ...]) -> Plan:
    """Return the plan for a lock that names every file."""
    if source.kind == "pylock.toml":
        packages = read_pylock(
            read_toml(source.path),
            source.path.parent,
            target,
            name=source.name,
            extras=build.extras,
            groups=build.groups,
        )
        kept = tuple(package for package in packages if package.name not in {*OWN_NAMES, *excluded})
        return _plan(_locked_resolution(kept), find_indexes((), source.path.parent))
    project = source.path.parent
    with tempfile.TemporaryDirectory(prefix="lambdify-") as folder:
        out = Path(folder, "pylock.toml")
        arguments = ["export", "--project", str(project), "--frozen", "--no-dev", "--no-editable"]
        arguments += ["--no-emit-project", "--format", "pylock.toml", "--output-file", str(out), "--quiet"]
        arguments += [word for name in (*OWN_NAMES, *excluded) for word in ("--prune", name)]
        arguments += ["--package", source.member] if source.member else []
        arguments += _optional_parts(build)
        outcome = run_uv(arguments, cwd=project)
        if not outcome.succeeded:
            raise unresolvable(source.name, target, outcome.errors, hint="`uv lock` writes it anew.")
        packages = read_pylock(read_toml(out), Path(folder), target, name=source.name)
    return _plan(_locked_resolution(packages), find_indexes((), project))


def _resolve_pinned(
    source: Source,
    root: Path,
    target: Target,
    build: Build,
    excluded: tuple[str, ...],
    prefetch: Prefetch | None,
    container_uv: ContainerUv | None,
) -> Plan:
    """Return the plan for a lock with versions and hashes only; uv gets the files from the index."""
    # Few projects have one of these locks, and the imports take long.
    if source.kind == "poetry.lock":
        from lambdify.cli.packing.requirements.poetry import read_poetry_lock

        without = frozenset({*OWN_NAMES, *excluded})
        lines = read_poetry_lock(
            source.path, target, extras=build.extras, groups=build.groups, without=without
        )
    elif source.kind == "pdm.lock":
        from lambdify.cli.packing.requirements.formats.pdm import read_pdm_lock

        lines = read_pdm_lock(source.path, target, extras=build.extras, groups=build.groups)
    elif source.kind == "requirements.lock":
        lines = tuple(line for line in read_lines(source.path) if not _is_itself(line, source))
    else:
        from lambdify.cli.packing.requirements.pipenv import read_pipfile_lock

        lines = read_pipfile_lock(source.path, build.groups)
    lines = tuple(line for line in lines if find_name(line) not in excluded)
    indexes = find_indexes(lines, source.folder)
    request = ResolveRequest(
        subject=source.name,
        root=source.folder,
        project=root,
        lines=lines,
        indexes=indexes,
        options=("--no-deps",),
        container_uv=container_uv,
    )
    packages, notes = resolve(request, target, prefer_wheels=False, prefetch=prefetch)
    _check_hashes(packages, read_hashes(lines), source, set())
    return _plan(_locked_resolution(packages, notes), indexes)


def _is_itself(line: str, source: Source) -> bool:
    """Whether a line requires the project beside the lock, whose files are packed as they are."""
    path = find_path(line)
    return bool(path) and (source.folder / path).resolve() == source.folder.resolve()


def _locked_resolution(packages: tuple[Package, ...], notes: tuple[str, ...] = ()) -> Resolution:
    """Return the resolution for the packages of a lock; it is settled, since it depends on the lock alone."""
    return Resolution(packages=packages, notes=notes, settled=True)


def _with_extra(
    plan: Plan,
    source: Source,
    root: Path,
    target: Target,
    extra: tuple[str, ...],
    upgrade: bool,
    container_uv: ContainerUv | None,
) -> Plan:
    """Return the plan with the extra requirements that the lock lacks; locked versions do not change."""
    locked = {package.name: package for package in plan.packages}
    missing = tuple(line for line in extra if not _is_locked(line, locked, source))
    if not missing:
        return plan
    pins = tuple(f"{package.name}=={package.version}" for package in plan.packages if package.version)
    request = ResolveRequest(
        subject=f"{', '.join(missing)} beside {source.name}",
        root=source.folder,
        project=root,
        lines=(*plan.indexes.options, *missing),
        indexes=plan.indexes,
        constraints=pins,
        container_uv=container_uv,
    )
    found = resolve_once(request, target, prefer_wheels=True, upgrade=upgrade)
    added = tuple(package for package in found.packages if package.name not in locked)
    both = Resolution(
        packages=(*plan.packages, *added),
        notes=(*plan.notes, *found.notes),
        settled=plan.settled and found.settled,
    )
    return _plan(both, plan.indexes)


def _is_locked(line: str, locked: Mapping[str, Package], source: Source) -> bool:
    from packaging.requirements import Requirement
    from packaging.version import Version

    requirement = Requirement(line)
    package = locked.get(canonicalize_name(requirement.name))
    if package is None:
        return False
    if package.version and not requirement.specifier.contains(Version(package.version), prereleases=True):
        raise RequirementsError(
            f"{source.name} pins {package.label}, and the adapter needs {requirement}",
            hint=f"Lock it again with {requirement}.",
        )
    return True


def _check_hashes(
    packages: Iterable[Package], allowed: Mapping[str, frozenset[str]], source: Source, free: set[str | None]
) -> None:
    """Raise RequirementsError for a package that the user's hashes do not allow.

    If one package has a hash, all need one, as in pip.
    """
    for package in packages if allowed else ():
        if package.kind in ("directory", "git") or package.name in free:
            continue
        if package.name not in allowed:
            raise RequirementsError(
                f"{source.name} pins packages by hash, but has no hash for {package.label}",
                hint="Write it again with all hashes, as `uv pip compile --generate-hashes` does.",
            )
        if package.sha256 not in allowed[package.name]:
            raise RequirementsError(
                f"{package.label}: the index offers {package.filename} with sha256 {package.sha256}, "
                f"which {source.name} does not allow",
                hint="If that file is the one you want, lock again. If not, somebody may have replaced it.",
            )


def _plan(resolution: Resolution, indexes: Indexes) -> Plan:
    return Plan(
        wheels=tuple(package for package in resolution.packages if package.kind == "wheel"),
        builds=tuple(package for package in resolution.packages if package.kind != "wheel"),
        indexes=indexes,
        notes=resolution.notes,
        settled=resolution.settled,
    )


def _optional_parts(build: Build) -> tuple[str, ...]:
    """Return uv's options for extras and groups; `find_source` has checked that the file can have them."""
    chosen = (("--extra", build.extras), ("--group", build.groups))
    return tuple(word for flag, names in chosen for name in names for word in (flag, name))


def _declared_lines(source: Source) -> tuple[str, ...]:
    if source.kind == "requirements.txt":
        return tuple(line for path in (source.path, *source.more) for line in read_lines(path))
    return tuple(read_toml(source.path).get("project", {}).get("dependencies", ()))


def requested_extras(source: Source) -> Mapping[str, frozenset[str]]:
    """Return the extras that a dependency file without a lock asks for, by normalised name."""
    if source.kind not in ("requirements.txt", "pyproject.toml"):
        return {}
    asked = (re.match(r"[\w.-]+\s*\[([^]]*)\]", line) for line in _declared_lines(source))
    return {
        name: frozenset(map(str.strip, match[1].split(",")))
        for match in asked
        if match and (name := find_name(match[0].partition("[")[0]))
    }


def names_in(source: Source) -> frozenset[str | None]:
    """Return the names in a dependency file, whatever their markers are."""
    if source.kind in ("requirements.txt", "pyproject.toml"):
        return frozenset(find_name(line) for line in _declared_lines(source))
    return declared.find_names(source.kind, source.path) or frozenset()
