"""The dependencies' part of the bundle: copied out of their wheels, stripped, with bytecode.

A wheel is a zip, and what is packed of it is copied as it lies there, deflated: only bytecode is added. What
one wheel comes to is kept in the cache, as a zip named by everything that it was made from. So a bundle is
put together from fragments, projects share them, and a new version of one package costs the work of one
package. A fragment is there whole or not at all; a broken one is made again.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.console import Console
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.bundle import bytecode, strip
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.storage import folders

FORMAT = 3
"""Raise it when the same input comes to something else: it is part of every name."""


@dataclass(frozen=True, kw_only=True)
class _StrippedWheel:
    """What one wheel alone puts into the bundle, bytecode left aside."""

    entries: tuple[Entry, ...]
    modules: tuple[Member, ...]
    """Those of the entries that are Python, inflated."""


def build(
    distributions: Sequence[Distribution], prefix: str, compiler: bytecode.Compiler | None, console: Console
) -> tuple[Entry, ...]:
    """What the wheels come to in a zip, under `prefix`, sorted by name."""
    fragments = {_fragment(each, prefix, compiler): each for each in distributions}
    found = {fragment: archive.find(fragment) for fragment in fragments}
    missing = {fragment: each for fragment, each in fragments.items() if found[fragment] is None}
    made = _make(missing, prefix, compiler, console) if missing else {}
    entries: dict[str, Entry] = {}
    for fragment in fragments:
        for entry in found[fragment] or made.get(fragment, ()):
            # Some distributions share a file, such as a namespace's __init__.py. The first has it, by name.
            entries.setdefault(entry.name, entry)
    return tuple(entries[name] for name in sorted(entries))


def _fragment(distribution: Distribution, prefix: str, compiler: bytecode.Compiler | None) -> Path:
    """Where what is made of a wheel is kept."""
    mount, minor = (compiler.mount, compiler.minor) if compiler else ("", "")
    key = [FORMAT, archive.LEVEL, strip.FORMAT, prefix, mount, minor, distribution.sha256]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    return folders.cache() / "fragments" / f"{name}.zip"


def _make(
    missing: dict[Path, Distribution], prefix: str, compiler: bytecode.Compiler | None, console: Console
) -> dict[Path, tuple[Entry, ...]]:
    """Strip and compile, and put the result into the cache."""
    made = {}
    with console.progress("Packing the dependencies", len(missing)) as advance:
        parts = {fragment: _strip_wheel(each, prefix) for fragment, each in missing.items()}
        for fragment, own in _compile(parts, compiler).items():
            made[fragment] = (*parts[fragment].entries, *own)
            fragment.parent.mkdir(parents=True, exist_ok=True)
            archive.write(fragment, made[fragment])
            advance(1)
    return made


def _compile(
    parts: dict[Path, _StrippedWheel], compiler: bytecode.Compiler | None
) -> dict[Path, list[Entry]]:
    """The bytecode of each part's modules."""
    # All at once: a process for each distribution would cost more than its work. But what several of them
    # have under the same name may differ.
    counts = Counter(module.name for part in parts.values() for module in part.modules)
    modules = (module for part in parts.values() for module in part.modules if counts[module.name] == 1)
    once = bytecode.build(compiler, list(modules))
    made = {}
    for fragment, part in parts.items():
        shared = [module for module in part.modules if counts[module.name] > 1]
        compiled = once | bytecode.build(compiler, shared)
        made[fragment] = [compiled[module.name] for module in part.modules if module.name in compiled]
    return made


def _strip_wheel(distribution: Distribution, prefix: str) -> _StrippedWheel:
    from lambdify.cli.packing.wheels import site_packages

    entries = site_packages.entries(distribution)
    modules = {path: entry for path, entry in entries.items() if path.endswith(".py")}
    # Test suites can be most of a package, and are seldom packed.
    sources_outside_tests = {
        path: archive.inflate(modules[path]) for path in modules if not strip.TESTS.pattern.match(path)
    }
    selected = strip.select_files(sources_outside_tests, distribution.files)
    sources = {
        path: sources_outside_tests.get(path) or archive.inflate(modules[path])
        for path in selected
        if path in modules
    }
    return _StrippedWheel(
        entries=tuple(_relocate(entries[path], prefix) for path in selected),
        modules=tuple(Member(prefix + path, source) for path, source in sources.items()),
    )


def _relocate(entry: Entry, prefix: str) -> Entry:
    """An entry of a wheel as one of ours."""
    # Some wheels mark every module; nothing on Lambda starts a module as a program.
    executable = entry.executable and not entry.name.endswith(".py")
    return archive.deflate_stored(archive.rename(entry, prefix + entry.name, executable=executable))
