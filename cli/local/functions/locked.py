"""What the local cloud installs for itself: what was tried with this lambdify, and from no project's index.

Lock files lie beside the modules that need them, with the hashes of all that may be installed. An index, such
as a company's mirror, is where the files come from, and may not decide what is in them. It counts when the
user or the machine names it: in a variable (uv's, or pip's for lack of one) or in uv's settings of the user
or the system. The settings of whatever project is deployed, or of the folder where the cache lies, do not.

https://docs.astral.sh/uv/concepts/configuration-files/
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.packing.resolution.uv import run_uv
from lambdify.cli.storage import folders

_DEFAULT_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_EXTRA_INDEX = ("UV_INDEX", "UV_EXTRA_INDEX_URL")
_SETTINGS_CHOICE = ("UV_CONFIG_FILE", "UV_NO_CONFIG")
"""Variables by which the user says which settings of uv count."""


def fetch(name: str, lock: Path, python: Path, minor: str, *, build: Path | None = None) -> Path:
    """A folder that holds what the lock file names, to put on sys.path of that interpreter.

    Installed once into the cache, under a name that changes with the lock. It appears there whole or not at
    all: two that want it at once may both install it, and the second one drops its own. `build` locks what
    builds from source. Raises LocalCloudFailed.
    """
    locks = [lock, build] if build else [lock]
    key = hashlib.sha256(b"".join(each.read_bytes() for each in locks)).hexdigest()[:8]
    parent = folders.cache() / "runtime"
    found = parent / f"{name}-{minor}-{key}"
    if found.exists():
        return found
    parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=parent, prefix=f".{found.name}."))
    try:
        _install(lock, python, fresh, build)
        # Taken already: rename refuses to replace a folder that is not empty.
        with suppress(OSError):
            fresh.rename(found)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return found


def _install(lock: Path, python: Path, folder: Path, build: Path | None) -> None:
    command = ["pip", "install", "--python", str(python), "--target", str(folder), "--compile-bytecode"]
    command += ["--require-hashes", "--no-deps", *choose_settings(os.environ), "--requirements", str(lock)]
    command += ["--build-constraints", str(build)] if build else []
    done = run_uv(command, cwd=folder, extra=choose_indexes(os.environ))
    if not done.succeeded:
        raise LocalCloudFailed(
            f"What {lock.stem} needs could not be installed for {python}:\n{done.errors.strip()}",
            hint="uv installs it from the package index; check that the index can be reached, and that it "
            f"has the files whose hashes are in {lock}.",
        )


def choose_settings(environ: Mapping[str, str]) -> list[str]:
    """Uv's options for the user's settings, else the system's, and no project's."""
    if any(environ.get(name) for name in _SETTINGS_CHOICE):
        return []
    home = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - no home is no error
    system = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    roots = [home, *system.split(os.pathsep), "/etc"]
    for root in roots:
        if (file := Path(root, "uv", "uv.toml")).is_file():
            return ["--config-file", str(file)]
    return ["--no-config"]


def choose_indexes(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip's variables say, in uv's, where the user names no index to uv."""
    chosen = {}
    if environ.get("PIP_INDEX_URL") and not any(environ.get(name) for name in _DEFAULT_INDEX):
        chosen["UV_DEFAULT_INDEX"] = environ["PIP_INDEX_URL"]
    if environ.get("PIP_EXTRA_INDEX_URL") and not any(environ.get(name) for name in _EXTRA_INDEX):
        chosen["UV_INDEX"] = environ["PIP_EXTRA_INDEX_URL"]
    return chosen
