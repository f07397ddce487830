"""The bundle: two zips, a layer of dependencies and the app, made from the settings and an app.

For a bundle that is too large for zips, a container image is made from the same two zips; see `image`.

    scan the project ▶ find the dependencies' wheels ▶ strip, compile, deflate ▶ check the size ▶ write

Rules:
- A zip is named by a digest of its input, and not made again if it exists and is ours; see `zips`.
- A bundle that is too large is refused before anything is written or uploaded. [build] form = "auto" changes
  from zips to an image if the size requires it, with a note.
- If only some files of the project have changed, the members of the others are copied; see `incremental`.
- In the project's folder, only `.lambdify/` is written to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lambdify.cli.console import Console
from lambdify.cli.detection import distributions
from lambdify.cli.formatting import size
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.packing.bundle import (
    app,
    build_cache,
    bytecode,
    files,
    ignore_rules,
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
from lambdify.cli.settings import Settings
from lambdify.cli.settings.tables import Form
from lambdify.cli.static import asking, serving
from lambdify.cli.static.answer import Ask, Subject
from lambdify.cli.static.serving import Served

if TYPE_CHECKING:
    from lambdify.cli.detection.choice import Candidate

TASK_ROOT = "/var/task"
"""The folder that Lambda unpacks the function's own zip to."""
LAYER_ROOT, LAYER_PREFIX = "/opt", "python/"
"""The folder that Lambda unpacks layers to, and the folder in them that is on sys.path.
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The zips to upload, with their contents and what was left out."""

    form: Form
    app: Archive
    layer: Archive | None
    """None if there are no dependencies, or if they are in `app` (form "zip")."""
    target: Target
    dependencies: Dependencies
    parts: tuple[sizes.BundlePart, ...]
    """The largest first."""
    left_out: tuple[files.LeftOut, ...]
    leaks: tuple[secret_scan.Leak, ...]
    static: Archive | None = None
    """The files that a CDN serves; None if there are none."""
    variables: str = ""
    """The digest of the variables with which its app was asked for static files; "" if it was not asked."""

    @property
    def archives(self) -> tuple[Archive, ...]:
        """The zips, the layer first."""
        return (self.layer, self.app) if self.layer else (self.app,)

    @property
    def written(self) -> tuple[Archive, ...]:
        return (*self.archives, self.static) if self.static else self.archives

    def obstacle(self) -> str:
        """Return the reason why the bundle cannot start on this machine; "" if there is none."""
        native = any(part.kinds.get("native") for part in self.parts)
        return self.target.obstacle() if native else ""


@dataclass(frozen=True)
class _Inputs:
    """The input of the zips."""

    root: Path
    out: Path
    known: KnownZips
    """The zips of earlier builds."""
    target: Target
    python: Path | None
    """The interpreter that compiles; None for no bytecode."""
    members: tuple[Member, ...]
    """The members of the app, but for what `served` has."""
    make_app_entries: Callable[[], tuple[Entry, ...]]
    """Returns the members' entries, with bytecode, sorted by name."""
    served: Served
    """The static files that are served before the app."""
    dependencies: Dependencies

    @property
    def contents(self) -> list[tuple[str, bool, str]]:
        """Name, mode and digest of each file of the app's zip, which no bytecode and no zipped copy is."""
        rows = {row[0]: row for row in (*archive.describe(self.members), *self.served.contents)}
        return [rows[name] for name in sorted(rows)]

    def compiler(self, mount: str) -> Compiler | None:
        """Return the compiler for files that Lambda unpacks to `mount`; None for no bytecode."""
        return _compiler(self.python, self.target, mount)


