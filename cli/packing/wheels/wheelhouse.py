"""The wheelhouse: all wheels of a plan, on this machine, with their contents checked for Lambda.

    build or download the wheels ▶ read their contents ▶ gate

`dependencies` imports this module while uv resolves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from lambdify.cli.console import Console
from lambdify.cli.errors import BundleRefused
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution.plan import Plan
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.builds import make_wheels
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.packing.wheels.downloads import fetch_wheels, find_wheels
from lambdify.cli.packing.wheels.gate import inspect
from lambdify.cli.packing.wheels.native import BuildContext
from lambdify.cli.packing.wheels.site_packages import Contents, read_contents
from lambdify.cli.packing.wheels.wheel_cache import Wheel, WheelCache
from lambdify.cli.settings import Settings
from lambdify.cli.storage import folders


@dataclass(frozen=True, kw_only=True)
class Wheelhouse:
    """The wheels of a plan."""

    distributions: tuple[Distribution, ...]
    """All distributions, sorted by name."""
    built: tuple[Wheel, ...]
    """The wheels that were built, or downloaded in the container."""
    requires: Mapping[str, tuple[str, ...]]
    """The requirements of each distribution, as its metadata spells them, by its normalised name."""
    remarks: tuple[str, ...]
    """Messages about native files, and about required folders whose wheels are empty."""


def fill(plan: Plan, settings: Settings, target: Target, console: Console) -> Wheelhouse:
    """Return the plan's wheels. Raises BuildError, RequirementsError, BundleRefused and DockerUnavailable."""
    built = _wheels(plan, settings, target, console)
    by_container = {wheel.package.name for wheel in built}
    ready = [package for package in plan.wheels if package.name not in by_container]
    wheels = (*built, *fetch_wheels(ready, plan.indexes, console))
    with ThreadPoolExecutor() as threads:
        found = sorted(threads.map(read_contents, wheels), key=_name)
    folders_of = {package.name: package.path for package in plan.builds if package.kind == "directory"}
    remarks = (*_check(found, target), *_find_empty(found, folders_of))
    return Wheelhouse(
        distributions=tuple(each.distribution for each in found),
        built=built,
        requires={_name(each): each.requires for each in found},
        remarks=remarks,
    )


def find_distributions(packages: Iterable[Package]) -> tuple[Distribution, ...]:
    """Return the distributions of those packages whose ready wheels are on this machine already."""
    wheels = find_wheels(package for package in packages if package.kind == "wheel")
    return tuple(read_contents(wheel).distribution for wheel in wheels)


def _wheels(plan: Plan, settings: Settings, target: Target, console: Console) -> tuple[Wheel, ...]:
    context = BuildContext(
        target=target,
        build=settings.build,
        indexes=plan.indexes,
        root=settings.root,
    )
    store = WheelCache(
        folder=folders.cache() / "wheels",
        target=target,
        image=context.image,
        packages=settings.build.packages,
        before=settings.build.before,
    )
    return make_wheels(plan, context, store, console)


def _find_empty(found: Sequence[Contents], folders_of: Mapping[str, Path | None]) -> Iterator[str]:
    """Yield remarks on required folders whose wheels hold only metadata: imports would fail on Lambda.

    setuptools does not discover packages with names like tools, docs or tests.
    https://setuptools.pypa.io/en/latest/userguide/package_discovery.html#flat-layout
    """
    for contents in found:
        if any(".dist-info/" not in name for name in contents.distribution.files):
            continue
        if folder := folders_of.get(_name(contents)):
            yield (
                f"{contents.distribution.name}: the wheel that {folder} builds holds no file to import. "
                "Name its packages in its pyproject.toml, for setuptools in [tool.setuptools] packages."
            )


def _name(contents: Contents) -> str:
    return canonicalize_name(contents.distribution.name)


def _check(found: Sequence[Contents], target: Target) -> tuple[str, ...]:
    """Return remarks on native files. Raises BundleRefused if one of them would not load on Lambda."""
    natives = {contents.distribution.name: contents.natives for contents in found}
    provided = [PurePosixPath(path).name for files in natives.values() for path in files]
    findings = {name: inspect(files, target, provided=provided) for name, files in natives.items()}
    refusals = [
        f"{name}: {refusal}" for name, inspection in findings.items() for refusal in inspection.refusals
    ]
    if refusals:
        lines = "\n".join(refusals)
        raise BundleRefused(
            f"these would not load on Lambda ({target.runtime}, {target.architecture}):\n{lines}",
            hint="Pin another version, or a variant without the missing libraries (such as a -headless one).",
        )
    return tuple(
        f"{name}: {remark}" for name, inspection in findings.items() for remark in inspection.remarks
    )
