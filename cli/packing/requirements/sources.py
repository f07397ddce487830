"""Dependency files: the choice of the file that declares the project's dependencies.

It is looked for in the folders that `places` names, the nearest to the app first. Of the files in a folder
the most exact comes first:

    uv.lock, poetry.lock, pdm.lock, Pipfile.lock   every version and hash, kept up to date by a tool
    pylock.toml, requirements.lock                 the same, but often exported, so it can be older
    requirements.txt                               written by hand, or a list of versions
    pyproject.toml, setup.cfg, setup.py            the versions that the project accepts
    requirements/production.txt, requirements.in   what is called nearly so; see `likely`
    environment.yml                                what conda installs

Rules:
- What a Dockerfile has pip install comes before all but the locks: that is what runs elsewhere today.
- A file that lacks an import of the app loses to one beside it that has that import and all others of the
  first; a file that lacks every import, to any file that has some.
- In a member of a uv workspace, the lock is the workspace's.
- Above the project, a file counts only if it has an import of the app.
- [build] requirements names a file outright, whose name may be any.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements import likely, places
from lambdify.cli.packing.requirements.formats import conda, dockerfile, setup_files, uv_lock
from lambdify.cli.packing.requirements.formats.toml_files import REPAIR_HINT, read_toml
from lambdify.cli.settings.tables import Build
from lambdify.cli.storage import folders

__all__ = ["KINDS", "REPAIR_HINT", "App", "Kind", "Need", "Source", "find_inputs", "find_source", "read_toml"]

Kind = Literal[
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.lock",
    "requirements.txt", "pyproject.toml", "setup.cfg", "setup.py", "environment.yml",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds, the most exact first."""
LOCKS: tuple[Kind, ...] = KINDS[: KINDS.index("requirements.txt")]
_LOCKS_OF_PYPROJECT = frozenset({"uv.lock", "poetry.lock", "pdm.lock"})
_WITH_EXTRAS = frozenset({*_LOCKS_OF_PYPROJECT, "pylock.toml", "pyproject.toml", "setup.cfg", "setup.py"})
_WITH_GROUPS = (_WITH_EXTRAS - {"setup.cfg", "setup.py"}) | {"Pipfile.lock"}


class Need(NamedTuple):
    """A module that the app imports, and that the project does not have."""

    module: str
    distributions: frozenset[str]
    """The normalised names of distributions that may have it."""
    place: str
    """Where it is imported: "app.py:3"."""


@dataclass(frozen=True)
class App:
    """The app that the dependencies are for."""

    import_root: str = ""
    """The folder that it is imported from, relative to the project."""
    file: str = ""
    """The file that it is in, relative to the project; "" if it is not one of the project's."""
    find_needs: Callable[[], Sequence[Need]] | None = None
    """Returns what it imports; None if that is not known. It takes a while, and is seldom asked."""

    @cached_property
    def needs(self) -> Sequence[Need] | None:
        """What it imports; None if that is not known."""
        return self.find_needs() if self.find_needs else None


UNKNOWN = App()
"""An app of which nothing is known but the project."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The chosen dependency file."""

    kind: Kind
    path: Path
    folder: Path
    """Where relative paths in it start."""
    name: str
    """The path relative to the project, for messages."""
    others: tuple[str, ...] = ()
    """The names of other dependency files that were found, relative to the project."""
    reason: str = ""
    """Why it is this file, if its place and kind do not say it."""
    member: str = ""
    """The workspace's member whose dependencies are meant; "" for the lock's own project."""
    more: tuple[Path, ...] = ()
    """Further requirements files that are installed with it."""


def find_source(root: Path, build: Build, app: App = UNKNOWN) -> Source | None:
    """Return the project's dependency file; None if it has none. Raises RequirementsError."""
    options = _find_options(root, build, app)
    if build.requirements:
        chosen = _named(root, build, app, [each.name for each in options])
    elif options:
        chosen = _choose(options, build, app)
    else:
        return None
    if _is_unlocked_poetry(chosen, build):
        raise _unlocked(chosen.name, "poetry lock")
    _refuse_unusable_settings(chosen, build)
    others = tuple(dict.fromkeys(each.name for each in options if each.path != chosen.path))
    return replace(chosen, others=others)


