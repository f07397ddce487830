"""Errors of the disk, such as a full disk or missing permissions, as errors for the user.

Any write can fail like this, so the errors are translated here, not at each write. `main` calls `explain`
before it reports an OSError as a bug.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.errors import DiskFull, FileRefused, LambdifyError
from lambdify.cli.storage import folders

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
)


def explain(error: OSError) -> LambdifyError | None:
    """Return an error with a hint for the user; None if the user can do nothing."""
    if error.errno in _FULL:
        return DiskFull(
            f"The disk is full: {error.strerror}.",
            hint=f"Make room, or choose other places. What is left: {_tell_free_space()}.",
        )
    if error.errno in _REFUSED and error.filename is not None:
        path = os.fsdecode(error.filename)
        return FileRefused(
            f"{path} cannot be used: {error.strerror}.",
            hint="lambdify has to read or write there: change its rights, move away what is there, or choose "
            "other places with TMPDIR, LAMBDIFY_CACHE, LAMBDIFY_HOME or --output.",
        )
    return None


@contextmanager
def explained() -> Iterator[None]:
    """Turn an OSError in the block, or in the function that it decorates, into the error of `explain`."""
    try:
        yield
    except OSError as error:
        if explanation := explain(error):
            raise explanation from error
        raise


class Place(NamedTuple):
    """A folder that lambdify writes to, which may not be there yet."""

    path: Path
    free: int
    """Bytes that are left on its disk."""
    writable: bool


def find_places() -> dict[str, Place]:
    """Return the folders that lambdify writes to, by what decides where they are."""
    places = {
        "the project": Path.cwd() / folders.WORKSPACE,
        "TMPDIR": Path(tempfile.gettempdir()),
        "LAMBDIFY_CACHE": folders.cache(),
        "LAMBDIFY_HOME": folders.home(),
    }
    # A folder may not exist yet. Its disk is that of the nearest folder above that exists.
    there = {
        name: next(path for path in (place, *place.parents) if path.exists())
        for name, place in places.items()
    }
    return {
        name: Place(path, shutil.disk_usage(path).free, os.access(path, os.W_OK | os.X_OK))
        for name, path in there.items()
    }


def _tell_free_space() -> str:
    return ", ".join(f"{place.free / 2**20:,.1f} MiB for {name}" for name, place in find_places().items())
