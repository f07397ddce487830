"""The dependencies' part of the bundle: stripped, with bytecode, packed one distribution at a time.

What one distribution comes to is kept in the cache, as a zip named by everything that it was made from. So a
bundle is put together from fragments, projects share them, and a new version of one package costs the work of
one package. A fragment is there whole or not at all; a broken one is made again.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli import folders
from lambdify.cli.build import archive, bytecode, strip
from lambdify.cli.build.archive import Entry, Member
from lambdify.cli.build.distributions import Distribution
from lambdify.cli.console import Console

FORMAT = 1
"""Raise it when the same input comes to something else: it is part of every name."""


@dataclass(frozen=True, kw_only=True)
class _Fragment:
    """What one distribution alone puts into the bundle, before any of it is read."""

    paths: tuple[str, ...]
    zip: Path


def build(
    distributions: Sequence[Distribution],
    tree: Path,
    prefix: str,
    compiler: bytecode.Compiler | None,
    console: Console,
) -> tuple[Entry, ...]:
    """What the installed tree comes to in a zip, under `prefix`, sorted by name."""
    fragments = tuple(_fragments(distributions, tree, prefix, compiler))
    found = {fragment: archive.find(fragment.zip) for fragment in fragments}
    missing = [fragment for fragment in fragments if found[fragment] is None]
    made = _make(missing, tree, prefix, compiler, console) if missing else {}
    entries = (entry for fragment in fragments for entry in found[fragment] or made[fragment])
    return tuple(sorted(entries, key=lambda entry: entry.name))


def _fragments(
    distributions: Sequence[Distribution], tree: Path, prefix: str, compiler: bytecode.Compiler | None
) -> Iterator[_Fragment]:
    folder = folders.cache() / "fragments"
    taken: set[str] = set()
    for distribution in distributions:
        # Some distributions share a file, such as a namespace's __init__.py; it is on disk once.
        paths = tuple(path for path in distribution.files if path not in taken)
        taken.update(paths)
        mount, minor = (compiler.mount, compiler.minor) if compiler else ("", "")
        contents = [(path, _digest(tree / path), _executable(tree / path)) for path in paths]
        key = json.dumps([FORMAT, archive.LEVEL, strip.FORMAT, prefix, mount, minor, contents])
        yield _Fragment(paths=paths, zip=folder / f"{hashlib.sha256(key.encode()).hexdigest()}.zip")


def _make(
    missing: Sequence[_Fragment],
    tree: Path,
    prefix: str,
    compiler: bytecode.Compiler | None,
    console: Console,
) -> dict[_Fragment, tuple[Entry, ...]]:
    """Strip, compile and deflate, and put the result into the cache."""
    made = {}
    with console.progress("Packing the dependencies", len(missing)) as advance:
        members = {fragment: _members(fragment, tree, prefix) for fragment in missing}
        # All at once: a process for each distribution would cost more than its work.
        compiled = bytecode.build(compiler, [member for group in members.values() for member in group])
        for fragment, group in members.items():
            own = [compiled[member.name] for member in group if member.name in compiled]
            made[fragment] = archive.deflate([*group, *own])
            fragment.zip.parent.mkdir(parents=True, exist_ok=True)
            archive.write(fragment.zip, made[fragment])
            advance(1)
    return made


def _members(fragment: _Fragment, tree: Path, prefix: str) -> tuple[Member, ...]:
    sources = {path: (tree / path).read_bytes() for path in fragment.paths if path.endswith(".py")}
    return tuple(
        Member(
            prefix + path,
            sources[path] if path in sources else (tree / path).read_bytes(),
            _executable(tree / path),
        )
        for path in strip.kept(sources, fragment.paths)
    )


def _executable(path: Path) -> bool:
    # Some wheels mark every module; nothing on Lambda starts a module as a program.
    return path.suffix != ".py" and bool(path.stat().st_mode & 0o100)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
