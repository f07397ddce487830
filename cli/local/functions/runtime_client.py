"""What the managed runtime has beside the interpreter: AWS's runtime client and boto3, per minor version.

Installed once into the cache, under a name that changes with what is asked for. It appears there whole or not
at all: two sandboxes that want it at once may both install it, and the second one drops its own.
"""

import hashlib
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.packing.resolution.uv import run_uv
from lambdify.cli.storage import folders

REQUIREMENTS = ("awslambdaric>=4.2,<5", "boto3>=1.43.38,<2")


def fetch(python: Path, minor: str) -> Path:
    """The folder to put on sys.path for that interpreter. Raises LocalCloudFailed."""
    key = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()[:8]
    parent = folders.cache() / "runtime"
    found = parent / f"{minor}-{key}"
    if found.exists():
        return found
    parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=parent, prefix=f".{found.name}."))
    try:
        _install(python, fresh)
        # Taken already: rename refuses to replace a folder that is not empty.
        with suppress(OSError):
            fresh.rename(found)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return found


def _install(python: Path, folder: Path) -> None:
    done = run_uv(
        [
            "pip",
            "install",
            "--python",
            str(python),
            "--target",
            str(folder),
            "--compile-bytecode",
            *REQUIREMENTS,
        ],
        cwd=folder,
    )
    if not done.succeeded:
        raise LocalCloudFailed(
            f"AWS's runtime client could not be installed for {python}:\n{done.errors.strip()}",
            hint="uv installs it from the package index; check that the index can be reached.",
        )
