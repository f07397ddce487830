"""Zips of a bundle, unpacked as Lambda unpacks them."""

import calendar
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path


def write_tree(folder: Path, zips: Sequence[bytes]) -> None:
    """Unpack zips one over the other into a folder, which appears whole, and read-only as on Lambda."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unpacking."))
    try:
        for content in zips:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                extract(archive, fresh)
        fresh.rename(folder)
        # The modes are set last, since a read-only folder cannot be renamed.
        for path in _folders(folder):
            path.chmod(0o555)
    except BaseException:
        remove_tree(fresh)
        raise


def extract(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpack a zip into a folder, over what is there; only its files are read-only."""
    folder.mkdir(exist_ok=True)
    for entry in archive.infolist():
        _extract(archive, entry, folder)


def remove_tree(folder: Path) -> None:
    """Remove a folder that `write_tree` made read-only."""
    if folder.exists():
        for path in _folders(folder):
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _folders(folder: Path) -> list[Path]:
    """Return the folder and all folders in it."""
    return [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        link = folder / entry.filename
        link.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            link.symlink_to(archive.read(entry).decode())
        return
    target = folder / entry.filename
    if target.is_file():
        target.unlink()  # a read-only file of a lower layer
    path = Path(archive.extract(entry, folder))
    if path.is_file():
        path.chmod((mode & 0o555) or 0o444)
        # Bytecode may hold the time of its source, and is valid only if the file has that time.
        modified = calendar.timegm((*entry.date_time, 0, 0, 0))
        os.utime(path, (modified, modified))
