"""The cache of resolutions without a lock, in the project's `.lambdify/resolutions/`.

Without it, an unpinned "flask" could change in production with an unrelated deployment.

Rules:
- The key is a digest of everything that a resolution depends on: the dependency file and the files that it
  includes (without comments), the declarations of required folders, the function's platform, extras and
  groups, lambdify's own requirements, and uv's settings. If one of these changes, or with --upgrade, uv
  resolves again.
- A git branch is cached as its commit, and a URL with the digest of its file, as "flask" with its version.
- A resolution is not cached if it depends on a remote requirements file, on the project's own build backend,
  or on a folder that `local_sources` did not find.
- The cache contains no secrets: the requirements are not stored, credentials are not part of the digest, and
  those in a URL are read from the requirements again.
- A file that is broken, or has not our seal, is ignored. A lock, which can be reviewed, is the way to choose
  versions for other people.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from lambdify.cli.packing import fingerprint, serialization
from lambdify.cli.packing.requirements import local_sources
from lambdify.cli.packing.requirements.credentials import restore_login
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.packing.requirements.indexes import settings_files
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.requirements.requirements import find_files, includes_remote_file, read_own_lines
from lambdify.cli.packing.resolution.resolver import Prefetch, ResolveRequest, resolve
from lambdify.cli.packing.resolution.uv import settings_in_environment
from lambdify.cli.packing.target import Target
from lambdify.cli.redaction import redact
from lambdify.cli.storage import folders, seal, texts

FORMAT = 2
"""The version of the file format and of the request to uv; increase it when one of them changes."""
FOLDER = "resolutions"
_PROJECT_KEYS = ("name", "requires-python", "dependencies", "optional-dependencies")


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The packages that uv chose, now or in an earlier run."""

    packages: tuple[Package, ...]
    notes: tuple[str, ...]
    settled: bool
    """Whether the same input gives the same packages."""


def resolve_once(
    request: ResolveRequest,
    target: Target,
    *,
    prefer_wheels: bool,
    upgrade: bool,
    prefetch: Prefetch | None = None,
) -> Resolution:
    """Return the cached resolution, with a note; if there is none, or with `upgrade`, resolve the request."""
    key = _key(request, target, prefer_wheels)
    name = f"{FOLDER}/{key}.json"
    earlier = None if upgrade else _read(name, request)
    if earlier:
        return earlier.to_resolution(request.subject)
    packages, notes = resolve(request, target, prefer_wheels=prefer_wheels, prefetch=prefetch)
    resolved = _CachedResolution(
        day=datetime.now().astimezone().date().isoformat(),
        packages=tuple(replace(package, url=redact(package.url)) for package in packages),
        notes=notes,
    )
    settled = _is_determined(request, packages) and _restored(resolved, request) is not None
    # If a file was edited while uv read it, the resolution belongs to neither version.
    if settled and _key(request, target, prefer_wheels) == key:
        seal.write(request.keeper, name, json.dumps(serialization.serialize(resolved), indent=1))
    else:
        # An old resolution must not come back when the input can be cached again.
        (request.keeper / folders.WORKSPACE / name).unlink(missing_ok=True)
    return Resolution(packages=packages, notes=notes, settled=settled)


def find_inputs(files: Iterable[Path], root: Path) -> tuple[Path, ...]:
    """Return the paths of all files that influence a resolution; some may not exist."""
    return tuple(dict.fromkeys((*_included(files), *settings_files(root))))


@dataclass(frozen=True, kw_only=True)
class _CachedResolution:
    """The content of a cache file."""

    day: str
    packages: tuple[Package, ...]
    notes: tuple[str, ...]

    def to_resolution(self, subject: str) -> Resolution:
        note = f"{subject} as resolved on {self.day}; --upgrade resolves again"
        return Resolution(packages=self.packages, notes=(*self.notes, note), settled=True)


def _key(request: ResolveRequest, target: Target, prefer_wheels: bool) -> str:
    read = _included(request.files)
    given = [
        [FORMAT, target.id, target.full_python, prefer_wheels, request.options, request.constraints],
        request.excluded,
        [redact(os.path.expandvars(line)) for line in (*request.indexes.options, *request.lines)],
        [_relevant_content(file) for file in read],
        [_relevant_content(file) for file in settings_files(request.root) if file.is_file()],
        settings_in_environment(),
        [(str(place), local_sources.read_declared(place)) for place in _local_sources(request)],
    ]
    return hashlib.sha256(json.dumps(given, default=str).encode()).hexdigest()[:32]


def _relevant_content(file: Path) -> object:
    """Return the part of a file that influences a resolution: its lines, or the TOML tables that uv reads."""
    if _is_requirements_file(file):
        return [redact(os.path.expandvars(line)) for line in read_own_lines(file)]
    content = read_toml(file)
    if file.name == "uv.toml":
        return content
    project = {name: content.get("project", {}).get(name) for name in _PROJECT_KEYS}
    return [project, content.get("dependency-groups"), content.get("tool", {}).get("uv")]


def _is_requirements_file(file: Path) -> bool:
    return file.suffix != ".toml"


def _requirement_lines(request: ResolveRequest) -> Iterator[str]:
    """Yield the requirement lines of the request and its files, with environment variables expanded."""
    read = [read_own_lines(file) for file in _included(request.files) if _is_requirements_file(file)]
    for line in (*request.indexes.options, *request.lines, *(line for lines in read for line in lines)):
        yield os.path.expandvars(line)


def _included(files: Iterable[Path]) -> list[Path]:
    return [
        included
        for file in files
        for included in (find_files(file) if _is_requirements_file(file) else (file,))
    ]


def _local_sources(request: ResolveRequest) -> tuple[Path, ...]:
    return local_sources.find_required(_included(request.files), request.lines, request.root)


def _is_determined(request: ResolveRequest, packages: Iterable[Package]) -> bool:
    """Whether the resolution depends only on what the key contains."""
    found = {package.path for package in packages if package.kind == "directory"}
    return (
        found.issubset(_local_sources(request))
        and not any(map(includes_remote_file, _requirement_lines(request)))
        and not any(_is_computed(file) for file in request.files if not _is_requirements_file(file))
    )


def _is_computed(pyproject: Path) -> bool:
    return bool(local_sources.DYNAMIC & set(read_toml(pyproject).get("project", {}).get("dynamic", ())))


def _restored(cached: _CachedResolution, request: ResolveRequest) -> _CachedResolution | None:
    """Return the resolution with the request's credentials; None if one is missing, or a file changed."""
    given = list(_requirement_lines(request))
    given += [texts.read(file) for file in request.files if not _is_requirements_file(file)]
    urls = [restore_login(package.url, given) for package in cached.packages]
    there = all(_is_there(package) for package in cached.packages)
    packages = tuple(
        replace(package, url=url)
        for package, url in zip(cached.packages, urls, strict=True)
        if url is not None
    )
    return replace(cached, packages=packages) if there and len(packages) == len(urls) else None


def _is_there(package: Package) -> bool:
    """Whether a file of this machine still has the digest that was chosen."""
    if package.kind == "directory":
        return package.path is not None
    return package.path is None or fingerprint.digest(package.path) == package.sha256


def _read(name: str, request: ResolveRequest) -> _CachedResolution | None:
    text = seal.read(request.keeper, name)
    if text is None:
        return None
    try:
        cached: _CachedResolution = serialization.deserializer(_CachedResolution)(json.loads(text))
        date.fromisoformat(cached.day)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return _restored(cached, request) if all(package.name for package in cached.packages) else None