def find(settings: Settings, out: Path, console: Console) -> Bundle | None:
    """Return the bundle of the last build into `out` if no input has changed; else None."""
    found = build_cache.find(settings, out, Bundle)
    known = zips.find_known(settings.root)
    if found is None or not all(zips.is_ours(settings.root, each.path, known) for each in found.written):
        return None
    if not _same_images(found.dependencies):
        return None
    if found.variables and found.variables != asking.sign_variables(settings):
        return None
    _show_notes(found.dependencies, console)
    zips.record(settings.root, settings.stage, out, found.written)
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
    ask: Ask | None = None,
) -> Bundle:
    """Return the bundle in the folder `out`; zips that exist already are not made again.

    `ask` asks the app for its static files, where nobody else serves them; None asks no app. Raises
    NameCollision, BundleRefused, BuildError, and whatever `find_dependencies` and `ask` raise.
    """
    start = build_cache.start(settings.root)
    target = Target(python=settings.function.python, architecture=settings.function.architecture)
    selection = app.select(settings)
    _refuse(selection.files, settings, candidate, limit)
    read = app.members(settings, candidate, selection.files, console)
    members = index_logins.remove_and_tell(read, console)
    needs = app.find_needs(settings, candidate)
    known = zips.find_known(settings.root)
    previous = find_previous(settings, out, needs, members, known)
    python = bytecode.find_python(target.python, console) if settings.build.bytecode else None
    own = cache(lambda: incremental.make_entries(members, previous, _compiler(python, target, TASK_ROOT)))
    kept = None if upgrade else app.keep_if_chosen(settings, needs, previous.dependencies)
    dependencies = _show_notes(kept, console)
    if dependencies is None:
        at, _ = zips.locate(out, target, "app", archive.describe(members), compiled=python is not None)
        aside = (None if at.is_file() else own, _prefetch_layer(settings, target, python))
        dependencies = _find_dependencies(settings, target, needs, console, *aside, upgrade=upgrade)
    app.refuse_dependencies(dependencies.distributions)
    subject = describe(candidate, members, dependencies, target, python, out, console)
    served = serving.serve(settings, subject, ask, ignore_rules.secrets(), app.amend_note, console)
    inputs = _Inputs(settings.root, out, known, target, python, members, own, served, dependencies)
    form, drafts, parts = _choose_form(inputs, settings, limit, console)
    static = [_draft(inputs, "static", made_from, make, {}) for made_from, make in served.static]
    written = _write(settings, out, (*drafts, *static), console)
    *layers, main = written[: len(drafts)]
    bundle = Bundle(
        form=form,
        app=main,
        layer=layers[0] if layers else None,
        static=next(iter(written[len(drafts) :]), None),
        target=target,
        dependencies=dependencies,
        parts=parts,
        left_out=files.add_secrets(selection.left_out, served.secrets),
        variables=served.signed,
        leaks=incremental.find_leaks(members, previous),
    )
    # A bundle that lacks bytecode is not cached, so the next run looks for an interpreter again.
    if dependencies.settled and served.settled and (python or not settings.build.bytecode):
        build_cache.store(
            settings, out, start, selection, dict(each[:2] for each in read), dependencies, bundle
        )
    return bundle


def _refuse(
    selected: Sequence[files.ProjectFile], settings: Settings, candidate: "Candidate", limit: int
) -> None:
    app.refuse_collision((file.name for file in selected), candidate.path)
    sizes.refuse_files(selected, image.LIMIT if settings.build.form == "image" else limit)


def describe(
    candidate: "Candidate",
    members: tuple[Member, ...],
    dependencies: Dependencies,
    target: Target,
    python: Path | None,
    out: Path,
    console: Console,
) -> Subject:
    """Return the app as it starts on this machine before it is packed: with its dependencies as a layer."""
    _, digest = zips.locate(out, target, "layer", dependencies.key, compiled=python is not None)
    compiler, distributions = _compiler(python, target, LAYER_ROOT), dependencies.distributions
    return Subject(
        app=candidate.app,
        framework=candidate.framework,
        members=members,
        target=target,
        layer=digest if distributions else "",
        make_layer=cache(lambda: layer.build(distributions, LAYER_PREFIX, compiler, console)),
    )


