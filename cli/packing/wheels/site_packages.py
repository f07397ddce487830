"""The files of a wheel in site-packages, read from its directory without unpacking it.

    shop/__init__.py                       packed
    shop-1.0.data/purelib/, platlib/       packed, without these two folders
    shop-1.0.data/data/                    packed: with `--target` the environment's root is site-packages
    shop-1.0.data/scripts/, headers/       left out: Lambda starts no scripts and compiles nothing
    shop-1.0.dist-info/RECORD              left out: it lists files that are not packed

https://packaging.python.org/en/latest/specifications/binary-distribution-format/

Wheels do not change, so the result is cached by the wheel's sha256.
"""

import base64
import binascii
import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from lambdify.cli.errors import BuildError
from lambdify.cli.packing import archive, serialization
from lambdify.cli.packing.archive import Entry
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.packing.wheels.elf import Elf, parse_elf
from lambdify.cli.packing.wheels.gate import NATIVE
from lambdify.cli.packing.wheels.wheel_cache import Wheel
from lambdify.cli.storage import folders

FORMAT = 2
"""The version of the result, part of every cache file's name; increase it when the result changes."""
_METADATA = re.compile(r"^(?P<stem>[^/]+)\.dist-info/METADATA$")
_DATA = re.compile(r"^[^/]+\.data/(?P<scheme>[^/]+)/(?P<path>.+)$")
_INSTALLED = frozenset({"purelib", "platlib", "data"})
# Only installers use these files, or write them about this machine: https://peps.python.org/pep-0376/
_INSTALLER_FILES = re.compile(
    r"\.dist-info/(RECORD(\.\w+)?|INSTALLER|REQUESTED|(direct_url|uv_cache|uv_build)\.json)$"
)
_UNSAFE_PATH = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|\\")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The contents of a wheel."""

    distribution: Distribution
    natives: Mapping[str, Elf]
    """The requirements of each shared object, by its path in site-packages."""
    requires: tuple[str, ...] = ()
    """The requirements of the distribution, as its metadata spells them."""


def read_contents(wheel: Wheel) -> Contents:
    """Return the contents of a wheel, from the cache if possible. Raises BuildError for a broken wheel."""
    name = f"{wheel.sha256}-{FORMAT}.json"
    cached = folders.cache() / "contents" / name
    try:
        known: Contents = serialization.deserializer(Contents)(json.loads(cached.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        known = _read_wheel(wheel)
        folders.write_atomically(cached, json.dumps(serialization.serialize(known)))
    # Since its contents were cached, the wheel may have been moved, or have come from elsewhere.
    came = {"wheel": wheel.path, "origin": wheel.package.origin}
    moved = Distribution(**{**vars(known.distribution), **came})
    return replace(known, distribution=moved)


def entries(distribution: Distribution) -> dict[str, Entry]:
    """Return the entries of a wheel, deflated or not, by their path in site-packages.

    Raises BuildError if the wheel is missing or has another digest.
    """
    return dict(_entries(distribution.wheel, distribution.sha256))


def _read_wheel(wheel: Wheel) -> Contents:
    found = dict(_entries(wheel.path, wheel.sha256))
    infos = [match["stem"] for path in found if (match := _METADATA.match(path))]
    if len(infos) != 1:
        raise _broken(wheel.path, f"it has {len(infos) or 'no'} .dist-info folder{'s' * (len(infos) > 1)}")
    name, _, version = infos[0].partition("-")
    recorded = _read_record(found, infos[0])
    files = tuple(sorted(path for path in found if not _INSTALLER_FILES.search(path)))
    digest = hashlib.sha256(f"{canonicalize_name(name)} {version}\n".encode())
    for path in files:
        entry = found[path]
        content = recorded.get(path) or hashlib.sha256(archive.inflate(entry)).hexdigest()
        # The checksum shows a file that was replaced without an update of RECORD.
        digest.update(f"{path} {content} {entry.crc} {entry.executable}\n".encode())
    natives = {path: parse_elf(archive.inflate(found[path])) for path in files if NATIVE.search(path)}
    return Contents(
        distribution=Distribution(
            name=name,
            version=version,
            files=files,
            key=digest.hexdigest(),
            wheel=wheel.path,
            sha256=wheel.sha256,
        ),
        natives={path: elf for path, elf in natives.items() if elf is not None},
        requires=_requires(archive.inflate(found[f"{infos[0]}.dist-info/METADATA"])),
    )


def _requires(metadata: bytes) -> tuple[str, ...]:
    """Return the values of Requires-Dist in the header, which ends at the first empty line."""
    header = metadata.decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")[0]
    return tuple(re.findall(r"^Requires-Dist:\s*(.+?)\s*$", header, re.MULTILINE | re.IGNORECASE))


def _entries(path: Path, sha256: str) -> Iterator[tuple[str, Entry]]:
    listed = archive.find(path, sha256)
    if listed is None:
        raise _broken(path, "it is not there, no zip, or not the file that it was")
    for entry in listed:
        if _UNSAFE_PATH.search(entry.name):
            raise _broken(path, f"{entry.name!r} would lie outside of site-packages")
        if not entry.name.endswith("/") and (place := _installed_path(entry.name)):
            yield place, entry._replace(name=place)


def _installed_path(name: str) -> str:
    """Return the path of a member relative to site-packages; "" if it is left out."""
    data = _DATA.match(name)
    if data is None:
        return name
    return data["path"] if data["scheme"] in _INSTALLED else ""


def _read_record(found: Mapping[str, Entry], stem: str) -> dict[str, str]:
    """Return the sha256 of each file in RECORD, in hex."""
    record = found.get(f"{stem}.dist-info/RECORD")
    if record is None:
        return {}
    lines: Iterable[str] = archive.inflate(record).decode("utf-8", "replace").splitlines()
    rows = (row for row in csv.reader(lines) if len(row) > 1)
    return {_installed_path(row[0]): _hex(row[1]) for row in rows if row[1].startswith("sha256=")}


def _hex(recorded: str) -> str:
    """Return a digest of RECORD, which is base64 without padding, in hex; "" for a broken one."""
    digest = recorded.removeprefix("sha256=")
    try:
        return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()
    except (binascii.Error, ValueError):
        return ""


def _broken(wheel: Path, why: str) -> BuildError:
    return BuildError(
        f"{wheel.name} cannot be packed: {why}.",
        hint="If it came from an index, tell its author. If it is your own, build it again.",
    )