def find_likely(root: Path) -> tuple[str, ...]:
    """Return the paths of files with other names that look like dependency files, relative to the project."""
    return likely.find_names(root)


def find_inputs(root: Path, app: App = UNKNOWN) -> tuple[Path, ...]:
    """Return the paths of the files that decide the choice, but for those of `likely`; some may not exist."""
    names = (*KINDS, *conda.NAMES, "Pipfile", "Dockerfile", "docker/Dockerfile")
    inside = places.find_inside(root, app.import_root, app.file)
    above = (folder / name for folder in places.find_above(root) for name in names)
    return (
        *(folder / name for folder in inside for name in names),
        *(path for path in above if os.access(path, os.R_OK) or not path.exists()),
    )


def _find_options(root: Path, build: Build, app: App) -> list[Source]:
    """Return all dependency files, the one that counts most first."""
    inside = places.find_inside(root, app.import_root, app.file)
    above = places.find_above(root)
    found = [each for folder in inside for each in _in_folder(folder, root, build, app, above)]
    found = _put_installed_first(found, inside, root)
    for folder in above:
        # A broken file out there is none of the project's.
        with suppress(RequirementsError):
            there = _in_folder(folder, root, build, app, above)
            found += [each for each in there if _is_trusted(each, root) and _is_of_use(each, app)]
    unique: dict[Path, Source] = {}
    for each in found:
        unique.setdefault(each.path, each)
    return list(unique.values())


def _in_folder(folder: Path, root: Path, build: Build, app: App, above: Sequence[Path]) -> Iterator[Source]:
    """Yield the dependency files of a folder, the most exact first. Raises RequirementsError."""
    found = False
    start = root / app.import_root
    for kind in KINDS:
        path = _find_kind(folder, kind)
        if kind == "environment.yml":
            for other in likely.find(folder):
                yield _source("requirements.txt", other, root, folder)
                found = True
        if path is None or not _declares(kind, path, build):
            continue
        found = True
        if kind == "uv.lock":
            member = uv_lock.find_member(path, start)
            if member is not None:
                yield replace(_source(kind, path, root, folder), member=member)
            continue
        if kind == "pyproject.toml":
            yield from _of_workspace(folder, root, above)
        yield _source(kind, path, root, folder)
    if not found and folder not in above:
        _refuse_unlocked(folder / "Pipfile", root, "pipenv lock")


def _find_kind(folder: Path, kind: Kind) -> Path | None:
    names = conda.NAMES if kind == "environment.yml" else (kind,)
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _of_workspace(folder: Path, root: Path, above: Sequence[Path]) -> Iterator[Source]:
    """Yield the lock of the workspace that a folder with a pyproject.toml is a member of."""
    for each in folder.parents:
        if each != root and root not in each.parents and each not in above:
            return
        source = _source("uv.lock", each / "uv.lock", root, each)
        if not source.path.is_file() or (each in above and not _is_trusted(source, root)):
            continue
        if member := uv_lock.find_member(source.path, folder):
            yield replace(source, member=member, reason=f"the lock of {member}'s workspace")
            return


def _source(kind: Kind, path: Path, root: Path, folder: Path) -> Source:
    start = root if path.is_relative_to(root) else root.resolve()
    return Source(kind=kind, path=path, folder=folder, name=Path(os.path.relpath(path, start)).as_posix())


