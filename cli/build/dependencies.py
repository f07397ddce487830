"""From a project's dependency file to a tree of installed distributions that fits the function.

    find the file ▶ plan with uv ▶ build what has no wheel ▶ install ▶ gate

This is the one door of the dependency rooms: `sources`, `plan`, `wheels`, `docker`, `install` and `elf` stand
behind it, in that order.
"""

from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.build.target import Target
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One installed package."""

    name: str
    """As the package spells it."""
    version: str
    files: tuple[str, ...]
    """What belongs in the bundle: paths relative to the tree, with "/"; sorted."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What was installed."""

    source_name: str
    """The file the requirements came from, "" when the project has none."""
    distributions: tuple[Distribution, ...]
    """By name."""
    notes: tuple[str, ...]
    key: str
    """Identifies the set: names, versions and the content of every file (sha256, hex)."""


def install_dependencies(
    settings: Settings, target: Target, extra: tuple[str, ...], dest: Path, console: Console
) -> Dependencies:
    """Install the project's dependencies, and `extra` requirements beside them, into the empty `dest`."""
