"""The container image of a bundle: AWS's base image, then a layer of dependencies, then the app.

    zips ──▶ a context of files and a Dockerfile ──engine──▶ image

Rules:
- The image has the same files as the zips, in the folder that Lambda unpacks the app's zip to.
- Dependencies and app are separate layers, so that only the app's layer is sent if the app changes.
- The tag is a digest of the image's input, including the base image. The engine caches layers by content.
- Modes and dates are those of the zips, which depend only on the files.
"""

import calendar
import hashlib
import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lambdify.cli.console import Console
from lambdify.cli.packing.target import Target

if TYPE_CHECKING:
    from lambdify.cli.packing.wheels.docker import Engine

FORMAT = 1
"""The version of the image's layout, part of every tag; increase it when the layout changes."""
TASK_ROOT = "/var/task"
LIMIT = 10 * 1024**3
"""Bytes of an image, uncompressed. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
IN_MEMORY = 32 << 20


def tag(digests: Sequence[str], base: str, target: Target) -> str:
    """Return the tag of the image made from zips with these digests on the base image `base`."""
    identity = json.dumps([FORMAT, *digests, base, target.id])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def build(
    archives: Sequence[Path],
    base: str,
    name: str,
    target: Target,
    engine: "Engine",
    console: Console,
) -> None:
    """Build the image `name` from zips, each as a layer. Raises BuildError."""
    engine.fetch_image(base, target, console)
    with console.step(f"Building the image on {base}"), _context(archives, base) as context:
        engine.build_image(context, name, target)


def _context(archives: Sequence[Path], base: str) -> IO[bytes]:
    """Return a tar with a Dockerfile, and with the files of each zip in a folder."""
    copies = [f"COPY {number}/ {TASK_ROOT}/" for number, _ in enumerate(archives)]
    # The image sets no handler: the function's configuration does.
    lines = [f"FROM {base}", *copies, f"WORKDIR {TASK_ROOT}"]
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by whoever asked
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as context:
        text = "\n".join(lines).encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        context.addfile(entry, io.BytesIO(text))
        for number, archive in enumerate(archives):
            for member, content in _files(archive):
                member.name = f"{number}/{member.name}"
                context.addfile(member, content)
    file.seek(0)
    return file


def _files(archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the files of a zip as members of a tar, with their contents."""
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            entry = tarfile.TarInfo(info.filename)
            entry.size = info.file_size
            entry.mode = info.external_attr >> 16 & 0o777
            entry.type = tarfile.DIRTYPE if info.is_dir() else tarfile.REGTYPE
            # A zip's date has no time zone. It is read as UTC, so that it is the same on every machine.
            entry.mtime = calendar.timegm((*info.date_time, 0, 0, 0))
            with packed.open(info) as content:
                yield entry, content
