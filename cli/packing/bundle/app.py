"""The app's part of the bundle: the project's files and metadata, the adapter's files, and a note on the app.

The adapter is always that of the running lambdify, since the two were tested together. It is never installed
from an index, where another project owns the name.
"""

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError, NameCollision, SettingsError
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import files
from lambdify.cli.packing.requirements.formats import build_system
from lambdify.cli.packing.wheels.distributions import Dependencies, Distribution
from lambdify.cli.settings import database, names
from lambdify.cli.version import DISTRIBUTION

if TYPE_CHECKING:
    from lambdify.cli.detection.choice import Candidate
    from lambdify.cli.detection.imports import Import
    from lambdify.cli.packing.requirements.sources import App, Need
    from lambdify.cli.settings import Settings

NOTE = ".lambdify/bundle.json"
"""The file that `lambdify.adapter.entry` reads when a function starts."""
ADAPTER = "lambdify/adapter"
QUIET = Console(quiet=True)
_HIDES = re.compile(r"lambdify(/__init__|/adapter)?(\.[\w.-]+)?\.(py|pyc|so)|lambdify/adapter/.*")
"""Names of files that are imported instead of ours: `lambdify` is a namespace package, and Python prefers a
regular package or a module. https://docs.python.org/3/reference/import.html#namespace-packages"""


def select(settings: "Settings") -> files.Selection:
    """Return the project's files that are packed, and those that are not. Raises what `files.scan` raises."""
    database.require_certificates(settings.database, settings.root)
    return files.scan(
        settings.root,
        include=settings.build.include,
        exclude=settings.build.exclude,
        environment_file=settings.environment_file,
    )


def members(
    settings: "Settings",
    candidate: "Candidate",
    selection: Sequence[files.ProjectFile],
    console: Console = QUIET,
) -> tuple[Member, ...]:
    """Return the members of the app zip without bytecode, sorted by name. Raises SettingsError."""
    return tuple(
        sorted(
            [
                Member(NOTE, json.dumps(_note(settings, candidate), sort_keys=True).encode()),
                *_adapter(),
                *_metadata(settings, candidate, console),
                *(Member(file.name, _read(file), file.executable) for file in selection),
            ]
        )
    )


class Needs(NamedTuple):
    """What decides on the dependencies, beside their file."""

    extra: tuple[str, ...]
    """Requirements of the adapter."""
    imports: "tuple[Import, ...]"
    """What the app imports that is neither the project's nor Python's."""
    app: "App"
    """The app as the choice of a dependency file sees it."""


def find_needs(settings: "Settings", candidate: "Candidate") -> Needs:
    """Return what the app, the functions for other events and the adapter need."""
    from lambdify.cli.detection import distributions, imports
    from lambdify.cli.detection.project import Project
    from lambdify.cli.packing.requirements.sources import App

    project = Project(settings.root, settings.function.python)
    found = imports.of(project, candidate, settings.environment)
    others = [settings.function.on_event, *(each.handler for each in settings.functions.values())]
    for other in dict.fromkeys(filter(None, others)):
        if file := project.file_of(other.partition(":")[0], near=candidate.path):
            found += imports.of(project, replace(candidate, app=other, file=file, framework=""))
    foreign = distributions.foreign(found, settings.function.python)
    app = App(candidate.path, candidate.file, lambda: _sure(foreign))
    return Needs(_adapter_requirements(candidate), foreign, app)


def keep_if_chosen(settings: "Settings", needs: Needs, last: Dependencies | None) -> Dependencies | None:
    """Return the dependencies of the last build if they would be chosen again; else None."""
    from lambdify.cli.detection import distributions
    from lambdify.cli.packing.requirements.sources import find_source

    if last is None or last.wanted != distributions.key(needs.imports):
        return None
    source = find_source(settings.root, settings.build, needs.app)
    return last if last.source_name == (source.name if source else "") else None


def _sure(imports: "Sequence[Import]") -> "list[Need]":
    """Return what the app surely imports, with the distributions that may have it."""
    from lambdify.cli.detection import distributions
    from lambdify.cli.packing.requirements.sources import Need

    return [
        Need(
            each.module,
            frozenset(map(distributions.normalize, (each.module, *distributions.names_of(each.full)))),
            f"{each.file}:{each.line}",
        )
        for each in imports
        if each.sure
    ]


