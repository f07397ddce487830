"""What an input that locks nothing was resolved to, kept in the project's `.lambdify/resolutions/`.

A floating "flask" would otherwise change production with a deployment that was about something else.

Rules:
- A resolution is kept under a digest of everything it depends on: what the files and those that they include
  say (comments aside), what required folders declare, the function's platform, extras and groups, lambdify's
  own requirements, uv's settings. When one of these changes, or with --upgrade, uv is asked again.
- A git branch is kept as its commit, and what is at an address by its digest, as "flask" is by its version.
- Never kept is what is read from elsewhere, what the project's own build backend computes, and what names
  folders where they were not looked for.
- Nothing secret is kept: no text is stored, credentials are not part of the digest, and those in an
  address are read from the requirements again.
- A file that is broken, or not under our seal, is as good as none: versions that a person may choose for
  others are written in a lock, which can be reviewed.
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
from lambdify.cli.packing.requirements.indexes import settings_files
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.requirements.requirements import find_files, includes_remote_file, read_own_lines
from lambdify.cli.packing.requirements.sources import read_toml
from lambdify.cli.packing.resolution.resolver import Prefetch, ResolveRequest, resolve
from lambdify.cli.packing.resolution.uv import settings_in_environment
from lambdify.cli.packing.target import Target
from lambdify.cli.redaction import redact
from lambdify.cli.storage import folders, seal

FORMAT = 2
"""Raise it when resolutions are written, or asked for, in another way."""
FOLDER = "resolutions"
_PROJECT_KEYS = ("name", "requires-python", "dependencies", "optional-dependencies")


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What uv chose, now or before."""

    packages: tuple[Package, ...]
    notes: tuple[str, ...]
    settled: bool
    """Whether it will be the same as long as the input is."""


def resolve_once(
    request: ResolveRequest,
    target: Target,
    *,
    prefer_wheels: bool,
    upgrade: bool,
    prefetch: Prefetch | None = None,
) -> Resolution:
    """Return what the question was resolved to before, and say so; with `upgrade` ask again."""
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
    # Who edits a file while uv reads it has not had an answer to either version.
    if settled and _key(request, target, prefer_wheels) == key:
        seal.write(request.root, name, json.dumps(serialization.serialize(resolved), indent=1))
    else:
        # One of an earlier time would come back when the input is determined by its text again.
        (request.root / folders.WORKSPACE / name).unlink(missing_ok=True)
    return Resolution(packages=packages, notes=notes, settled=settled)


def find_inputs(files: Iterable[Path], root: Path) -> tuple[Path, ...]:
    """Return every file that has a say in a resolution; not all of them need to be there."""
    return tuple(dict.fromkeys((*_included(files), *settings_files(root))))


@dataclass(frozen=True, kw_only=True)
class _CachedResolution:
    """What a file holds."""

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
        [redact(os.path.expandvars(line)) for line in (*request.indexes.options, *request.lines)],
        [_relevant_content(file) for file in read],
        [_relevant_content(file) for file in settings_files(request.root) if file.is_file()],
        settings_in_environment(),
        [(str(place), local_sources.read_declared(place)) for place in _local_sources(request)],
    ]
    return hashlib.sha256(json.dumps(given, default=str).encode()).hexdigest()[:32]


def _relevant_content(file: Path) -> object:
    """What of a file decides: of requirements the lines, of TOML the tables that uv reads."""
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
    """What the input says in lines, its variables filled in."""
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
    """Whether what was read for the key says what will come of the input."""
    found = {package.path for package in packages if package.kind == "directory"}
    return (
        found.issubset(_local_sources(request))
        and not any(map(includes_remote_file, _requirement_lines(request)))
        and not any(_is_computed(file) for file in request.files if not _is_requirements_file(file))
    )


def _is_computed(pyproject: Path) -> bool:
    return bool(local_sources.DYNAMIC & set(read_toml(pyproject).get("project", {}).get("dynamic", ())))


def _restored(cached: _CachedResolution, request: ResolveRequest) -> _CachedResolution | None:
    """With the credentials of the input; None where they are missing, or what was there is no longer."""
    texts = list(_requirement_lines(request))
    texts += [file.read_text(encoding="utf-8") for file in request.files if not _is_requirements_file(file)]
    urls = [restore_login(package.url, texts) for package in cached.packages]
    there = all(_is_there(package) for package in cached.packages)
    packages = tuple(
        replace(package, url=url)
        for package, url in zip(cached.packages, urls, strict=True)
        if url is not None
    )
    return replace(cached, packages=packages) if there and len(packages) == len(urls) else None


def _is_there(package: Package) -> bool:
    """Whether a file of this machine still is the one that was chosen."""
    if package.kind == "directory":
        return package.path is not None
    return package.path is None or fingerprint.digest(package.path) == package.sha256


def _read(name: str, request: ResolveRequest) -> _CachedResolution | None:
    text = seal.read(request.root, name)
    if text is None:
        return None
    try:
        cached: _CachedResolution = serialization.deserializer(_CachedResolution)(json.loads(text))
        date.fromisoformat(cached.day)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return _restored(cached, request) if all(package.name for package in cached.packages) else None
