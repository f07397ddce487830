"""From settings and an app to the two zips that Lambda gets: a layer of dependencies, and the app.

Of what is too big for zips the same two are made, for a container image to be filled with; see `image`.

    scan the project ▶ find the dependencies' wheels ▶ strip, compile, deflate ▶ weigh ▶ write

Rules:
- A zip is named by what it was made from, and not made again where it is there and ours; see `zips`.
- What is too big for Lambda is refused here, before anything is written or uploaded. [build] form = "auto"
  goes from zips to an image where that is what it takes, and says so.
- Where only a few files of the project have changed, the others' members are taken over; see `previous`.
- In the project, nothing is written but `.lambdify/`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lambdify.cli.console import Console
from lambdify.cli.formatting import size
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.bundle import (
    app,
    build_cache,
    bytecode,
    files,
    image,
    incremental,
    index_logins,
    layer,
    secret_scan,
    sizes,
    zips,
)
from lambdify.cli.packing.bundle.bytecode import Compiler
from lambdify.cli.packing.bundle.incremental import PreviousBuild
from lambdify.cli.packing.bundle.zips import Archive, Draft, KnownZips
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.distributions import Dependencies, Distribution
from lambdify.cli.programs import pythons
from lambdify.cli.settings import Settings
from lambdify.cli.settings.tables import Form

if TYPE_CHECKING:
    from lambdify.cli.detection.choice import Candidate

TASK_ROOT = "/var/task"
"""Where Lambda unpacks the function's own zip."""
LAYER_ROOT, LAYER_PREFIX = "/opt", "python/"
"""Where it unpacks layers, and the folder in them that is on sys.path.
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is uploaded, and what there is to say about it."""

    form: Form
    app: Archive
    layer: Archive | None
    """None without dependencies, or with the form "zip": then they are in `app`."""
    target: Target
    dependencies: Dependencies
    parts: tuple[sizes.BundlePart, ...]
    """The largest first."""
    left_out: tuple[files.LeftOut, ...]
    leaks: tuple[secret_scan.Leak, ...]

    @property
    def archives(self) -> tuple[Archive, ...]:
        """What is uploaded, the layer first."""
        return (self.layer, self.app) if self.layer else (self.app,)


@dataclass(frozen=True, kw_only=True)
class _Inputs:
    """All that the zips are made from."""

    root: Path
    out: Path
    known: KnownZips
    """The zips that are ours."""
    target: Target
    python: Path | None
    """Who compiles; None for no bytecode."""
    members: tuple[Member, ...]
    """The app's."""
    make_app_entries: Callable[[], tuple[Entry, ...]]
    """What these come to, with bytecode, sorted by name."""
    dependencies: Dependencies

    def compiler(self, mount: str) -> Compiler | None:
        """Who compiles what Lambda unpacks under `mount`."""
        return _compiler(self.python, self.target, mount)


def find(settings: Settings, out: Path, console: Console) -> Bundle | None:
    """Return what `pack` made in `out` the last time, if nothing has changed since; see `last_build`."""
    found = build_cache.find(settings, out, Bundle)
    known = zips.find_known(settings.root)
    if found is None or not all(zips.is_ours(settings.root, each.path, known) for each in found.archives):
        return None
    if not _same_images(found.dependencies):
        return None
    _show_notes(found.dependencies, console)
    zips.record(settings.root, settings.stage, out, found.archives)
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
    start = build_cache.start(settings.root)
    target = Target(python=settings.function.python, architecture=settings.function.architecture)
    selection = files.scan(settings.root, include=settings.build.include, exclude=settings.build.exclude)
    app.refuse_collision((file.name for file in selection.files), candidate.path)
    sizes.refuse_files(selection.files, image.LIMIT if settings.build.form == "image" else limit)
    read = app.members(settings, candidate, selection.files)
    members = _without_logins(read, console)
    extra = _adapter_requirements(candidate)
    known = zips.find_known(settings.root)
    previous = _find_previous(settings, out, extra, members, known)
    python = _python(settings, console)
    own = cache(lambda: _make_app_entries(members, previous, _compiler(python, target, TASK_ROOT)))
    dependencies = None if upgrade else _show_notes(previous.dependencies, console)
    if dependencies is None:
        at, _ = zips.locate(out, target, "app", _contents(members), compiled=python is not None)
        pack_app = None if at.is_file() else own
        fetch = _prefetch_layer(settings, target, python)
        dependencies = _find_dependencies(settings, target, extra, console, pack_app, fetch, upgrade=upgrade)
    app.refuse_dependencies(dependencies.distributions)
    inputs = _Inputs(
        root=settings.root,
        out=out,
        known=known,
        target=target,
        python=python,
        members=members,
        make_app_entries=own,
        dependencies=dependencies,
    )
    form, drafts, parts = _choose_form(inputs, settings, limit, console)
    *layers, main = _write(settings, out, drafts, console)
    bundle = Bundle(
        form=form,
        app=main,
        layer=layers[0] if layers else None,
        target=target,
        dependencies=dependencies,
        parts=parts,
        left_out=selection.left_out,
        leaks=_leaks(members, previous),
    )
    # Without an interpreter there was no bytecode, and to look for one again is to start processes.
    if dependencies.settled and (inputs.python or not settings.build.bytecode):
        contents = {member.name: member.content for member in read}
        build_cache.store(settings, out, start, selection, contents, dependencies, bundle)
    return bundle


