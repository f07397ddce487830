"""From settings and an app to the two zips that Lambda gets: a layer of dependencies, and the app.

Of what is too big for zips the same two are made, for a container image to be filled with; see `image`.

    scan the project ▶ find the dependencies' wheels ▶ strip, compile, deflate ▶ weigh ▶ write

Rules:
- A zip is named by what it was made from (names, modes, contents, target, format), not by its own bytes:
  other builds of zlib deflate otherwise, and bytecode differs between patch releases.
- A zip that is there already is not made again. One is there whole, or not at all.
- What is too big for Lambda is refused here, before anything is written or uploaded. [build] form = "auto"
  goes from zips to an image where that is what it takes, and says so.
- Where only a few files of the project have changed, the others' members are taken over; see `previous`.
- In the project, nothing is written but `.lambdify/`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lambdify.cli import pythons
from lambdify.cli.console import Console, size
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.bundle import (
    app,
    build_cache,
    bytecode,
    files,
    image,
    incremental,
    layer,
    secret_scan,
    sizes,
    strip,
)
from lambdify.cli.packing.bundle.bytecode import Compiler
from lambdify.cli.packing.bundle.incremental import Previous
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.distributions import Dependencies, Distribution
from lambdify.cli.settings import Settings
from lambdify.cli.settings.tables import Form

if TYPE_CHECKING:
    from lambdify.cli.detection.choice import Candidate

FORMAT = 1
"""Raise it when the same input comes to something else: it is part of every name."""
TASK_ROOT = "/var/task"
"""Where Lambda unpacks the function's own zip."""
LAYER_ROOT, LAYER_PREFIX = "/opt", "python/"
"""Where it unpacks layers, and the folder in them that is on sys.path.
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip that is ready to be uploaded."""

    path: Path
    digest: str
    """Identity by what it was made from: sha256, hex."""
    zipped: int
    unzipped: int
    files: int


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is uploaded, and what there is to say about it."""

    form: Form
    app: Archive
    layer: Archive | None
    """None without dependencies, or with the form "zip": then they are in `app`."""
    target: Target
    dependencies: Dependencies
    parts: tuple[sizes.Part, ...]
    """The largest first."""
    left_out: tuple[files.LeftOut, ...]
    leaks: tuple[secret_scan.Leak, ...]

    @property
    def archives(self) -> tuple[Archive, ...]:
        """What is uploaded, the layer first."""
        return (self.layer, self.app) if self.layer else (self.app,)


@dataclass(frozen=True, kw_only=True)
class _Input:
    """All that the zips are made from."""

    out: Path
    target: Target
    python: Path | None
    """Who compiles; None for no bytecode."""
    members: tuple[Member, ...]
    """The app's."""
    own: Callable[[], tuple[Entry, ...]]
    """What these come to, with bytecode, sorted by name."""
    dependencies: Dependencies

    def compiler(self, mount: str) -> Compiler | None:
        """Who compiles what Lambda unpacks under `mount`."""
        return _compiler(self.python, self.target, mount)


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """A zip that has not been weighed yet."""

    path: Path
    digest: str
    entries: tuple[Entry, ...]
    written: bool
    """Whether it was there."""
    owners: Mapping[str, str]
    """The distribution that a file of it belongs to; a file of the project's is missing."""


def find(settings: Settings, out: Path, console: Console) -> Bundle | None:
    """Return what `pack` made in `out` the last time, if nothing has changed since; see `last_build`."""
    found = build_cache.find(settings, out, Bundle)
    if found is None or not all(_is_there(archive) for archive in found.archives):
        return None
    if not _same_images(found.dependencies):
        return None
    _tell_again(found.dependencies, console)
    console.note("Nothing has changed since this was packed.")
    return found


