"""What dependencies come to: values, and nothing that would have to be imported to make them."""

from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.packing.fingerprint import EMPTY, Fingerprint


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One package, as the wheel that it is packed from."""

    name: str
    """As the package spells it."""
    version: str
    files: tuple[str, ...]
    """What would be installed of it: paths relative to site-packages, with "/"; sorted."""
    key: str
    """Identifies it: name, version and the content of every file (sha256, hex)."""
    wheel: Path
    """Never changed while it is there; nothing is unpacked from it."""
    sha256: str
    """The wheel's own, hex."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What the function needs beside the project."""

    source_name: str
    """The file the requirements came from, "" when the project has none."""
    distributions: tuple[Distribution, ...]
    """By name."""
    notes: tuple[str, ...]
    """What the user was told about the choice of versions and the state of native files."""
    key: str
    """Identifies the set: names, versions and the content of every file (sha256, hex)."""
    extra: tuple[str, ...] = ()
    """What lambdify requires beside the project."""
    inputs: tuple[tuple[str, str], ...] = ()
    """Every file that had a say, with its digest of before it was read; "" where there was none."""
    images: tuple[tuple[str, str], ...] = ()
    """Names of the images that wheels were built in, each with its id of then."""
    local: Fingerprint = EMPTY
    """What was built from folders and files of this machine, before it was read."""
    settled: bool = True
    """Whether the same inputs, and the same files of this machine, come to the same set."""
