"""Builds of packages without a ready wheel; their wheels are cached for all projects of this machine.

    in the cache        ▶ used
    no native sources   ▶ built here, without a compiler, and accepted only as a pure wheel: a wheel that is
                          tagged py3-none-any contains no code for this machine
    other sources       ▶ built in a container (`native`); without an engine, that ends the run before any
                          other package is built

[build] strategy "wheels" forbids builds. "docker" never builds here, and downloads even ready wheels in the
container. All failures are reported together.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from packaging.utils import parse_wheel_filename

from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError, BundleRefused
from lambdify.cli.packing.requirements.origins import fetch_source, find_native_sources
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution import first_wheels
from lambdify.cli.packing.resolution.advice import find_ways, summarize
from lambdify.cli.packing.resolution.plan import Plan
from lambdify.cli.packing.resolution.uv import PYTHON, run_uv
from lambdify.cli.packing.wheels.native import (
    EPOCH,
    BuildContext,
    BuildJob,
    BuildResult,
    build_in_container,
    find_image_id,
    require_image,
    write_log,
)
from lambdify.cli.packing.wheels.wheel_cache import Wheel, WheelCache

_NO_COMPILER = "/bin/false"
_FAILED = "error: Failed to build"


def make_wheels(plan: Plan, context: BuildContext, store: WheelCache, console: Console) -> tuple[Wheel, ...]:
    """Return the wheels of the plan that are built, or downloaded in the container. Raises BuildError."""
    if context.build.strategy == "wheels" and plan.builds:
        raise _forbidden(plan.builds, context)
    wanted = plan.packages if context.build.strategy == "docker" else plan.builds
    cached = _find_cached(wanted, context, store)
    known = {wheel.package.name for wheel in cached}
    missing = [package for package in wanted if package.name not in known]
    return (*cached, *(_make(missing, context, store, console) if missing else ()))


def _find_cached(wanted: Sequence[Package], context: BuildContext, store: WheelCache) -> tuple[Wheel, ...]:
    @cache
    def image_id() -> str | None:
        return find_image_id(context.image)

    pure_will_do = context.build.strategy == "auto"
    found = (
        (store.find_pure(package) if pure_will_do else None) or store.find_native(package, image_id)
        for package in wanted
    )
    return tuple(wheel for wheel in found if wheel is not None)


def _make(
    packages: Sequence[Package], context: BuildContext, store: WheelCache, console: Console
) -> tuple[Wheel, ...]:
    with TemporaryDirectory(prefix="lambdify-") as name:
        scratch = Path(name)
        prepared = [
            _prepare(package, context, scratch / f"here-{number}") for number, package in enumerate(packages)
        ]
        jobs = [each for each in prepared if isinstance(each, BuildJob)]
        if jobs:
            require_image(jobs, context, console)
        made: list[Wheel] = []
        for source in (each for each in prepared if isinstance(each, _Source)):
            outcome = _attempt(source, context, store, console)
            if isinstance(outcome, Wheel):
                made.append(outcome)
            else:
                jobs.append(outcome)
        if jobs:
            image, results = build_in_container(jobs, context, scratch, console)
            # Successful builds are cached before failures are raised, so the next run has less to build.
            made += [
                store.keep_native(result.job.package, result.wheel, image, result.notes)
                for result in results
                if result.wheel is not None
            ]
            _refuse_failures([result for result in results if result.wheel is None], context)
        return tuple(made)


class _Source(NamedTuple):
    """The source of a package that may be pure, and the folder to build it in."""

    package: Package
    path: Path
    folder: Path


def _prepare(package: Package, context: BuildContext, folder: Path) -> "BuildJob | _Source":
    """Return the job for the container, or the source of a package that can perhaps be built here."""
    if package.kind == "wheel":
        return BuildJob(package=package, source=package.path, reason="[build] strategy is docker")
    folder.mkdir()
    source = fetch_source(package, context.indexes, folder)
    if context.build.strategy == "docker":
        return BuildJob(package=package, source=source, reason="[build] strategy is docker")
    if native := find_native_sources(source):
        reason = f"native sources: {Path(native[0]).name}"
        return BuildJob(package=package, source=source, reason=reason, native=True)
    return _Source(package, source, folder)


def _attempt(source: _Source, context: BuildContext, store: WheelCache, console: Console) -> Wheel | BuildJob:
    """Return the wheel of a package that can be built here; otherwise the job for the container."""
    package = source.package
    with console.step(f"Build {package.label}"):
        built = _build_here(package, source.path, source.folder, context)
    if built.wheel is None:
        if built.log:
            console.note(f"{package.label} was not built here; its log: {built.log}")
        return BuildJob(package=package, source=source.path, reason=built.problem)
    return store.keep_pure(package, built.wheel)


class _Built(NamedTuple):
    """A pure wheel, or the reason why there is none."""

    wheel: Path | None = None
    problem: str = ""
    log: Path | None = None


def _build_here(package: Package, source: Path, folder: Path, context: BuildContext) -> _Built:
    out = folder / "wheel"
    # Without a compiler, native code fails at once, not after minutes of compiling for this machine.
    recipe = {"CC": _NO_COMPILER, "CXX": _NO_COMPILER, "SOURCE_DATE_EPOCH": EPOCH}
    built = run_uv(
        [
            "build",
            "--wheel",
            *PYTHON,
            *context.indexes.uv_options,
            "--out-dir",
            str(out),
            str(source),
        ],
        # uv reads the project's settings from its working folder.
        cwd=context.root,
        extra=dict(context.indexes.uv_environment),
        indexes=context.indexes,
        build=recipe,
    )
    if not built.succeeded:
        log = write_log(context, package.name, built.errors)
        # The build's output comes before uv's own messages.
        said = built.errors.partition(_FAILED)[0].strip() or built.errors
        return _Built(problem=f"cannot be built here: {summarize(said)}", log=log)
    wheel = next(out.glob("*.whl"))
    _, _, _, tags = parse_wheel_filename(wheel.name)
    if any(tag.interpreter.startswith("py3") and (tag.abi, tag.platform) == ("none", "any") for tag in tags):
        return _Built(wheel=wheel)
    return _Built(problem=f"{wheel.name} is bound to this machine")


def _refuse_failures(failed: Sequence[BuildResult], context: BuildContext) -> None:
    if not failed:
        return
    failures = "\n".join(result.failure for result in failed)
    if all(result.refused for result in failed):
        system = f"{context.target.system}, {context.target.architecture}"
        raise BundleRefused(
            f"built, but it would not load on Lambda ({system}):\n{failures}",
            hint=f"Build in an image of that system ([build] image), such as {context.target.build_image}.",
        )
    packages = [result.job.package for result in failed]
    first = first_wheels.tell(packages, context.indexes, context.root, context.target)
    raise BuildError(
        f"{len(failed)} package{'s' if len(failed) > 1 else ''} could not be built:\n{failures}",
        hint=first or "Or pin a version that has a wheel for this platform.",
    )


def _forbidden(packages: Sequence[Package], context: BuildContext) -> BuildError:
    names = ", ".join(package.label for package in packages)
    platform = f"{context.target.runtime} on {context.target.architecture}"
    first = first_wheels.tell(packages, context.indexes, context.root, context.target)
    ways = (find_ways([package.name for package in packages]), first)
    return BuildError(
        f"there is no wheel for {platform} of {names}, and [build] strategy is wheels",
        hint=f"{' '.join(filter(None, ways))} "
        'Set [build] strategy = "auto" to have them built, or pin versions that have a wheel.',
    )
