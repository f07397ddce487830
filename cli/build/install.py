"""Wheels into a tree, by one run of uv, and what that tree holds.

The tree has the layout of a site-packages directory. uv fills it with hard links into its own cache: nobody
may change a file in it, only read.
"""

import csv
import re
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from packaging.utils import canonicalize_name

from lambdify.cli.build.distributions import Distribution
from lambdify.cli.build.indexes import Indexes
from lambdify.cli.build.pylock import Package
from lambdify.cli.build.target import Target
from lambdify.cli.build.uv import PYTHON, run_uv
from lambdify.cli.build.wheel_cache import Wheel
from lambdify.cli.errors import RequirementsError

# What installers write about the machine and the moment: https://peps.python.org/pep-0376/,
# https://packaging.python.org/en/latest/specifications/recording-installed-packages/ and uv's own.
_ABOUT_THIS_MACHINE = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
_INFO = re.compile(r"\.dist-info$")


def install_wheels(
    ready: Sequence[Package],
    built: Sequence[Wheel],
    *,
    indexes: Indexes,
    target: Target,
    root: Path,
    dest: Path,
) -> tuple[Distribution, ...]:
    """Install wheels of indexes and wheels that were built into `dest`; return what is there, by name."""
    dest.mkdir(parents=True, exist_ok=True)
    lines = [f"{package.name} @ {_address(package)} --hash=sha256:{package.sha256}" for package in ready]
    lines += [f"{wheel.package.name} @ {wheel.path.as_uri()} --hash=sha256:{wheel.sha256}" for wheel in built]
    if not lines:
        return ()
    with tempfile.TemporaryDirectory(prefix="lambdify-") as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("\n".join((*indexes.options, *lines, "")), encoding="utf-8")
        installed = run_uv(
            [
                *("pip", "install", "--quiet", "--requirements", str(requirements), "--target", str(dest)),
                *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
                *("--python-platform", target.uv_platform, "--python-version", target.full_python, *PYTHON),
            ],
            cwd=root,
            extra=dict(indexes.uv_environment),
        )
    if not installed.succeeded:
        raise RequirementsError(f"the dependencies could not be installed: {installed.errors.strip()}")
    return read_distributions(dest)


def read_distributions(tree: Path) -> tuple[Distribution, ...]:
    """Return the packages that are installed in a tree, by name."""
    found = [_distribution(tree, info) for info in tree.iterdir() if _INFO.search(info.name)]
    return tuple(sorted(found, key=lambda distribution: canonicalize_name(distribution.name)))


def _address(package: Package) -> str:
    return package.url or (package.path.as_uri() if package.path else "")


def _distribution(tree: Path, info: Path) -> Distribution:
    name, _, version = info.stem.partition("-")
    recorded = dict(sorted(_recorded(tree, info)))
    digest = sha256(f"{canonicalize_name(name)} {version}\n".encode())
    for path, content in recorded.items():
        digest.update(f"{path} {content}\n".encode())
    return Distribution(name=name, version=version, files=tuple(recorded), key=digest.hexdigest())


def _recorded(tree: Path, info: Path) -> Iterator[tuple[str, str]]:
    """Paths that a package's RECORD names, each with the digest of its content."""
    with (info / "RECORD").open(newline="", encoding="utf-8") as record:
        for path, digest, _ in csv.reader(record):
            if _belongs(tree, path):
                yield path, digest or f"sha256={sha256((tree / path).read_bytes()).hexdigest()}"


def _belongs(tree: Path, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if _INFO.search(folder) and name in _ABOUT_THIS_MACHINE:
        return False
    file = tree / path
    if path.startswith(("/", "../")) or not file.is_file():
        return False
    # Scripts name this machine's interpreter in their first line, and nothing in Lambda runs them.
    return not (folder == "bin" and file.stat().st_mode & 0o100)