def _put_installed_first(found: list[Source], inside: Sequence[Path], root: Path) -> list[Source]:
    """Return the files in another order: what a Dockerfile installs comes right after the locks."""
    if found and found[0].kind in LOCKS:
        return found
    for folder in inside:
        installed = dockerfile.find_installed(folder)
        if files := _on_disk(installed, (folder, *inside), root):
            first, *more = files
            is_farther = found and inside.index(found[0].folder) < inside.index(folder)
            if is_farther and not first.is_relative_to(found[0].folder):
                # Of several services, the Dockerfile above may be that of another.
                continue
            base = folder if first.is_relative_to(folder) else root
            source = replace(
                _source("requirements.txt", first, root, base),
                more=tuple(more),
                reason="which the Dockerfile installs",
            )
            if found and found[0].path == first and not more:
                return found
            return [source, *(each for each in found if each.path not in files)]
        if "." in installed and (own := [each for each in found if _is_installable(each)]):
            source = replace(own[0], reason="which the Dockerfile installs") if own[0] != found[0] else own[0]
            return [source, *(each for each in found if each.path != source.path)]
    return found


def _is_installable(source: Source) -> bool:
    return source.kind in ("pyproject.toml", "setup.cfg", "setup.py")


def _on_disk(paths: Sequence[str], bases: Sequence[Path], root: Path) -> tuple[Path, ...]:
    """Return the files of the project that these paths of a build context mean."""
    found: dict[Path, None] = {}
    for path in paths:
        parts = Path(path.lstrip("/")).parts
        tails = [Path(*parts[number:]) for number in range(len(parts))]
        possible = (base / tail for tail in tails for base in dict.fromkeys((*bases, root)))
        inner = (each for each in possible if each.is_file() and each.suffix != ".toml")
        if (file := next(inner, None)) and file.resolve().is_relative_to(root.resolve()):
            found[file] = None
    return tuple(found)


def _is_trusted(source: Source, root: Path) -> bool:
    return os.access(source.path, os.R_OK) and folders.foreign_owner(source.path, root) is None


def _is_of_use(source: Source, app: App) -> bool:
    """Whether a file above the project has an import of the app, or nobody knows."""
    return app.needs is None or _cover(source, app.needs) != frozenset()


def _choose(options: list[Source], build: Build, app: App) -> Source:
    """Return the first file, unless it lacks imports of the app that another has besides the same ones."""
    first, *rivals = options
    rivals = [each for each in rivals if not _is_manifest(each, first)]
    if not rivals or not app.needs or (known := _cover(first, app.needs)) is None:
        return first
    rivals = [each for each in rivals if not known or _is_equal(each, first, build)]
    better = [(each, found) for each in rivals if (found := _cover(each, app.needs)) and found > known]
    if not better:
        return first
    best, has = max(better, key=lambda pair: len(pair[1]))
    need = app.needs[min(has - known)]
    return replace(best, reason=f"since {first.name} has no {need.module}, which {need.place} imports")


def _is_equal(source: Source, first: Source, build: Build) -> bool:
    """Whether a file has as good a claim as the first one: else that has to lack all imports of the app.

    A requirement of the first may bring what the other names itself, so more names alone are no proof. A file
    that includes the first one is that and more.
    """
    # The import takes long, and most projects have no second file.
    from lambdify.cli.packing.requirements import declared

    return declared.includes(source.kind, source.path, first.path) or (
        source.folder == first.folder
        and source.path.name == source.kind != "environment.yml"
        and first.path.name == first.kind
        and not _is_unlocked_poetry(source, build)
    )


def _is_manifest(source: Source, lock: Source) -> bool:
    """Whether the lock was made from that file: a name that is in one only means that the lock is older."""
    return source.kind == "pyproject.toml" and lock.kind in _LOCKS_OF_PYPROJECT


def _cover(source: Source, needs: Sequence[Need]) -> frozenset[int] | None:
    """Return the numbers of the imports that a file has; None if its names are not known."""
    # The import takes long, and most projects have no second file.
    from lambdify.cli.packing.requirements import declared

    names: set[str] = set()
    for kind, path in ((source.kind, source.path), *(("requirements.txt", path) for path in source.more)):
        try:
            found = declared.find_names(kind, path)
        except RequirementsError:
            # If it is chosen, whoever reads it for good says what is wrong with it.
            return None
        if found is None:
            return None
        names |= found
    return frozenset(number for number, need in enumerate(needs) if need.distributions & names)


