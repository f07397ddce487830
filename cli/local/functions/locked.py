"""Installs the local cloud's own packages, in locked versions, never from a project's index.

Lock files lie beside the modules that need them, with the hashes of all packages. So an index, such as a
company's mirror, provides the files but cannot change them. The index may be set by the user or the machine:
in a variable (uv's, or else pip's) or in uv's settings of the user or the system. The settings of the
deployed project, and of the folder with the cache, are ignored.

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
"""Variables with which the user chooses uv's settings."""


def fetch(name: str, lock: Path, python: Path, minor: str, *, build: Path | None = None) -> Path:
    """Return a folder with the packages of the lock file, for sys.path of that interpreter.

    They are installed once into the cache, in a folder whose name changes with the lock. The folder appears
    atomically: if two processes install at once, the second drops its own. `build` locks the packages that
    build from source. Raises LocalCloudFailed.
    """
    found = locate(name, lock, minor, build=build)
    if found.exists():
        return found
    found.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=found.parent, prefix=f".{found.name}."))
    try:
        _install(lock, python, fresh, build)
        # The rename fails if another process was first, since it replaces no folder with content.
        with suppress(OSError):
            fresh.rename(found)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return found


def locate(name: str, lock: Path, minor: str, *, build: Path | None = None) -> Path:
    """Return the folder that `fetch` installs these packages into, whether they are there or not."""
    locks = [lock, build] if build else [lock]
    key = hashlib.sha256(b"".join(each.read_bytes() for each in locks)).hexdigest()[:8]
    return folders.cache() / "runtime" / f"{name}-{minor}-{key}"


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
    """Return uv's options for the user's settings, else the system's, never a project's."""
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
    """Return uv's variables with the indexes of pip's, where uv's own are not set."""
    chosen = {}
    if environ.get("PIP_INDEX_URL") and not any(environ.get(name) for name in _DEFAULT_INDEX):
        chosen["UV_DEFAULT_INDEX"] = environ["PIP_INDEX_URL"]
    if environ.get("PIP_EXTRA_INDEX_URL") and not any(environ.get(name) for name in _EXTRA_INDEX):
        chosen["UV_INDEX"] = environ["PIP_EXTRA_INDEX_URL"]
    return chosen
