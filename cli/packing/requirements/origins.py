"""Origins of packages that have to be built: archives, git commits and folders.

Every source is copied first: a build in a project's folder would leave build/ and *.egg-info in it. The
digest of an archive is checked.
"""

import errno
import hashlib
import os
import re
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.programs import git
from lambdify.cli.redaction import redact

_TIMEOUT = 60.0
"""Seconds without a byte."""
_RETRY_PAUSES = (0.5, 2.0)
"""Seconds before the second attempt, and before the third."""
_BLOCK_SIZE = 1 << 16
"""Bytes; small enough that progress shows on a slow connection."""
_SERVER_FAILED = 500
"""HTTP statuses from this one on are errors of the server."""
_NOT_SOURCE = frozenset({".git", ".hg", ".tox", ".nox", ".lambdify", "__pycache__", "node_modules"})
_BUILT = frozenset({"build", "dist"})
_NATIVE = re.compile(
    r"\.(c|cc|cpp|cxx|pyx|rs|f|f90)$|(^|/)(Cargo\.toml|CMakeLists\.txt|meson\.build)$", re.IGNORECASE
)
_SIDE_FOLDERS = re.compile(r"(^|/)(tests?|docs?|examples?|benchmarks?)/", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DownloadObserver:
    """Callbacks of a download."""

    keep_going: Callable[[], bool] = lambda: True
    """Called before every block; False ends the download."""
    expect: Callable[[int], None] = lambda _: None
    """Called with the length in bytes, if it was not known before; negative if an attempt failed."""
    advance: Callable[[int], None] = lambda _: None
    """Called with the bytes of every block; negative if an attempt failed."""


def fetch_source(package: Package, indexes: Indexes, folder: Path) -> Path:
    """Put the package's source into the folder and return the archive or directory."""
    match package.kind:
        case "directory":
            return _copy(package, folder / "source")
        case "git":
            return _clone(package, folder / "source")
        case _:
            return download(package, indexes, folder / package.filename)


def source_digest(package: Package) -> str:
    """Return a text that identifies the source: it changes when the source does."""
    if package.kind == "git":
        return f"{redact(package.url)}@{package.commit}#{package.subdirectory}"
    if package.path is None or package.kind != "directory":
        return package.sha256
    digest = hashlib.sha256()
    with readable(package):
        for name in sorted(_source_files(package.path)):
            content = hashlib.sha256((package.path / name).read_bytes()).digest()
            digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()


def find_native_sources(source: Path) -> tuple[str, ...]:
    """Return the names of files in a source that probably need a compiler."""
    if source.is_dir():
        names: list[str] = sorted(_source_files(source))
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
    else:
        with tarfile.open(source) as archive:
            names = archive.getnames()
    return tuple(name for name in names if _NATIVE.search(name) and not _SIDE_FOLDERS.search(name))


def download(
    package: Package,
    indexes: Indexes,
    into: Path,
    observer: DownloadObserver | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Download an archive into a file, and return its path.

    A broken connection, or an error of the server, is retried. Raises RequirementsError, also for an archive
    with another digest than the locked one.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    for pause in (*_RETRY_PAUSES, None):
        try:
            digest = _copy_blocks(package, indexes, into, observer or DownloadObserver())
            break
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                # The disk is full, so a retry does not help.
                raise
            if pause is None or not _is_transient(error):
                place = redact(package.url) or package.path
                raise RequirementsError(
                    f"{package.label} could not be downloaded from {place}: {error}",
                    hint="Check the network; a private index wants its credentials in UV_DEFAULT_INDEX or "
                    "~/.netrc.",
                ) from error
            sleep(pause)
    if digest != package.sha256:
        raise RequirementsError(
            f"{package.label}: {package.filename} has sha256 {digest}, not {package.sha256}",
            hint="If it was replaced on purpose, lock again. If not, somebody may have tampered with it.",
        )
    return into


def _copy_blocks(package: Package, indexes: Indexes, into: Path, observer: DownloadObserver) -> str:
    """Copy the archive block by block, and return its digest."""
    digest = hashlib.sha256()
    copied = unexpected = 0
    try:
        with _open(package, indexes) as origin, into.open("wb") as copy:
            # A local file has no length attribute, and a server need not send one.
            length = getattr(origin, "length", None) or 0
            unexpected = 0 if package.size else length
            observer.expect(unexpected)
            while observer.keep_going() and (block := origin.read(_BLOCK_SIZE)):
                digest.update(block)
                copy.write(block)
                copied += len(block)
                observer.advance(len(block))
            if copied < length and observer.keep_going():
                # http.client does not report a connection that ends early. Without this check, the digest
                # would be compared, and the error would speak of tampering.
                raise ConnectionError(f"the connection ended after {copied:,} of {length:,} bytes")
    except OSError:
        # A retry starts from the beginning, so the progress is taken back.
        observer.advance(-copied)
        observer.expect(-unexpected)
        raise
    return digest.hexdigest()


def _is_transient(error: OSError) -> bool:
    """Whether a retry may succeed: after errors of the connection or the server, not after a refusal."""
    # The import loads the HTTP and e-mail modules, and most runs download nothing.
    from urllib.error import HTTPError, URLError

    if isinstance(error, HTTPError):
        error.close()
        return error.code >= _SERVER_FAILED
    return isinstance(error, URLError | ConnectionError | TimeoutError)


def walk(package: Package) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield every folder that the package in a directory is built from, with the names of its files."""
    if package.path is not None:
        with readable(package):
            yield from _walk(package.path)


def _walk(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield all folders with their files, but for virtual environments, caches and build results."""
    for name, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        base = Path(name)
        entered = [base / each for each in folders]
        folders[:] = [
            path.name for path in entered if not (_is_not_source(path, folder) or _circular(path, folder))
        ]
        yield base, tuple(each for each in files if (base / each).is_file())


def _source_files(folder: Path) -> Iterator[str]:
    """Yield the paths of the files, relative and with "/"."""
    for base, names in _walk(folder):
        for name in names:
            yield (base / name).relative_to(folder).as_posix()


def _is_not_source(folder: Path, top: Path) -> bool:
    if folder.name in _BUILT and folder.parent == top:
        # Build tools write to these folders, but a package can have the same name.
        return not (folder / "__init__.py").is_file()
    return (
        folder.name in _NOT_SOURCE
        or folder.name.endswith(".egg-info")
        or os.path.isfile(folder / "pyvenv.cfg")  # noqa: PTH113 no error where it may not be asked
    )


def _circular(folder: Path, top: Path) -> bool:
    """Whether a link leads to a folder that contains it."""
    above = (path for path in folder.parents if path.is_relative_to(top))
    return folder.is_symlink() and folder.resolve() in {path.resolve() for path in above}


def _refuse(error: OSError) -> None:
    """Raise the error of an unreadable folder, which is not skipped; a missing one is reported elsewhere."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _refuse_name(package: Package, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RequirementsError(
            f"{package.label}: the name {os.fsencode(name)!r} is not UTF-8, and no wheel can hold it",
            hint="Rename the file, or move it out of the package's folder.",
        ) from None


@contextmanager
def readable(package: Package) -> Iterator[None]:
    """Turn a PermissionError in the block into a RequirementsError that names the file."""
    try:
        yield
    except PermissionError as error:
        raise RequirementsError(
            f"{package.label}: {error.filename} cannot be read: {error.strerror}",
            hint="Make it readable for whoever runs lambdify.",
        ) from error


def _copy(package: Package, into: Path) -> Path:
    origin = package.path
    if origin is None or not origin.is_dir():
        raise RequirementsError(
            f"{package.name} is required from {origin}, and there is no such folder",
            hint="Correct the path in the dependency file, or lock again.",
        )
    with readable(package):
        for name in _source_files(origin):
            _refuse_name(package, name)
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin / name, target)
    if (origin / ".git").is_dir():
        # setuptools-scm and hatch-vcs read the version from the history.
        shutil.copytree(origin / ".git", into / ".git", symlinks=True)
    return into


def _clone(package: Package, into: Path) -> Path:
    """Check out the commit, and return the folder of the source."""
    into.mkdir(parents=True)
    for arguments in (
        ("clone", "--quiet", "--no-checkout", package.url, "."),
        ("checkout", "--quiet", "--detach", package.commit),
        ("submodule", "--quiet", "update", "--init", "--recursive"),
    ):
        outcome = git.run(*arguments, cwd=into)
        if not outcome.succeeded:
            raise RequirementsError(
                f"{package.label}: git {arguments[0]} of {redact(package.url)}: {outcome.errors.strip()}",
                hint="Check the address and the commit, and that git can reach them without asking.",
            )
    return into / package.subdirectory if package.subdirectory else into


def _open(package: Package, indexes: Indexes) -> IO[bytes]:
    from urllib.request import Request, urlopen

    if package.path is not None:
        return package.path.open("rb")
    if not package.url.startswith(("https://", "http://")):
        raise RequirementsError(f"{package.label}: {redact(package.url)} is no address to download from")
    address = urlsplit(package.url)
    public = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    request = Request(public)  # noqa: S310 the scheme is checked above
    for name, value in indexes.authorization(package.url).items():
        # Private indexes redirect to a file store, which must not get these credentials, and refuses them.
        request.add_unredirected_header(name, value)
    opened: IO[bytes] = urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    return opened