def _named(root: Path, build: Build, app: App, present: list[str]) -> Source:
    path = root / build.requirements
    if not path.is_file():
        raise RequirementsError(
            f"[build] requirements names {build.requirements}, and there is no such file",
            hint=f"The project has {', '.join(present) or 'no dependency file'}.",
        )
    kind = _kind_of(path)
    folder = root if kind == "requirements.txt" else path.parent
    member = uv_lock.find_member(path, root / app.import_root) if kind == "uv.lock" else ""
    return replace(_source(kind, path, root, folder), member=member or "")


def _kind_of(path: Path) -> Kind:
    for kind in KINDS:
        if path.name == kind:
            return kind
    if path.name in conda.NAMES or path.suffix in (".yml", ".yaml"):
        return "environment.yml"
    # The import takes long, and most projects have no such file.
    from packaging.pylock import is_valid_pylock_path

    # PEP 751 allows pylock.NAME.toml. Any other file is read as lines of requirements.
    return "pylock.toml" if is_valid_pylock_path(path) else "requirements.txt"


def _declares(kind: Kind, path: Path, build: Build) -> bool:
    """Whether the file declares dependencies: a pyproject.toml may only configure tools."""
    match kind:
        case "pyproject.toml":
            content = read_toml(path)
            return _declares_in_project(content, build) or _declares_in_poetry(content)
        case "setup.cfg":
            return setup_files.read_setup_cfg(path).requires != ()
        case "setup.py":
            return setup_files.read_setup_py(path).requires != ()
        case "environment.yml":
            try:
                environment = conda.read_environment(path)
            except RequirementsError:
                return True
            return bool(environment.lines or environment.conda)
        case _:
            return True


def _declares_in_poetry(content: Mapping[str, Any]) -> bool:
    """Whether a pyproject.toml declares dependencies in [tool.poetry]."""
    poetry: Mapping[str, Any] = content.get("tool", {}).get("poetry", {})
    return bool(poetry.get("dependencies", {}).keys() - {"python"})


def _declares_in_project(content: Mapping[str, Any], build: Build) -> bool:
    """Whether a pyproject.toml declares dependencies in [project], or extras or groups are chosen."""
    project: Mapping[str, Any] = content.get("project", {})
    listed = project.get("dependencies") or "dependencies" in project.get("dynamic", ())
    has_parts = bool(project) or "dependency-groups" in content
    return bool(listed or (has_parts and (build.extras or build.groups)))


def _is_unlocked_poetry(source: Source, build: Build) -> bool:
    """Whether the file says its dependencies in a way that only poetry reads."""
    if source.kind != "pyproject.toml":
        return False
    content = read_toml(source.path)
    return _declares_in_poetry(content) and not _declares_in_project(content, build)


def _refuse_unlocked(path: Path, root: Path, command: str) -> None:
    if path.is_file():
        raise _unlocked(path.relative_to(root).as_posix(), command)


def _unlocked(name: str, command: str) -> RequirementsError:
    return RequirementsError(
        f"{name} says what the project depends on, and has not been locked",
        hint=f"`{command}` writes down its versions, and that file is read; so is a requirements.txt.",
    )


def _refuse_unusable_settings(source: Source, build: Build) -> None:
    """Raise RequirementsError for extras or groups that the file cannot have, instead of ignoring them."""
    for option, chosen, usable in (
        ("extras", build.extras, _WITH_EXTRAS),
        ("groups", build.groups, _WITH_GROUPS),
    ):
        if chosen and source.kind not in usable:
            raise RequirementsError(
                f"[build] {option} names {', '.join(chosen)}, but {source.path.name} knows no {option}",
                hint="Name the file that declares them with [build] requirements.",
            )
