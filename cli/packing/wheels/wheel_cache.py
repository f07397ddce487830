"""The cache of built wheels. The key is made from all that a wheel is built from.

    <cache>/wheels/<key of source, target and system packages>/<pure, or the image's id>/<name>.whl

An entry is created by an atomic rename, and never changed, so that several runs can share the cache, and a
killed run leaves no broken entry.
https://pubs.opengroup.org/onlinepubs/9699919799/functions/rename.html
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from lambdify.cli.packing.requirements.origins import source_digest
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.target import Target

_RECIPE = 1
"""The version of the builds, part of every key; increase it when wheels are built in another way."""
_PURE = "pure"
_NOTES = "notes.json"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel for the target."""

    package: Package
    """The package, with its version even if only the build showed it."""
    path: Path
    sha256: str
    notes: tuple[str, ...] = ()
    image: str = ""
    """Id of the image that it was built in; "" if it was not built in a container."""


@dataclass(frozen=True, kw_only=True)
class WheelCache:
    """The cached wheels of a target, for one setup of the build container."""

    folder: Path
    target: Target
    image: str
    """Name of the image that native wheels are built in."""
    packages: tuple[str, ...] = ()
    """System packages that are installed first."""
    before: tuple[str, ...] = ()
    """Commands that run first, in this order."""

    def find_pure(self, package: Package) -> Wheel | None:
        """Return the wheel that was built without a compiler; else None."""
        return _read(self._entry(package, "") / _PURE, package)

    def find_native(self, package: Package, image_id: Callable[[], str | None]) -> Wheel | None:
        """Return the wheel that was built in the image; else None.

        `image_id` is called only if a wheel is cached. If it returns None, since no engine has the image, a
        wheel of any image with that name is used.
        """
        # The name of an unfinished entry begins with a dot.
        entries = sorted(self._entry(package, self.image).glob("[!.]*/"))
        current = image_id() if entries else None
        chosen = [entry for entry in entries if current in (None, _image_id(entry.name))]
        return _read(chosen[-1], package) if chosen else None

    def keep_pure(self, package: Package, wheel: Path) -> Wheel:
        """Copy a wheel into the cache, and return the cached one."""
        return _store(self._entry(package, "") / _PURE, package, wheel, ())

    def keep_native(self, package: Package, wheel: Path, image_id: str, notes: tuple[str, ...]) -> Wheel:
        """Copy a wheel that was built in the image into the cache, and return the cached one."""
        entry = self._entry(package, self.image) / image_id.replace(":", "-")
        return _store(entry, package, wheel, notes)

    def _entry(self, package: Package, image: str) -> Path:
        origin = [package.name, package.version, source_digest(package), package.subdirectory]
        system = [image, *sorted(self.packages)] if image else []
        before = [list(self.before)] if image and self.before else []
        text = json.dumps([_RECIPE, origin, self.target.id, system, *before])
        return self.folder / hashlib.sha256(text.encode()).hexdigest()[:32]


def _image_id(folder: str) -> str:
    return folder.replace("-", ":", 1)


def _read(entry: Path, package: Package) -> Wheel | None:
    wheel = next(entry.glob("*.whl"), None)
    if wheel is None:
        return None
    notes = tuple(json.loads((entry / _NOTES).read_text(encoding="utf-8")))
    version = str(parse_wheel_filename(wheel.name)[1])
    return Wheel(
        package=Package(**{**vars(package), "version": version}),
        path=wheel,
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        notes=notes,
        image="" if entry.name == _PURE else _image_id(entry.name),
    )


def _store(entry: Path, package: Package, wheel: Path, notes: tuple[str, ...]) -> Wheel:
    entry.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=entry.parent, prefix="."))
    try:
        shutil.copy(wheel, unfinished)
        (unfinished / _NOTES).write_text(json.dumps(notes), encoding="utf-8")
        unfinished.rename(entry)
    except OSError:
        # Another run created the entry first, and its wheel is equivalent.
        if not entry.is_dir():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    stored = _read(entry, package)
    if stored is None:
        raise FileNotFoundError(entry)
    return stored
