"""What an examination read, so that the next deployment need not read it again.

The findings are those of the last time while the settings, lambdify itself, the app, the Python files, the
files in the project's folder and the names in all folders are as they were.
"""

import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.detection.project import SKIPPED_FOLDERS, Project
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.bundle import build_cache
from lambdify.cli.packing.fingerprint import Fingerprint
from lambdify.cli.settings import Settings
from lambdify.cli.storage import seal

READ_BY_PACKER = frozenset({"static", "build", "dist"})
"""Folders without code of the app, whose names count: a manifest of static files may be there."""


def take(root: Path) -> Fingerprint:
    """Return what a project is like now; to be taken before it is read. Raises OSError if it cannot be."""
    moment = time.time_ns()
    names = {str(root / name) for name in Project(root).files}
    # A link may lead to a folder of the repository that is out of the project.
    places = sorted({*_folders(root), *(name.rpartition("/")[0] for name in names)})
    beside = {entry.path for entry in os.scandir(root) if entry.is_file()}
    stamps = {path: fingerprint.stamp(os.stat(path)) for path in sorted(names | beside)}  # noqa: PTH116
    young = [path for path, stamp in stamps.items() if fingerprint.is_young(stamp, moment)]
    return Fingerprint(
        root=str(root),
        files=stamps,
        folders={folder: fingerprint.list_folder(folder, str(root)) for folder in places},
        young={path: fingerprint.digest(Path(path)) for path in young},
    )


def sign(settings: Settings, app: Candidate) -> str:
    """Return a digest of all that decides on findings but for files; "" if none can be made."""
    # The seal's key is in it, since settings hold values that nobody should try to guess from a digest.
    given = [dataclasses.asdict(settings), app.app, app.file, app.path, app.framework]
    text = json.dumps([build_cache.digest_lambdify(), given], default=str, sort_keys=True)
    return seal.sign("examined", text)


def _folders(root: Path) -> Iterator[str]:
    """Yield the folders whose names count, the project's own included; links are names in their folder."""
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        yield folder
        with os.scandir(folder) as entries:
            waiting += [
                entry.path
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and not entry.name.startswith(".")
                and entry.name not in SKIPPED_FOLDERS - READ_BY_PACKER
                and not fingerprint.is_environment(entry.path)
            ]