def pack(
    settings: Settings,
    candidate: "Candidate",
    out: Path,
    console: Console,
    *,
    limit: int = sizes.UNZIPPED_LIMIT,
    upgrade: bool = False,
) -> Bundle:
    """Make the bundle in the folder `out`, or find there what has been made before.

    Raises NameCollision, BundleRefused, BuildError, and whatever `find_dependencies` raises.
    """
    begun = build_cache.begin(settings.root)
    target = Target(python=settings.function.python, architecture=settings.function.architecture)
    app.refuse_collision(settings.root, candidate.path)
    selection = files.scan(settings.root, include=settings.build.include, exclude=settings.build.exclude)
    sizes.refuse_files(selection.files, image.LIMIT if settings.build.form == "image" else limit)
    members = app.members(settings, candidate, selection.files)
    extra = _extra(candidate)
    before = _previous(settings, out, extra, members)
    python = _python(settings, console)
    own = cache(lambda: _own_entries(members, before, _compiler(python, target, TASK_ROOT)))
    dependencies = None if upgrade else _tell_again(before.dependencies, console)
    if dependencies is None:
        # Its rooms bring libraries along, which a change in the project does without.
        from lambdify.cli.packing.wheels.dependencies import find_dependencies

        # uv waits for the index. Meanwhile the project is packed, and the dependencies that it is likely to
        # name are made ready in the cache: most often that is needed too.
        with ThreadPoolExecutor(1) as aside:
            if not _path(out, target, python, "app", _contents(members))[0].is_file():
                aside.submit(own)
            begin = _beginning(settings, target, python)
            dependencies = find_dependencies(settings, target, extra, console, upgrade=upgrade, expect=begin)
    given = _Input(out=out, target=target, python=python, members=members, own=own, dependencies=dependencies)
    form, drafts, parts = _fit(given, settings, limit, console)
    *layers, main = [_written(draft) for draft in drafts]
    bundle = Bundle(
        form=form,
        app=main,
        layer=layers[0] if layers else None,
        target=target,
        dependencies=dependencies,
        parts=parts,
        left_out=selection.left_out,
        leaks=_leaks(members, before),
    )
    # Without an interpreter there was no bytecode, and to look for one again is to start processes.
    if dependencies.settled and (given.python or not settings.build.bytecode):
        contents = {member.name: member.content for member in members}
        build_cache.keep(settings, out, begun, selection, contents, dependencies, bundle)
    return bundle


def _previous(settings: Settings, out: Path, extra: tuple[str, ...], members: Sequence[Member]) -> Previous:
    """What of the last build into `out` can be used for these members."""
    recalled = build_cache.recall(settings, out, Bundle)
    if recalled is None:
        return Previous()
    last, same_inputs = recalled
    return incremental.compare(
        last.app.path,
        last.dependencies if same_inputs and _same_images(last.dependencies) else None,
        last.leaks,
        extra,
        members,
        settings.function.python,
    )


def _same_images(dependencies: Dependencies) -> bool:
    """Whether what was built in a container would be built in the same image, as far as an engine can say."""
    if not dependencies.images:
        return True
    # Whoever builds nothing in containers never waits for this: the SDK takes longer to import than all else.
    from lambdify.cli.packing.wheels.native import find_image_id

    return all(find_image_id(name) in (None, known) for name, known in dependencies.images)


def _tell_again(dependencies: Dependencies | None, console: Console) -> Dependencies | None:
    for note in dependencies.notes if dependencies else ():
        console.note(note)
    return dependencies


def _leaks(members: Sequence[Member], before: Previous) -> tuple[secret_scan.Leak, ...]:
    changed = (member for member in members if member.name not in before.unchanged)
    found = (leak for member in changed for leak in secret_scan.scan(member.name, member.content))
    return tuple(sorted((*before.leaks, *found), key=lambda leak: leak.path))


def _is_there(archive: Archive) -> bool:
    return archive.path.is_file() and archive.path.stat().st_size == archive.zipped


def _fit(
    given: _Input, settings: Settings, limit: int, console: Console
) -> tuple[Form, tuple[_Draft, ...], tuple[sizes.Part, ...]]:
    """What is to be written, in the form that the settings ask for, or that it takes; may be refused."""
    wanted = settings.build.form
    form: Form = "layer" if wanted == "auto" else wanted
    drafts = _drafts(given, form, console)
    parts = sizes.parts((draft.entries, draft.owners) for draft in drafts)
    total = sum(part.unzipped for part in parts)
    if wanted == "auto" and total > limit:
        console.note(
            f"The bundle is {size(total)} unpacked, and Lambda takes {size(limit)} as zips: it becomes a "
            f"container image, which may be {size(image.LIMIT)}."
        )
        form, drafts = "image", _drafts(given, "image", console)
    sizes.refuse(parts, image.LIMIT if form == "image" else limit)
    return form, drafts, parts


def _place(form: Form | Literal["auto"]) -> tuple[str, str]:
    """Where dependencies are: their folder in the zip, and where that zip is unpacked."""
    # An image has no layers of Lambda's: there, as in a single zip, all is where the app is.
    return ("", TASK_ROOT) if form in ("zip", "image") else (LAYER_PREFIX, LAYER_ROOT)


def _beginning(
    settings: Settings, target: Target, python: Path | None
) -> Callable[[Sequence[Distribution]], object]:
    """What fills the cache with what distributions come to, in the form that is most likely."""
    prefix, mount = _place(settings.build.form)
    compiler = _compiler(python, target, mount)
    return lambda distributions: layer.build(distributions, prefix, compiler, Console(quiet=True))


