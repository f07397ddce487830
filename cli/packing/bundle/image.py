"""A bundle as a container image: AWS's base image, the dependencies over it, the app over them.

    zips ──▶ a context of files and a Dockerfile ──engine──▶ image

Rules:
- What is in the image is what is in the zips, in the folder where Lambda would have unpacked the app's.
- Dependencies and app are two layers of the image, so that a changed line sends the app's alone.
- The image is named by what it was made from, the base image's id among it; the engine caches by content.
- Modes and dates are those of the zips, which depend on nothing but the files.
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
"""Raise it when the same input comes to something else."""
TASK_ROOT = "/var/task"
LIMIT = 10 * 1024**3
"""Bytes of an image, uncompressed. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
IN_MEMORY = 32 << 20


def tag(digests: Sequence[str], base: str, target: Target) -> str:
    """The tag of the image made from zips of these digests on a base image of that name."""
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
    """Make the image `name` from zips, each a layer over the one before. Raises BuildError."""
    engine.fetch_image(base, target, console)
    with console.step(f"Building the image on {base}"), _context(archives, base) as context:
        engine.build_image(context, name, target)


def _context(archives: Sequence[Path], base: str) -> IO[bytes]:
    """A tar with the files of each zip in a folder of its own, and the Dockerfile."""
    copies = [f"COPY {number}/ {TASK_ROOT}/" for number, _ in enumerate(archives)]
    # Which handler it is, the function says: the image is the same for all.
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
    """The files of a zip, as a tar has them."""
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            entry = tarfile.TarInfo(info.filename)
            entry.size = info.file_size
            entry.mode = info.external_attr >> 16 & 0o777
            entry.type = tarfile.DIRTYPE if info.is_dir() else tarfile.REGTYPE
            # A zip's date has no zone: read as UTC, it is the same everywhere.
            entry.mtime = calendar.timegm((*info.date_time, 0, 0, 0))
            with packed.open(info) as content:
                yield entry, content
