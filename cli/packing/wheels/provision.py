"""Provision: whether what is packed has what the app imports. It is told before anything is uploaded.

The file lists of the wheels say what there is, not names. An import that the app may do without is a note,
and so is every one where something else may have the module: a Lambda layer, an image, a file system. False
alarms are worse than silence: if this is silent, the app's own error says the same later.
"""

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.console import Console
from lambdify.cli.detection import distributions
from lambdify.cli.detection.imports import Import
from lambdify.cli.errors import ImportUnmet
from lambdify.cli.packing.requirements import optional_parts
from lambdify.cli.packing.requirements.sources import Source, find_likely
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.settings import Settings

OF_THE_RUNTIME = frozenset({
    "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "awslambdaric", "bootstrap",
    "simplejson", "snapshot_restore_py",
})  # fmt: skip
"""What Lambda's runtimes and base images for Python have, in versions of their own.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included"""
WITH_PARTS = frozenset({"pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock"})
"""Dependency files whose extras and groups are those of the pyproject.toml."""
DISTUTILS = "distutils-precedence.pth"
"""The file by which setuptools brings distutils; adapter/entry.py does what it asks for."""
MAX_SHOWN = 5
"""Imports in the note of those that are not sure, at most."""
_TOOLS = {
    "uv.lock": "uv add {}", "poetry.lock": "poetry add {}", "Pipfile.lock": "pipenv install {}",
    "pdm.lock": "pdm add {}", "requirements.lock": "rye add {}",
}  # fmt: skip


class Unmet(NamedTuple):
    """An import that nothing has."""

    place: Import
    names: tuple[str, ...]
    """Distributions that have the module, the one to add first; () for one of an older Python."""

    @property
    def line(self) -> str:
        """Where it is, and of what."""
        where = f"{self.place.file}:{self.place.line}" if self.place.file else "the app"
        return f"{where} imports {self.place.full if self.is_namespaced else self.place.module}"

    @property
    def requirement(self) -> str:
        """The line to add: a distribution, and a bound if its newer versions have no such module."""
        return distributions.requirement_for(self.place.full)

    @property
    def is_namespaced(self) -> bool:
        """Whether distributions share the top level, as google.cloud.storage does with google.auth."""
        return distributions.is_known(self.place.full) and not distributions.is_known(self.place.module)


def find_unmet(wanted: Iterable[Import], packed: Sequence[Distribution]) -> tuple[Unmet, ...]:
    """Return the imports that no packed distribution has, one for each module, the surest first."""
    places = list(wanted)
    there = _Packed.of(packed, {each.module for each in places})
    missing = (each for each in places if not there.has(each.full))
    first: dict[str, Unmet] = {}
    for each in missing:
        lost = each.module in distributions.REMOVED and not distributions.is_known(each.module)
        names = () if lost else distributions.names_of(each.full)
        unmet = Unmet(each, names)
        first.setdefault(unmet.requirement if names else each.module, unmet)
    return tuple(each for each in first.values() if each.place.module not in OF_THE_RUNTIME)


def check(
    wanted: Sequence[Import],
    packed: Sequence[Distribution],
    source: Source | None,
    settings: Settings,
    console: Console,
) -> None:
    """Raise ImportUnmet if the app cannot start without a module that nothing has; note what is not sure."""
    unmet = find_unmet(wanted, packed)
    elsewhere = _elsewhere(settings)
    sure = [each for each in unmet if each.place.sure and not elsewhere]
    if sure:
        raise ImportUnmet(_message(sure, source), hint=_hint(sure, packed, source, settings))
    # Where the code says what happens without a module, nobody has to be told.
    if source and (told := [each for each in unmet if not each.place.caught]):
        lines = [each.line for each in told[:MAX_SHOWN]] + ["..."] * (len(told) > MAX_SHOWN)
        why = f"it has to be in {elsewhere}" if elsewhere else "the app may do without"
        console.note(f"Nothing that is packed provides this, and {why}: {'; '.join(lines)}")


def _message(sure: Sequence[Unmet], source: Source | None) -> str:
    lines = "; ".join(each.line for each in sure)
    what = "nothing that is packed provides it" if len(sure) == 1 else "nothing that is packed provides them"
    return f"{lines}; {what}" + ("." if source else ": the project has no dependency file.")


