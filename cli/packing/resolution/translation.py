"""Dependency files that uv does not read, as requirement lines.

setup.cfg, setup.py   what is written in them; if it is computed, the build backend is asked
environment.yml       the part for pip, and conda's names that an index has as well
"""

from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.formats import conda, setup_files
from lambdify.cli.packing.requirements.indexes import find_indexes
from lambdify.cli.packing.requirements.requirements import find_name
from lambdify.cli.packing.requirements.sources import Source
from lambdify.cli.packing.resolution import metadata
from lambdify.cli.packing.resolution.resolver import ContainerUv, ResolveRequest, find_unknown
from lambdify.cli.packing.target import Target
from lambdify.cli.settings.tables import Build


@dataclass(frozen=True, kw_only=True)
class Translation:
    """The lines of a file, and what the user should know of them."""

    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def translate(
    source: Source, root: Path, target: Target, build: Build, container_uv: ContainerUv | None
) -> Translation:
    """Return the lines of a setup.cfg, setup.py or environment.yml. Raises RequirementsError, BuildError."""
    if source.kind == "environment.yml":
        return _environment(source, target)
    read = setup_files.read_setup_cfg if source.kind == "setup.cfg" else setup_files.read_setup_py
    written = read(source.path)
    if written.requires is None or (build.extras and written.extras is None):
        return Translation(lines=_computed(source, root, target, build, container_uv))
    extras = written.extras or {}
    if unknown := [extra for extra in build.extras if extra not in extras]:
        raise RequirementsError(
            f"{source.name} has no extra {', '.join(unknown)}, which [build] extras names",
            hint=f"It has {', '.join(extras) or 'none'}.",
        )
    more = [line for extra in build.extras for line in extras[extra]]
    return Translation(lines=(*written.requires, *more))


def _computed(
    source: Source, root: Path, target: Target, build: Build, container_uv: ContainerUv | None
) -> tuple[str, ...]:
    """Return the lines that the build backend tells."""
    if container_uv:
        raise RequirementsError(
            f"{source.name} computes what the project depends on, and [build] strategy lets no code run here",
            hint='Write it into a requirements.txt, or set [build] strategy = "auto".',
        )
    environments = [{**target.markers(), "extra": extra} for extra in ("", *build.extras)]
    lines = []
    for text in metadata.ask_backend(source.folder, root).requires:
        requirement = Requirement(text)
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            # The marker is true for the function, and uv knows nothing of the project's extras.
            requirement.marker = None
            lines.append(str(requirement))
    return tuple(lines)


def _environment(source: Source, target: Target) -> Translation:
    found = conda.read_environment(source.path)
    indexes = find_indexes(found.lines, source.folder)
    request = ResolveRequest(
        subject=source.name,
        root=source.folder,
        lines=(*indexes.options, *found.conda),
        indexes=indexes,
    )
    unknown = find_unknown(request, target) if found.conda else frozenset()
    lines = tuple(line for line in found.conda if find_name(line) not in unknown)
    skipped = sorted({*found.skipped, *unknown})
    notes = [f"conda's {', '.join(skipped)}: not on the package index, so not packed"] if skipped else []
    return Translation(lines=(*found.lines, *lines), notes=tuple(notes))
