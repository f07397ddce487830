"""What an input that locks nothing was resolved to, kept in the project's `.lambdify/resolutions/`.

A floating "flask" would otherwise change production with a deployment that was about something else.

Rules:
- A resolution is kept under a digest of everything it depends on: what the files and those that they include
  say (comments aside), the function's platform, extras and groups, lambdify's own requirements, uv's
  settings. When one of these changes, or with --upgrade, uv is asked again.
- What no text determines is never kept: folders and files of this machine, git branches, addresses of
  archives, lists that a build backend computes.
- Nothing secret is kept: no text is stored, credentials are not part of the digest, and packages whose
  address holds some are not kept.
- A file that is broken or not ours is as good as none.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lambdify.cli import folders
from lambdify.cli.build.credentials import redact
from lambdify.cli.build.indexes import settings_files
from lambdify.cli.build.pylock import Package
from lambdify.cli.build.requirements import find_files, moves, read_own_lines
from lambdify.cli.build.resolution import Question, resolve
from lambdify.cli.build.sources import read_toml
from lambdify.cli.build.target import Target
from lambdify.cli.build.uv import settings_in_environment

FORMAT = 1
"""Raise it when resolutions are written, or asked for, in another way."""
FOLDER = "resolutions"
_DYNAMIC = frozenset({"dependencies", "optional-dependencies"})
_DECLARING = ("name", "requires-python", "dependencies", "optional-dependencies")


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What uv chose, now or before."""

    packages: tuple[Package, ...]
    notes: tuple[str, ...]
    settled: bool
    """Whether it will be the same as long as the input is."""


def resolve_once(question: Question, target: Target, *, prefer_wheels: bool, upgrade: bool) -> Resolution:
    """Return what the question was resolved to before, and say so; with `upgrade` ask again."""
    key = _key(question, target, prefer_wheels)
    file = question.root / folders.WORKSPACE / FOLDER / f"{key}.json"
    before = None if upgrade else _read(file)
    if before:
        return before.told(question.subject)
    packages, notes = resolve(question, target, prefer_wheels=prefer_wheels)
    settled = _determined(question) and all(_lasting(package) for package in packages)
    # Who edits a file while uv reads it has not had an answer to either version.
    if settled and _key(question, target, prefer_wheels) == key:
        now = _Kept(day=datetime.now().astimezone().date(), packages=packages, notes=notes)
        text = json.dumps(asdict(now), default=str, indent=1)
        folders.write(question.root, f"{FOLDER}/{file.name}", text)
    else:
        # One of an earlier time would come back when the input is determined by its text again.
        file.unlink(missing_ok=True)
    return Resolution(packages=packages, notes=notes, settled=settled)


def inputs(files: Iterable[Path], root: Path) -> tuple[Path, ...]:
    """Return every file that has a say in a resolution; not all of them need to be there."""
    read = [included for file in files for included in (find_files(file) if _is_lines(file) else (file,))]
    return tuple(dict.fromkeys((*read, *settings_files(root))))


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What a file holds."""

    day: date
    packages: tuple[Package, ...]
    notes: tuple[str, ...]

    def told(self, subject: str) -> Resolution:
        note = f"{subject} as resolved on {self.day.isoformat()}; --upgrade resolves again"
        return Resolution(packages=self.packages, notes=(*self.notes, note), settled=True)


def _key(question: Question, target: Target, prefer_wheels: bool) -> str:
    given = [
        [FORMAT, target.id, target.full_python, prefer_wheels, question.options, question.constraints],
        [redact(os.path.expandvars(line)) for line in (*question.indexes.options, *question.lines)],
        [_text(file) for top in question.files for file in (find_files(top) if _is_lines(top) else (top,))],
        [_text(file) for file in settings_files(question.root) if file.is_file()],
        settings_in_environment(),
    ]
    return hashlib.sha256(json.dumps(given, default=str).encode()).hexdigest()[:32]


def _text(file: Path) -> object:
    """What of a file decides: of requirements the lines, of TOML the tables that uv reads."""
    if _is_lines(file):
        return [redact(os.path.expandvars(line)) for line in read_own_lines(file)]
    content = read_toml(file)
    if file.name == "uv.toml":
        return content
    project = {name: content.get("project", {}).get(name) for name in _DECLARING}
    return [project, content.get("dependency-groups"), content.get("tool", {}).get("uv")]


def _is_lines(file: Path) -> bool:
    return file.suffix != ".toml"


def _determined(question: Question) -> bool:
    """Whether the text of the input says what will come of it."""
    for top in question.files:
        if not _is_lines(top):
            if not _declares_all(read_toml(top)):
                return False
        elif any(moves(line) for file in find_files(top) for line in read_own_lines(file)):
            return False
    return not any(moves(line) for line in question.lines)


def _declares_all(pyproject: Mapping[str, Any]) -> bool:
    project = pyproject.get("project", {})
    optional = project.get("optional-dependencies", {}).values()
    lists = [project.get("dependencies", ()), *optional, *pyproject.get("dependency-groups", {}).values()]
    sources = pyproject.get("tool", {}).get("uv", {}).get("sources", {}).values()
    origins = [origin for source in sources for origin in (source if isinstance(source, list) else [source])]
    return (
        not _DYNAMIC & set(project.get("dynamic", ()))
        and all("index" in origin for origin in origins)
        and not any(moves(line) for lines in lists for line in lines if isinstance(line, str))
    )


def _lasting(package: Package) -> bool:
    at_index = package.kind in ("wheel", "sdist") and package.path is None
    return at_index and redact(package.url) == package.url


def _is_whole(package: Package) -> bool:
    """Whether every field has a value of its kind: the file may have been written by anybody."""
    kinds: dict[str, type] = {"size": int, "path": type(None)}
    return all(isinstance(value, kinds.get(name, str)) for name, value in vars(package).items())


def _read(file: Path) -> _Kept | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        kept = _Kept(
            day=date.fromisoformat(content["day"]),
            packages=tuple(Package(**fields) for fields in content["packages"]),
            notes=tuple(content["notes"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    whole = all(isinstance(note, str) for note in kept.notes) and all(map(_is_whole, kept.packages))
    return kept if whole and all(_lasting(package) and package.name for package in kept.packages) else None
