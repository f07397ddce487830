"""The place where the app runs: the project's own folder, and what a function has besides.

    root       the project, read-only for the app
    beside     what the bundle has and the project has not: the adapter, the note on the app, its metadata
    task_root  links to both
    layers     the dependencies, from the wheels of the last build, in the cache
    runtime    AWS's runtime client and boto3

LAMBDA_TASK_ROOT is `task_root`, where the adapter looks for its note, and perhaps an app for its own files.
Nothing is imported from there: the project's modules have the paths that an editor knows.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lambdify.cli.console import Console
from lambdify.cli.detection import choice
from lambdify.cli.errors import AppCannotStart, AppNotFound
from lambdify.cli.local.functions import runtime_client
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import app, bundle, bytecode, ignore_rules, sizes, zips
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import find_dependencies
from lambdify.cli.packing.wheels.distributions import Dependencies
from lambdify.cli.programs import pythons
from lambdify.cli.rehearsal import place as places
from lambdify.cli.rehearsal import question
from lambdify.cli.settings import Settings
from lambdify.cli.static import serving
from lambdify.cli.storage import folders


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders of an app that is served in place, and its interpreter."""

    root: Path
    beside: Path
    task_root: Path
    layers: Path
    runtime: Path
    python: Path
    inputs: tuple[Path, ...]
    """The files that decide on the dependencies; some may not exist."""
    has_table: bool
    """Whether static files are served before the app: what is saved may be one of them."""


def prepare(settings: Settings, folder: Path, console: Console) -> Place:
    """Return the place of the app; `folder` is new, and gets what the project has not.

    Raises what packing raises, and AppCannotStart if the dependencies do not run on this machine.
    """
    candidate = choice.choose_app(settings, console)
    if not candidate.app:
        raise AppNotFound(
            "There is no web app here, only functions.",
            hint="`lambdify deploy --local` runs them; `lambdify invoke --function NAME --local` calls one.",
        )
    target = Target(python=settings.function.python, architecture=settings.function.architecture)
    selection = app.select(settings)
    app.refuse_collision((file.name for file in selection.files), candidate.path)
    dependencies = _find_dependencies(settings, candidate, target, console)
    if any(_is_native(dependencies)) and (obstacle := target.obstacle()):
        raise AppCannotStart(f"The dependencies cannot run here: {obstacle}.")
    out = folders.workspace(settings.root) / "build"
    compiling = bytecode.find_python(target.python, console) if settings.build.bytecode else None
    members = app.members(settings, candidate, selection.files, console)
    subject = bundle.describe(candidate, members, dependencies, target, compiling, out, console)
    python = pythons.fetch(target.python, console)
    ask, secret = partial(question.ask, settings), ignore_rules.secrets()
    here = serving.without_cdn(settings)
    served = serving.serve(
        here, subject, ask, secret, app.amend_note, console, elsewhere_by_cdn=settings.http.cdn
    )
    root, beside, task_root = settings.root.resolve(), folder / "beside", folder / "task"
    own = {file.name for file in selection.files}
    more = {each.name: each for each in members if each.name not in own}
    more |= {each.name: Member(each.name, archive.inflate(each)) for each in served.entries}
    places.write((_amend(each, root) for each in more.values()), beside)
    _link({**dict.fromkeys(own, root), **dict.fromkeys(more, beside)}, task_root)
    return Place(
        root=root,
        beside=beside,
        task_root=task_root,
        layers=places.unpack(subject, folder / "opt"),
        runtime=runtime_client.fetch(python, target.python),
        python=python,
        inputs=tuple(Path(name) for name, _ in dependencies.inputs),
        has_table=bool(served.files),
    )


def _find_dependencies(
    settings: Settings, candidate: choice.Candidate, target: Target, console: Console
) -> Dependencies:
    """Return the dependencies of the last build, if they would be chosen again; else find them."""
    needs = app.find_needs(settings, candidate)
    out = folders.workspace(settings.root) / "build"
    previous = bundle.find_previous(settings, out, needs, (), zips.find_known(settings.root))
    kept = app.keep_if_chosen(settings, needs, previous.dependencies)
    found = kept or find_dependencies(
        settings, target, needs.extra, console, wanted=needs.imports, app=needs.app
    )
    app.refuse_dependencies(found.distributions)
    return found


def _is_native(dependencies: Dependencies) -> Iterable[bool]:
    return (sizes.kind(name) == "native" for each in dependencies.distributions for name in each.files)


def _amend(member: Member, root: Path) -> Member:
    """Return the note on the app with the project's folder in it; other members as they are.

    An error of the app is shown to the client, which is its developer. Secrets are not fetched: they are
    variables here.
    """
    if member.name != app.NOTE:
        return member
    said: Mapping[str, object] = json.loads(member.content)
    kept = {name: value for name, value in said.items() if name not in ("secrets", "path")}
    path = {"path": os.path.join(root, str(said["path"]))} if said.get("path") else {}  # noqa: PTH118 - as the adapter joins it
    return member._replace(content=json.dumps({**kept, **path, "show_errors": True}).encode())


def _link(places_of: Mapping[str, Path], task_root: Path) -> None:
    """Make links to files in two folders, and to a folder as a whole where all of it is in one of them."""
    task_root.mkdir()
    tops = {name.partition("/")[0]: place for name, place in places_of.items()}
    shared = {top for name, place in places_of.items() if tops[top := name.partition("/")[0]] != place}
    for top in tops.keys() - shared:
        (task_root / top).symlink_to(tops[top] / top)
    for name, place in places_of.items():
        if name.partition("/")[0] in shared and not name.endswith("/"):
            (task_root / name).parent.mkdir(parents=True, exist_ok=True)
            (task_root / name).symlink_to(place / name)