def refuse_collision(names: Iterable[str], path: str) -> None:
    """Raise NameCollision if the project has a module that would be imported instead of ours.

    `names` are its files in the bundle, `path` is the folder that the app is imported from.
    """
    prefix = f"{path}/" if path else ""
    for name in names:
        if _HIDES.fullmatch(name) or (
            name.startswith(prefix) and _HIDES.fullmatch(name.removeprefix(prefix))
        ):
            raise NameCollision(
                f"{name} would be imported in place of lambdify's adapter: the function could not start.",
                hint="Give it another name, and change the imports of it.",
            )


def refuse_dependencies(distributions: Iterable[Distribution]) -> None:
    """Raise NameCollision if a dependency has such a module."""
    for each in distributions:
        if name := next(filter(_HIDES.fullmatch, each.files), None):
            raise NameCollision(
                f"{each.name} {each.version} brings {name}, which would be imported in place of lambdify's "
                "adapter, and answer every request.",
                hint=f"Do without {each.name}: nobody else has a good reason to hold such a file.",
            )


def adapter_folder() -> Path:
    """Return the folder of the adapter to pack. The adapter is not imported, since it does not run here."""
    spec = importlib.util.find_spec("lambdify.adapter")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("lambdify.adapter is not installed beside lambdify.cli")
    return Path(next(iter(spec.submodule_search_locations)))


def _note(settings: "Settings", candidate: "Candidate") -> dict[str, object]:
    if settings.http.remote_user and candidate.interface == "asgi":
        raise SettingsError(
            f"[http] remote_user: {candidate.app} is an ASGI app, and ASGI has no REMOTE_USER.",
            hint='The app finds the authorizer\'s answer in scope["aws.event"]; leave remote_user out.',
        )
    if settings.logs.requests and candidate.interface == "handler":
        raise SettingsError(
            f"[logs] requests: {candidate.app} is a Lambda handler, and only it knows its requests.",
            hint="Let app name the web app inside it; or leave requests out, and have the handler log them.",
        )
    most = settings.warm.most if settings.warm.every else 0
    said = {
        "path": candidate.path,
        "on_event": settings.function.on_event,
        "show_errors": settings.http.show_errors,
        "remote_user": settings.http.remote_user,
        "secrets": dict(settings.secrets),
        "keep_telemetry": not settings.telemetry.flush,
        "log_requests": settings.logs.requests,
        "concurrency": most if most > 1 else 0,
        "functions": {
            name: {"handler": function.handler, "sources": list(names.origins(settings, function))}
            for name, function in settings.functions.items()
        },
        "tasks": {"attempts": settings.tasks.attempts} if settings.tasks.workers else {},
    }
    told = {name: value for name, value in said.items() if value}
    app = {"app": candidate.app} if candidate.app else {}
    return app | told | ({} if settings.http.after_reply else {"after_reply": False})


def amend_note(members: Sequence[Member], more: Mapping[str, str]) -> Member:
    """Return the note among these members, with what is told of static files in it."""
    note = next(each for each in members if each.name == NOTE)
    said = {**json.loads(note.content), **more}
    return note._replace(content=json.dumps(said, sort_keys=True).encode())


def _metadata(settings: "Settings", candidate: "Candidate", console: Console) -> Iterator[Member]:
    """Yield the project's own .dist-info, if it has a [build-system]; tell if the backend fails."""
    folder = build_system.find_project(settings.root, candidate.path)
    if folder is None:
        return
    # The imports take long, and most projects are not installed.
    from lambdify.cli.packing.resolution import metadata

    found = metadata.read_written(folder)
    if found is None and settings.build.strategy == "docker":
        console.note("The project's own metadata is not packed: [build] strategy lets no code run here.")
        return
    try:
        found = found or metadata.ask_backend(folder, settings.root)
    except BuildError as error:
        console.warn(f"importlib.metadata will not know the project itself: {error}")
        return
    for name, text in found.files.items():
        yield Member(f"{found.name}/{name}", text.encode())


def _adapter() -> Iterator[Member]:
    folder = adapter_folder()
    for module in folder.rglob("*.py"):
        yield Member(f"{ADAPTER}/{module.relative_to(folder).as_posix()}", module.read_bytes())


def _read(file: files.ProjectFile) -> bytes:
    if file.is_folder:
        return b""
    with files.readable(file.name):
        return file.path.read_bytes()


def _adapter_requirements(candidate: "Candidate") -> tuple[str, ...]:
    """Return the adapter's requirements: mangum, in lambdify's own version range, if the app may be ASGI."""
    if candidate.interface == "wsgi" or not candidate.app:
        return ()
    from importlib import metadata

    from packaging.requirements import Requirement

    wanted = map(Requirement, metadata.requires(DISTRIBUTION) or ())
    return tuple(str(requirement) for requirement in wanted if requirement.name == "mangum")