def _without_logins(read: Sequence[Member], console: Console) -> tuple[Member, ...]:
    members, cleaned = index_logins.remove_logins(read)
    for name in cleaned:
        console.note(f"{name} is packed without the login of a package index.")
    return members


def _find_dependencies(
    settings: Settings,
    target: Target,
    extra: tuple[str, ...],
    console: Console,
    pack_app: Callable[[], object] | None,
    prefetch: Callable[[Sequence[Distribution]], object],
    *,
    upgrade: bool,
) -> Dependencies:
    """Find what the function needs, and do meanwhile what is most often needed too.

    uv waits for the index. While it does, the project is packed (`ahead`), and the dependencies that it is
    likely to name are made ready in the cache (`begin`).
    """
    # Its rooms bring libraries along, which a change in the project does without.
    from lambdify.cli.packing.wheels.dependencies import find_dependencies

    with ThreadPoolExecutor(1) as aside:
        if pack_app:
            aside.submit(pack_app)
        return find_dependencies(settings, target, extra, console, upgrade=upgrade, prefetch=prefetch)


def _find_previous(
    settings: Settings, out: Path, extra: tuple[str, ...], members: Sequence[Member], known: KnownZips
) -> PreviousBuild:
    """What of the last build into `out` can be used for these members."""
    found = build_cache.find_previous(settings, out, Bundle)
    if found is None:
        return PreviousBuild()
    last, same_inputs = found
    return incremental.compare(
        last.app.path if zips.is_ours(settings.root, last.app.path, known) else None,
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


def _show_notes(dependencies: Dependencies | None, console: Console) -> Dependencies | None:
    for note in dependencies.notes if dependencies else ():
        console.note(note)
    return dependencies


def _leaks(members: Sequence[Member], previous: PreviousBuild) -> tuple[secret_scan.Leak, ...]:
    changed = (member for member in members if member.name not in previous.unchanged)
    found = (leak for member in changed for leak in secret_scan.scan(member.name, member.content))
    return tuple(sorted((*previous.leaks, *found), key=lambda leak: leak.path))


def _choose_form(
    inputs: _Inputs, settings: Settings, limit: int, console: Console
) -> tuple[Form, tuple[Draft, ...], tuple[sizes.BundlePart, ...]]:
    """What is to be written, in the form that the settings ask for, or that it takes; may be refused."""
    wanted = settings.build.form
    form: Form = "layer" if wanted == "auto" else wanted
    drafts = _drafts(inputs, form, console)
    parts = sizes.parts((draft.entries, draft.owners) for draft in drafts)
    total = sum(part.unzipped for part in parts)
    if wanted == "auto" and total > limit:
        console.note(
            f"The bundle is {size(total)} unpacked, and Lambda takes {size(limit)} as zips: it becomes a "
            f"container image, which may be {size(image.LIMIT)}."
        )
        form, drafts = "image", _drafts(inputs, "image", console)
    sizes.refuse(parts, image.LIMIT if form == "image" else limit)
    return form, drafts, parts


def _write(settings: Settings, out: Path, drafts: Sequence[Draft], console: Console) -> list[Archive]:
    for draft in drafts:
        if draft.foreign:
            console.warn(f"{draft.path.name} was not made by you on this machine: it is made anew.")
    written = [zips.write(draft) for draft in drafts]
    zips.record(settings.root, settings.stage, out, written)
    return written


def _layout(form: Form | Literal["auto"]) -> tuple[str, str]:
    """Where dependencies are: their folder in the zip, and where that zip is unpacked."""
    # An image has no layers of Lambda's: there, as in a single zip, all is where the app is.
    return ("", TASK_ROOT) if form in ("zip", "image") else (LAYER_PREFIX, LAYER_ROOT)


def _prefetch_layer(
    settings: Settings, target: Target, python: Path | None
) -> Callable[[Sequence[Distribution]], object]:
    """What fills the cache with what distributions come to, in the form that is most likely."""
    prefix, mount = _layout(settings.build.form)
    compiler = _compiler(python, target, mount)
    return lambda distributions: layer.build(distributions, prefix, compiler, Console(quiet=True))


def _drafts(inputs: _Inputs, form: Form, console: Console) -> tuple[Draft, ...]:
    if form == "zip" or not inputs.dependencies.distributions:
        return _one_zip(inputs, console)
    prefix, mount = _layout(form)
    distributions = inputs.dependencies.distributions
    return (
        _draft(
            inputs,
            "dependencies" if form == "image" else "layer",
            inputs.dependencies.key,
            lambda: layer.build(distributions, prefix, inputs.compiler(mount), console),
            sizes.owners(distributions, prefix),
        ),
        _draft(inputs, "app", _contents(inputs.members), lambda: _pack_app(inputs, console), {}),
    )


def _one_zip(inputs: _Inputs, console: Console) -> tuple[Draft, ...]:
    distributions = inputs.dependencies.distributions
    prefix, mount = _layout("zip")
    own = {member.name for member in inputs.members}

    def entries() -> Iterator[Entry]:
        # Dependencies first: they seldom change, so two versions of the zip begin alike. Where both have a
        # file, the project's wins, as /var/task comes before /opt/python on sys.path.
        for entry in layer.build(distributions, prefix, inputs.compiler(mount), console):
            if bytecode.source_path(entry.name) not in own:
                yield entry
        yield from _pack_app(inputs, console)

    owners = {name: owner for name, owner in sizes.owners(distributions, prefix).items() if name not in own}
    made_from = [inputs.dependencies.key, _contents(inputs.members)]
    return (_draft(inputs, "app", made_from, lambda: tuple(entries()), owners),)


def _draft(
    inputs: _Inputs,
    kind: str,
    made_from: object,
    make: Callable[[], tuple[Entry, ...]],
    owners: Mapping[str, str],
) -> Draft:
    compiled = inputs.python is not None
    at = zips.locate(inputs.out, inputs.target, kind, made_from, compiled=compiled)
    return zips.draft(inputs.root, at, inputs.known, make, owners)


def _pack_app(inputs: _Inputs, console: Console) -> tuple[Entry, ...]:
    with console.step("Packing the application"):
        return inputs.make_app_entries()


def _make_app_entries(
    members: Sequence[Member], previous: PreviousBuild, compiler: Compiler | None
) -> tuple[Entry, ...]:
    # What is the same and has no bytecode did not compile the last time either.
    changed = [member for member in members if member.name not in previous.entries]
    compiled = bytecode.build(compiler, changed)
    made = (*archive.deflate(changed), *compiled.values())
    return tuple(sorted((*previous.entries.values(), *made), key=lambda entry: entry.name))


def _compiler(python: Path | None, target: Target, mount: str) -> Compiler | None:
    return Compiler(python=python, minor=target.python, mount=mount) if python else None


def _contents(members: Sequence[Member]) -> list[tuple[str, bool, str]]:
    return [
        (member.name, member.executable, hashlib.sha256(member.content).hexdigest()) for member in members
    ]


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


def _adapter_requirements(candidate: "Candidate") -> tuple[str, ...]:
    """What the adapter needs: mangum for an app that may be ASGI, in the range that lambdify asks for."""
    if candidate.interface == "wsgi":
        return ()
    from importlib import metadata

    from packaging.requirements import Requirement

    wanted = map(Requirement, metadata.requires("lambdify") or ())
    return tuple(str(requirement) for requirement in wanted if requirement.name == "mangum")
