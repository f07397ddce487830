"""The layer of dependencies: files that are copied out of wheels, without needless ones, and bytecode.

A wheel is a zip, so its deflated files are copied as they are; only bytecode is added. The result for one
wheel, a fragment, is cached as a zip, named by a digest of its input. Projects share fragments, and a new
version of a package needs only one new fragment. Fragments are written atomically; a broken one is replaced.
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
"""The version of fragments, part of every name; increase it when the same input gives another result."""


@dataclass(frozen=True, kw_only=True)
class _StrippedWheel:
    """The files of a wheel that are packed, without bytecode."""

    entries: tuple[Entry, ...]
    modules: tuple[Member, ...]
    """The entries that are Python modules, inflated."""


def build(
    distributions: Sequence[Distribution], prefix: str, compiler: bytecode.Compiler | None, console: Console
) -> tuple[Entry, ...]:
    """Return the entries of all distributions in a zip, under `prefix`, sorted by name."""
    fragments = {_fragment(each, prefix, compiler): each for each in distributions}
    found = {fragment: archive.find(fragment) for fragment in fragments}
    missing = {fragment: each for fragment, each in fragments.items() if found[fragment] is None}
    made = _make(missing, prefix, compiler, console) if missing else {}
    entries: dict[str, Entry] = {}
    for fragment in fragments:
        for entry in found[fragment] or made.get(fragment, ()):
            # If distributions share a file, such as a namespace's __init__.py, the first one's is packed.
            entries.setdefault(entry.name, entry)
    return tuple(entries[name] for name in sorted(entries))


def _fragment(distribution: Distribution, prefix: str, compiler: bytecode.Compiler | None) -> Path:
    """Return the path of a wheel's fragment in the cache."""
    mount, minor = (compiler.mount, compiler.minor) if compiler else ("", "")
    key = [FORMAT, archive.LEVEL, strip.FORMAT, prefix, mount, minor, distribution.sha256]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    return folders.cache() / "fragments" / f"{name}.zip"


def _make(
    missing: dict[Path, Distribution], prefix: str, compiler: bytecode.Compiler | None, console: Console
) -> dict[Path, tuple[Entry, ...]]:
    """Make the missing fragments, and write them to the cache; return their entries."""
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
    """Return the bytecode of each part's modules."""
    # All parts are compiled together, since a process for each would take longer than its work. But modules
    # with the same name in several parts may differ, and are compiled part by part.
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
    # Test suites can be most of a package, and are seldom packed, so they are not inflated yet.
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
    """Return an entry of a wheel as an entry of the layer."""
    # Some wheels mark every module as executable. Lambda starts no module as a program.
    executable = entry.executable and not entry.name.endswith(".py")
    return archive.deflate_stored(archive.rename(entry, prefix + entry.name, executable=executable))
