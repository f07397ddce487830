"""Downloads of wheels from package indexes, cached for all projects.

    <cache>/downloads/<sha256>.whl

uv could install the packages, but it caches unpacked files, not wheels. A wheel is a zip, so its files are
copied as they are, and need not be unpacked and deflated again.

Files are written atomically. A cached file is used only if its digest matches its name.
"""

import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

from lambdify.cli.console import Console
from lambdify.cli.errors import RequirementsError
from lambdify.cli.formatting import size
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.origins import DownloadObserver, download
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.wheels.wheel_cache import Wheel
from lambdify.cli.storage import folders

MAX_PARALLEL = 8


def fetch_wheels(packages: Sequence[Package], indexes: Indexes, console: Console) -> tuple[Wheel, ...]:
    """Return the wheels of the packages, in the same order. Raises RequirementsError."""
    wheels = tuple(map(_wheel, packages))
    missing = [wheel for wheel in wheels if not _is_good(wheel)]
    if missing:
        _folder().mkdir(parents=True, exist_ok=True)
        _fetch(missing, indexes, console)
    return wheels


def find_wheels(packages: Iterable[Package]) -> tuple[Wheel, ...]:
    """Return the wheels of those packages that are on this machine already."""
    return tuple(filter(_is_good, map(_wheel, packages)))


def _wheel(package: Package) -> Wheel:
    # A wheel that is a local file is not copied into the cache.
    path = package.path or _folder() / f"{package.sha256}.whl"
    return Wheel(package=package, path=path, sha256=package.sha256)


def _folder() -> Path:
    return folders.cache() / "downloads"


def _is_good(wheel: Wheel) -> bool:
    return fingerprint.digest(wheel.path) == wheel.sha256


def _fetch(wheels: Sequence[Wheel], indexes: Indexes, console: Console) -> None:
    stopped = Event()

    def fetch(wheel: Wheel) -> None:
        if wheel.package.path:
            raise RequirementsError(
                f"{wheel.package.label}: {wheel.path} is not there, or not the file that was locked",
                hint="Lock again, if it was replaced on purpose.",
            )
        observer = DownloadObserver(
            keep_going=lambda: not stopped.is_set(), expect=bar.expect, advance=bar.advance
        )
        with tempfile.TemporaryDirectory(dir=wheel.path.parent, prefix=".") as unfinished:
            download(wheel.package, indexes, Path(unfinished, "wheel"), observer).replace(wheel.path)

    packages = [wheel.package for wheel in wheels]
    total = sum(package.size for package in packages)
    with (
        console.transfer(f"Download {_describe(packages)}", total) as bar,
        ThreadPoolExecutor(MAX_PARALLEL) as threads,
    ):
        running: list[Future[None]] = [threads.submit(fetch, wheel) for wheel in wheels]
        try:
            for one in running:
                one.result()
        finally:
            # After the first failure or a Ctrl-C, the other downloads are cancelled.
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)


def _describe(packages: Sequence[Package]) -> str:
    """Return the number of packages, with their size if the index gives it for all of them."""
    label = packages[0].label if len(packages) == 1 else f"{len(packages)} packages"
    told = all(package.size for package in packages)
    return f"{label}, {size(sum(package.size for package in packages))}" if told else label
