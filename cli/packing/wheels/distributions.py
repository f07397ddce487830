"""Distributions and dependencies as values. This module imports none of the code that makes them."""

from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.packing.fingerprint import EMPTY, Fingerprint


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A package, with the wheel that its files are copied from."""

    name: str
    """The name in the package's own spelling."""
    version: str
    files: tuple[str, ...]
    """Paths of the files in site-packages, relative and with "/"; sorted."""
    key: str
    """The digest of name, version and the content of every file (sha256, hex)."""
    wheel: Path
    """The path of the wheel, which never changes."""
    sha256: str
    """The digest of the wheel, in hex."""
    origin: str = ""
    """Where it came from, without credentials: the address of a wheel or sdist, "git+https://...@commit" of a
    repository, "folder" for sources on this machine, and "" for a wheel or sdist on this machine."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The distributions that the function needs beside the project."""

    source_name: str
    """The name of the dependency file; "" if the project has none."""
    distributions: tuple[Distribution, ...]
    """By name."""
    notes: tuple[str, ...]
    """Messages for the user about the choice of versions and about native files."""
    key: str
    """The digest of the names, versions and contents of all files (sha256, hex)."""
    extra: tuple[str, ...] = ()
    """Requirements of lambdify itself."""
    inputs: tuple[tuple[str, str], ...] = ()
    """All files that influence the set, with their digests before they were read; "" for a missing one."""
    images: tuple[tuple[str, str], ...] = ()
    """Names of the images that wheels were built in, with their ids at that time."""
    local: Fingerprint = EMPTY
    """The fingerprint of required folders and files of this machine, taken before they were read."""
    wanted: tuple[str, ...] = ()
    """What the app's imports asked for: other imports may make another set."""
    settled: bool = True
    """Whether the same inputs, and the same files of this machine, give the same set."""