def _drafts(given: _Input, form: Form, console: Console) -> tuple[_Draft, ...]:
    if form == "zip" or not given.dependencies.distributions:
        return _one_zip(given, console)
    prefix, mount = _place(form)
    distributions = given.dependencies.distributions
    return (
        _draft(
            given,
            "dependencies" if form == "image" else "layer",
            given.dependencies.key,
            lambda: layer.build(distributions, prefix, given.compiler(mount), console),
            sizes.owners(distributions, prefix),
        ),
        _draft(given, "app", _contents(given.members), lambda: _app(given, console), {}),
    )


def _one_zip(given: _Input, console: Console) -> tuple[_Draft, ...]:
    distributions = given.dependencies.distributions
    prefix, mount = _place("zip")
    own = {member.name for member in given.members}

    def entries() -> Iterator[Entry]:
        # Dependencies first: they seldom change, so two versions of the zip begin alike. Where both have a
        # file, the project's wins, as /var/task comes before /opt/python on sys.path.
        for entry in layer.build(distributions, prefix, given.compiler(mount), console):
            if bytecode.source_path(entry.name) not in own:
                yield entry
        yield from _app(given, console)

    owners = {name: owner for name, owner in sizes.owners(distributions, prefix).items() if name not in own}
    made_from = [given.dependencies.key, _contents(given.members)]
    return (_draft(given, "app", made_from, lambda: tuple(entries()), owners),)


def _draft(
    given: _Input,
    kind: str,
    made_from: object,
    make: Callable[[], tuple[Entry, ...]],
    owners: Mapping[str, str],
) -> _Draft:
    """A zip by its name: the one that is there, or what `make` gives for it."""
    path, digest = _path(given.out, given.target, given.python, kind, made_from)
    found = archive.find(path)
    return _Draft(
        path=path,
        digest=digest,
        entries=make() if found is None else found,
        written=found is not None,
        owners=owners,
    )


def _path(out: Path, target: Target, python: Path | None, kind: str, made_from: object) -> tuple[Path, str]:
    """Where a zip belongs, and its digest."""
    formats = [FORMAT, layer.FORMAT, strip.FORMAT, archive.LEVEL]
    identity = [formats, target.id, python is not None, kind, made_from]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return out / f"{kind}-{digest[:16]}.zip", digest


def _app(given: _Input, console: Console) -> tuple[Entry, ...]:
    with console.step("Packing the application"):
        return given.own()


def _own_entries(members: Sequence[Member], before: Previous, compiler: Compiler | None) -> tuple[Entry, ...]:
    # What is the same and has no bytecode did not compile the last time either.
    changed = [member for member in members if member.name not in before.entries]
    compiled = bytecode.build(compiler, changed)
    made = (*archive.deflate(changed), *compiled.values())
    return tuple(sorted((*before.entries.values(), *made), key=lambda entry: entry.name))


def _compiler(python: Path | None, target: Target, mount: str) -> Compiler | None:
    return Compiler(python=python, minor=target.python, mount=mount) if python else None


def _contents(members: Sequence[Member]) -> list[tuple[str, bool, str]]:
    return [
        (member.name, member.executable, hashlib.sha256(member.content).hexdigest()) for member in members
    ]


def _written(draft: _Draft) -> Archive:
    if not draft.written:
        draft.path.parent.mkdir(parents=True, exist_ok=True)
        archive.write(draft.path, draft.entries)
    return Archive(
        path=draft.path,
        digest=draft.digest,
        zipped=draft.path.stat().st_size,
        unzipped=sum(entry.unzipped for entry in draft.entries),
        files=len(draft.entries),
    )


def _python(settings: Settings, console: Console) -> Path | None:
    """The interpreter that compiles, if bytecode is wanted and there is one."""
    minor = settings.function.python
    if not settings.build.bytecode:
        return None
    python = pythons.find(minor)
    if python is None:
        console.note(
            f"This machine has no Python {minor}, so bytecode is left out: imports take about three times as "
            f"long in a cold start. `uv python install {minor}` changes that."
        )
    return python


def _extra(candidate: "Candidate") -> tuple[str, ...]:
    """What the adapter needs: mangum for an app that may be ASGI, in the range that lambdify asks for."""
    if candidate.interface == "wsgi":
        return ()
    from importlib import metadata

    from packaging.requirements import Requirement

    wanted = map(Requirement, metadata.requires("lambdify") or ())
    return tuple(str(requirement) for requirement in wanted if requirement.name == "mangum")