def _hint(
    sure: Sequence[Unmet], packed: Sequence[Distribution], source: Source | None, settings: Settings
) -> str:
    """Return what to add, and where."""
    names = _requirements(sure)
    old = [each.place.module for each in sure if each.place.module in distributions.REMOVED]
    said = []
    if old:
        said.append(f"Python {settings.function.python} has no {', '.join(old)} any more, an older one does")
    said += _lost(sure, packed)
    if omitted := sorted({name for each in sure for name in _omitted(each, settings)}):
        said.append(f"Take {', '.join(omitted)} out of [build] omit in the settings")
    elif names and source is None:
        likely = find_likely(settings.root)
        said += [f'If {likely[0]} has it, say so: [build] requirements = "{likely[0]}"'] if likely else []
        said.append(f"Write requirements.txt, a line for each: {', '.join(names)}")
    elif names and source:
        said += [*_standing(sure, source, settings.root), _addition(names, source)]
    return ". ".join(said) + "."


def _requirements(sure: Sequence[Unmet]) -> list[str]:
    """Return the lines to add, one for each distribution: that with a bound, if there is one."""
    lines: dict[str, str] = {}
    for each in (each for each in sure if each.names):
        if each.names[0] not in lines or distributions.bound_of(each.place.full):
            lines[each.names[0]] = each.requirement
    return list(lines.values())


def _lost(sure: Sequence[Unmet], packed: Sequence[Distribution]) -> Iterator[str]:
    """Yield which packed distributions had the modules in older versions."""
    for each in sure:
        names = (
            set(map(distributions.normalize, each.names)) if distributions.bound_of(each.place.full) else ()
        )
        for one in (one for one in packed if distributions.normalize(one.name) in names):
            yield f"{one.name} {one.version} has no {each.place.module} any more"


def _standing(sure: Sequence[Unmet], source: Source, root: Path) -> Iterator[str]:
    """Yield where the missing distributions stand already: in parts that are not taken by themselves."""
    for part in optional_parts.read(optional_parts.find_file(source, root)):
        for name in (name for each in sure for name in each.names):
            if distributions.normalize(name) in part.requires:
                option = "extras" if part.kind == "extra" else "groups"
                way = f', which [build] {option} = ["{part.name}"] packs' if source.kind in WITH_PARTS else ""
                yield f'{name} is in the {part.kind} "{part.name}" of pyproject.toml{way}'


def _addition(names: Sequence[str], source: Source) -> str:
    if command := _TOOLS.get(source.kind):
        return f"Add it: {command.format(shlex.join(names))}"
    if source.kind == "pyproject.toml":
        return f"Add {', '.join(map(json.dumps, names))} to dependencies in [project] of {source.name}"
    return f"Add {', '.join(names)} to {source.name}"


def _omitted(unmet: Unmet, settings: Settings) -> Iterator[str]:
    wanted = {distributions.normalize(name) for name in unmet.names}
    yield from (name for name in settings.build.omit if distributions.normalize(name) in wanted)


def _elsewhere(settings: Settings) -> str:
    """Return what else may have modules; "" if nothing does."""
    if settings.function.layers:
        return "one of the layers in [function] layers"
    if settings.build.base:
        return "the image in [build] base"
    return "the file system of [efs]" if settings.efs.access_point else ""


class _Packed(NamedTuple):
    """The modules and folders that can be imported, as paths such as "google/cloud/storage"."""

    modules: frozenset[str]
    folders: frozenset[str]

    @classmethod
    def of(cls, packed: Sequence[Distribution], tops: set[str]) -> "_Packed":
        """Return those below some top-level names only. Paths are texts: a layer has thousands of files."""
        modules: set[str] = set()
        folders: set[str] = set()
        for distribution in packed:
            if DISTUTILS in distribution.files:
                modules.add("distutils")
            for file in distribution.files:
                top, _, rest = file.partition("/")
                if (top if rest else top.partition(".")[0]) not in tops:
                    continue
                folder, _, name = file.rpartition("/")
                if name.endswith((".py", ".so", ".pyc")):
                    stem = name.partition(".")[0]
                    modules.add(folder if stem == "__init__" else f"{folder}/{stem}" if folder else stem)
                while folder and folder not in folders:
                    folders.add(folder)
                    folder = folder.rpartition("/")[0]
        return cls(frozenset(modules), frozenset(folders))

    def has(self, name: str) -> bool:
        """Whether `name` can be imported: what is in a regular package is its own business."""
        place = ""
        for part in name.split("."):
            place = f"{place}/{part}" if place else part
            if place in self.modules:
                return True
            if place not in self.folders:
                return False
        return True