def _find_dependencies(
    settings: Settings,
    target: Target,
    needs: app.Needs,
    console: Console,
    pack_app: Callable[[], object] | None,
    prefetch: Callable[[Sequence[Distribution]], object],
    *,
    upgrade: bool,
) -> Dependencies:
    """Return the dependencies.

    While uv waits for the index, `pack_app` packs the project, and `prefetch` prepares the dependencies that
    are probably in the result.
    """
    # The imports take long, and a run that only packs the project's changes does not need them.
    from lambdify.cli.packing.wheels.dependencies import find_dependencies

    with ThreadPoolExecutor(1) as aside:
        if pack_app:
            aside.submit(pack_app)
        return find_dependencies(
            settings,
            target,
            needs.extra,
            console,
            wanted=needs.imports,
            upgrade=upgrade,
            prefetch=prefetch,
            app=needs.app,
        )


def find_previous(
    settings: Settings, out: Path, needs: app.Needs, members: Sequence[Member], known: KnownZips
) -> PreviousBuild:
    """Return the parts of the last build into `out` that can be used again for these members."""
    found = build_cache.find_previous(settings, out, Bundle)
    if found is None:
        return PreviousBuild()
    last, same_inputs = found
    same = (
        same_inputs
        and last.dependencies.wanted == distributions.key(needs.imports)
        and _same_images(last.dependencies)
    )
    return incremental.compare(
        last.app.path if zips.is_ours(settings.root, last.app.path, known) else None,
        last.dependencies if same else None,
        last.leaks,
        needs.extra,
        members,
        settings.function.python,
    )


def _same_images(dependencies: Dependencies) -> bool:
    """Whether the images of container builds still have the same ids; an unknown image counts as the same."""
    if not dependencies.images:
        return True
    # To import the Docker SDK takes longer than all other work, so only projects with such builds do it.
    from lambdify.cli.packing.wheels.native import find_image_id

    return all(find_image_id(name) in (None, known) for name, known in dependencies.images)


def _show_notes(dependencies: Dependencies | None, console: Console) -> Dependencies | None:
    for note in dependencies.notes if dependencies else ():
        console.note(note)
    return dependencies


def _choose_form(
    inputs: _Inputs, settings: Settings, limit: int, console: Console
) -> tuple[Form, tuple[Draft, ...], tuple[sizes.BundlePart, ...]]:
    """Return the form, the zips to write and their parts. Raises BundleRefused if they are too large."""
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
    """Return the dependencies' folder in their zip, and the folder that Lambda unpacks that zip to."""
    # An image has no Lambda layers. There, as in a single zip, the dependencies are in the app's folder.
    return ("", TASK_ROOT) if form in ("zip", "image") else (LAYER_PREFIX, LAYER_ROOT)


def _prefetch_layer(
    settings: Settings, target: Target, python: Path | None
) -> Callable[[Sequence[Distribution]], object]:
    """Return a function that packs distributions into the cache, in the form that is most likely."""
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
        _draft(inputs, "app", inputs.contents, lambda: _pack_app(inputs, console), inputs.served.owners),
    )


def _one_zip(inputs: _Inputs, console: Console) -> tuple[Draft, ...]:
    distributions = inputs.dependencies.distributions
    prefix, mount = _layout("zip")
    own = {name for name, *_ in inputs.contents}

    def entries() -> Iterator[Entry]:
        # Dependencies come first: they seldom change, so two versions of the zip begin with the same bytes.
        # A file of the project replaces theirs, as /var/task comes before /opt/python on sys.path.
        for entry in layer.build(distributions, prefix, inputs.compiler(mount), console):
            if bytecode.source_path(entry.name) not in own:
                yield entry
        yield from _pack_app(inputs, console)

    owners = {name: owner for name, owner in sizes.owners(distributions, prefix).items() if name not in own}
    owners |= inputs.served.owners
    made_from = [inputs.dependencies.key, inputs.contents]
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
        return inputs.served.add_to(inputs.make_app_entries())


def _compiler(python: Path | None, target: Target, mount: str) -> Compiler | None:
    return Compiler(python=python, minor=target.python, mount=mount) if python else None
