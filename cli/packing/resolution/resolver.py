"""The resolver: uv chooses versions of the requirements for the function's platform.

uv writes a pylock.toml that is filtered for the target: a package has a wheel that fits, or has to be built.
https://docs.astral.sh/uv/reference/cli/#uv-pip-compile

Most of the time uv waits for the index, whose answer is mostly the same as before. So a second uv resolves
offline, from uv's cache, and work on its result starts meanwhile. The result itself never depends on that.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.formats.toml_files import read_toml
from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.pylock import Package, read_pylock
from lambdify.cli.packing.requirements.requirements import find_name
from lambdify.cli.packing.resolution.advice import describe_first_wheels, find_advice, find_twin
from lambdify.cli.packing.resolution.backend_start import REFUSAL
from lambdify.cli.packing.resolution.uv import NO_BUILD, PYTHON, run_uv
from lambdify.cli.packing.target import Target
from lambdify.cli.programs import Outcome
from lambdify.cli.version import DISTRIBUTION

_UNKNOWN = re.compile(
    r"[Bb]ecause ([\w.-]+) was not found in the (?:package registry|provided package locations)"
)
_YANKED = re.compile(r"^warning: `([^=`]+)==([^`]+)` is yanked(?: \(reason: \"(.*)\"\))?", re.MULTILINE)
_UNBUILT = re.compile(r"Failed to (?:download and )?build `([\w.-]+)==([^`]+)`")
TIME_LIMIT = 10.0
"""Seconds to wait for an index whose answer is optional."""
OWN_NAMES = ("lambdify", DISTRIBUTION)
"""Excluded from resolutions: the adapter is bundled, and the index has another project by the first name."""


@dataclass(frozen=True, kw_only=True)
class ResolveRequest:
    """The input of a resolution."""

    subject: str
    """The name of the input, for messages."""
    root: Path
    """The folder that relative paths in requirements start at, as for pip."""
    project: Path | None = None
    """The project that keeps the resolution; None means `root`."""
    files: tuple[Path, ...] = ()
    """Requirements files. uv reads them in place, since they can include others."""
    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    indexes: Indexes
    options: tuple[str, ...] = ()
    pinned: frozenset[str] = frozenset()
    """Names whose version the user has fixed: no older version is looked for."""
    only_binary: tuple[str, ...] = ()
    """Names that must not be built."""
    excluded: tuple[str, ...] = ()
    """Names that are left out wherever they are required; normalised and sorted."""
    limit: float | None = None
    """Seconds after which uv is stopped, which counts as no answer; None means that it may take its time."""
    container_uv: "ContainerUv | None" = None
    """Runs uv if a package has to be built to get its dependencies; None means on this machine."""

    @property
    def keeper(self) -> Path:
        """The project whose `.lambdify/` keeps the resolution."""
        return self.project or self.root


ContainerUv = Callable[[Sequence[str], Path, ResolveRequest], Outcome]
"""Runs uv in the build container with these arguments; the folder and the request's files are copied."""


Prefetch = Callable[[tuple[Package, ...]], object]
"""Prepares packages that are probably in the result. Its errors are ignored: real ones occur again later."""


class _ResolvedPackages(NamedTuple):
    """The packages that uv chose, and its warnings."""

    packages: tuple[Package, ...]
    yanked: tuple[str, ...]
    """A note for each yanked release."""


class _Unresolvable(Exception):
    """No set of versions fits; `errors` is uv's output."""

    def __init__(self, errors: str) -> None:
        super().__init__(errors)
        self.errors = errors


def resolve(
    request: ResolveRequest, target: Target, *, prefer_wheels: bool, prefetch: Prefetch | None = None
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Return the packages, and a note for each that is yanked or older than the newest version.

    Raises RequirementsError if no set of versions fits.
    """
    try:
        with ThreadPoolExecutor(1) as aside:
            if prefetch:
                aside.submit(lambda: prefetch(_compile_offline(request, target)))
            newest = _compile(request, target)
    except _Unresolvable as error:
        ways = _find_ways(request, target, error.errors)
        raise unresolvable(request.subject, target, error.errors, ways=ways) from error
    stuck = tuple(
        package.name
        for package in newest.packages
        if package.kind == "sdist" and package.name not in request.pinned
    )
    if not (stuck and prefer_wheels):
        return newest
    chosen = _compile_with_wheels(request, stuck, target) or newest
    versions = {package.name: package.version for package in newest.packages}
    platform = f"{target.runtime} on {target.architecture} ({target.system})"
    notes = tuple(
        f"{package.label} instead of {versions[package.name]}: newer ones have no wheel for {platform}"
        for package in chosen.packages
        if versions.get(package.name, package.version) != package.version
    )
    return chosen.packages, (*chosen.yanked, *notes)


def find_unknown(request: ResolveRequest, target: Target) -> frozenset[str]:
    """Return the names in the request's lines that no index has. Raises RequirementsError for the rest."""
    unknown: frozenset[str] = frozenset()
    alone = replace(request, options=(*request.options, "--no-deps"))
    while True:
        lines = tuple(line for line in request.lines if find_name(line) not in unknown)
        try:
            _compile(replace(alone, lines=lines), target)
        except _Unresolvable as error:
            # uv names one at a time.
            found = frozenset(map(canonicalize_name, _UNKNOWN.findall(error.errors))) - unknown
            if not found:
                raise unresolvable(request.subject, target, error.errors) from error
            unknown |= found
        else:
            return unknown


def find_first_wheel(package: Package, indexes: Indexes, root: Path, target: Target, *, limit: float) -> str:
    """Return the oldest version from the package's own on that has a wheel for the target.

    It is "" if there is none, if it is the package's own, or if uv fails or needs more than `limit` seconds.
    """
    # No index has a local version: https://packaging.python.org/en/latest/specifications/version-specifiers/
    line = f"{package.name}>={package.version.partition('+')[0]}"
    alone = ResolveRequest(
        subject=package.name,
        root=root,
        lines=(*indexes.options, line),
        indexes=indexes,
        options=("--no-deps", "--resolution", "lowest-direct", NO_BUILD),
        limit=limit,
    )
    try:
        found = _compile(alone, target).packages
    except (_Unresolvable, RequirementsError):
        return ""
    versions = [each.version for each in found if each.name == package.name]
    return next((version for version in versions if version != package.version), "")


def _compile_offline(request: ResolveRequest, target: Target) -> tuple[Package, ...]:
    """Return the packages that uv chooses from its cache, without an index and without builds."""
    return _compile(replace(request, options=(*request.options, "--offline", NO_BUILD)), target).packages


def _compile_with_wheels(
    request: ResolveRequest, names: tuple[str, ...], target: Target
) -> _ResolvedPackages | None:
    """Resolve again with wheels for `names`, or for those that have one in an allowed version; else None."""
    # Most packages without a wheel never had one. To resolve one name alone shows that much faster.
    offered = tuple(name for name in names if _ever_had_a_wheel(request, name, target))
    if not offered:
        return None
    try:
        return _compile(replace(request, only_binary=offered), target)
    except _Unresolvable:
        if len(offered) == 1:
            return None
    chosen: _ResolvedPackages | None = None
    settled: tuple[str, ...] = ()
    for name in offered:
        try:
            chosen = _compile(replace(request, only_binary=(*settled, name)), target)
        except _Unresolvable:
            continue
        settled = (*settled, name)
    return chosen


def _ever_had_a_wheel(request: ResolveRequest, name: str, target: Target) -> bool:
    alone = ResolveRequest(
        subject=name,
        root=request.root,
        lines=(*request.indexes.options, name),
        indexes=request.indexes,
        options=("--no-deps",),
        only_binary=(name,),
    )
    try:
        return bool(_compile(alone, target).packages)
    except _Unresolvable:
        return False


def _compile(request: ResolveRequest, target: Target) -> _ResolvedPackages:
    """Run uv, and return the packages in its pylock.toml. Raises _Unresolvable."""
    with tempfile.TemporaryDirectory(prefix="lambdify-") as name:
        folder = Path(name)
        inputs = {
            "requirements.txt": request.lines,
            "constraints.txt": request.constraints,
            "excludes.txt": (*OWN_NAMES, *request.excluded),
        }
        for filename, lines in inputs.items():
            (folder / filename).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        arguments = [
            *("pip", "compile", "--format", "pylock.toml"),
            *("--output-file", str(folder / "pylock.toml")),
            *("--python-platform", target.uv_platform, "--python-version", target.full_python, *PYTHON),
            *("--constraints", str(folder / "constraints.txt")),
            *("--excludes", str(folder / "excludes.txt")),
            *request.options,
            *(f"--only-binary={package}" for package in request.only_binary),
            *(str(file) for file in (*request.files, folder / "requirements.txt")),
        ]
        outcome = run_uv(
            arguments,
            cwd=request.root,
            extra=dict(request.indexes.uv_environment),
            indexes=request.indexes,
            builds=request.container_uv is None,
            limit=request.limit,
        )
        if request.container_uv and not outcome.succeeded and REFUSAL in outcome.errors:
            outcome = request.container_uv(arguments, folder, request)
        if not outcome.succeeded:
            raise _Unresolvable(outcome.errors)
        packages = read_pylock(read_toml(folder / "pylock.toml"), folder, target, name=request.subject)
        return _ResolvedPackages(packages, tuple(_yanked(outcome.errors)))


def _yanked(errors: str) -> Iterator[str]:
    for name, version, reason in _YANKED.findall(errors):
        yield f"{name} {version} was yanked from its index{f': {reason}' if reason else ''}"


def _find_ways(request: ResolveRequest, target: Target, errors: str) -> str:
    """Return what is ready in place of the package whose build failed; "" if nothing is known."""
    failed = _UNBUILT.search(errors)
    if not failed:
        return ""
    package = Package(name=canonicalize_name(failed[1]), version=failed[2], kind="sdist")
    twin = find_twin(package.name)
    first = find_first_wheel(package, request.indexes, request.root, target, limit=TIME_LIMIT)
    found = [(package.name, package.version, first)] if first else []
    told = describe_first_wheels(found, f"Python {target.python} on {target.architecture}")
    return " ".join(filter(None, (f"In place of {package.name}: {twin}." if twin else "", told)))


def unresolvable(
    subject: str, target: Target, errors: str, *, hint: str = "", ways: str = ""
) -> RequirementsError:
    """Return the error with uv's own explanation, which describes conflicts well.

    `ways` are told beside what its words advise, `hint` if there is neither.
    """
    said = re.sub(r"^warning: .*\n|^(error|  cause): ", "", errors.strip(), flags=re.MULTILINE)
    return RequirementsError(
        f"{subject} cannot be resolved for {target.runtime} on {target.architecture}: {said}",
        hint=" ".join(filter(None, (find_advice(errors), ways)))
        or hint
        or "Change the requirement that is named above.",
    )
