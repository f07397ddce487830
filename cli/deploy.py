"""lambdify deploy, from a bundle to an endpoint.

    Bundle ──rehearse, put──▶ Artifact ──write──▶ Template ──propose──▶ ChangeSet ──apply, watch──▶
    new version ──try──▶ Release ──move the traffic──▶ Deployment ──prune──▶

Nothing that runs is changed before the user has seen the change set and said yes. Then CloudFormation applies
it or rolls it back, whether lambdify is running or not. Traffic stays where it is until the trial of the new
version has succeeded; if it fails, the release has failed, and the traffic has not moved.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from lambdify.cli import releases, secrets, template
from lambdify.cli.artifacts import archives, images, published
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.domains import names
from lambdify.cli.errors import Declined
from lambdify.cli.hooks.template import amend
from lambdify.cli.plan import preview, sources
from lambdify.cli.rehearsal import gate
from lambdify.cli.releases import (
    Release,
    new_stage,
    ownership,
    promotion,
    traffic,
    traffic_split,
)
from lambdify.cli.releases import refresh as refresh_marks
from lambdify.cli.releases.ownership import Owner
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases, change_sets, protection, recovery, stack, stack_events
from lambdify.cli.stacks.change_sets import ChangeSet
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage
from lambdify.cli.storage import caches
from lambdify.cli.template import Template

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The result: the stage as it is deployed."""

    stack: str
    endpoint: str
    """The URL that answers; "" if it is not known, or there is none."""
    alias: str
    """ARN of the alias, which the endpoint, or any other event source, calls."""
    functions: Mapping[str, str]
    """ARNs of the aliases of functions, by name, and of tasks and commands."""
    function: str
    version: str
    release: int
    """Number of the release that has the traffic; 0 if it is not known."""
    region: str
    changed: bool
    """False if there was nothing to do."""
    uploaded: tuple[str, ...]
    """Keys of the archives that were not in the bucket before, or the image's URI."""


def deploy(
    stage: Stage,
    pack: Callable[[], "Bundle"],
    console: Console,
    *,
    yes: bool = False,
    wait: bool = False,
    take_over: bool = False,
    refresh: bool = False,
    rehearse: Callable[["Bundle"], AbstractContextManager[object]] = nullcontext,
    find_address: Callable[[str], str] = str,
    sleep: Sleep = time.sleep,
) -> Deployment:
    """Deploy the bundle to the stage, and return what is deployed; with `yes` nobody is asked.

    `find_address` returns the URL that answers for that of the stack: another one in the local cloud.
    `wait` waits for another deployment of the stage that is under way. With `refresh` a new version is made,
    though nothing has changed. `pack` returns the bundle; it may take minutes, so it is called only after the
    state of the stack was checked. The block of `rehearse` begins or ends with the app's start on this
    machine. Raises what its steps raise: StackBusy, StackBroken, StackForeign, FunctionForeign,
    StageProtected, Declined, SecretMissing, NameTaken, CertificateRefused, BundleRefused, HookFailed,
    AppCannotStart, DeployFailed, AppBroken, ReleaseFailed.
    """
    existing = recovery.prepare(stage, console, yes=yes, wait=wait, sleep=sleep)
    project = ownership.find(stage.settings)
    owner = _check(existing, project, stage, console, yes=yes, take_over=take_over)
    looked = names.check(stage, existing)
    with caches.in_use():
        bundle = pack()
        images.check_kind(bundle, existing.outputs if existing else {})
        _check_hook(stage, bundle, console)
        with rehearse(bundle):
            artifact = _upload(bundle, existing, stage, console)
    settled = names.settle(stage, looked, console, sleep=sleep)
    wanted = _write_template(settled, stage, bundle, artifact, existing, console, refresh=refresh)
    change_set = _propose(wanted, existing, stage, console, sleep)
    if change_set is not None:
        _show(change_set, stage.settings, console)
        _agree(change_set, stage, console, yes=yes)
        ownership.record(stage, project, owner)
        _carry_out(change_set, stage, console, sleep)
    deployed = stack.fetch(stage)
    if change_set is not None:
        _check_ours(wanted, deployed, stage)
    protection.enable(stage, deployed)
    names.finish(looked, settled, existing, deployed, stage, console)
    url = find_address(deployed.outputs.get("Endpoint", ""))
    release = releases.find_live(stage, deployed)
    if change_set is None and aliases.is_current(deployed) and release and not release.reason:
        _leave(deployed, stage, console)
        return _describe(deployed, release, url, stage.account, changed=False, uploaded=artifact.uploaded)
    if change_set is None:
        _agree_to_move(deployed, stage.settings, console, yes=yes)
    release, deployed = promotion.release(deployed, stage, console, url=url, sleep=sleep)
    # The local endpoint learns by this where the traffic goes now; on AWS it is the same URL.
    url = find_address(deployed.outputs.get("Endpoint", ""))
    return _describe(deployed, release, url, stage.account, changed=True, uploaded=artifact.uploaded)


def _check(
    existing: Stack | None, project: Owner, stage: Stage, console: Console, *, yes: bool, take_over: bool
) -> Owner | None:
    """Return whom the stage is taken over from; None for nobody. Nothing is changed yet."""
    if existing is None or existing.is_new:
        new_stage.check(stage, console, yes=yes)
    owner = None
    if existing:
        owner = ownership.check(stage, project, console, "replace", yes=yes, take_over=take_over)
        _warn_of_split(existing, stage, console)
    if stage.settings.secrets:
        secrets.require(stage)
    return owner


def _check_hook(stage: Stage, bundle: "Bundle", console: Console) -> None:
    """Have the project's function for the template fail before anything is uploaded. Raises HookFailed."""
    if stage.settings.hooks.template:
        planned = template.write(stage.settings, archives.plan(bundle, stage), bundle.target)
        amend(planned, stage.settings, console)


def _upload(bundle: "Bundle", existing: Stack | None, stage: Stage, console: Console) -> Artifact:
    """Upload the bundle, with the files that a CDN serves, and return it.

    Such files are shown just before the traffic moves; in a new stage at once.
    """
    artifact = archives.put(bundle, stage, console)
    if artifact.static:
        published.put(bundle, stage, console, previous=existing.outputs.get("Files", "") if existing else "")
    if artifact.static and not (existing and existing.live):
        published.publish(artifact.static.record, stage)
    return artifact


def _leave(deployed: Stack, stage: Stage, console: Console) -> None:
    """Leave the stage as it is; but a rollback may have been cut short between its files and its traffic."""
    published.publish(deployed.outputs.get("Files", ""), stage)
    console.note(f"Nothing has changed: {stage.name} is deployed as it is.")


def _write_template(
    settings: Settings,
    stage: Stage,
    bundle: "Bundle",
    artifact: Artifact,
    existing: Stack | None,
    console: Console,
    *,
    refresh: bool,
) -> Template:
    now = datetime.now(UTC) if refresh else None
    settings = refresh_marks.keep(gate.add_variable(settings), existing, now)
    settings = sources.without_passed(replace(stage, settings=settings), existing, console)
    # What the project's own function does was told before the upload.
    return amend(template.write(settings, artifact, bundle.target), settings, Console(quiet=True))


def _propose(
    wanted: Template, existing: Stack | None, stage: Stage, console: Console, sleep: Sleep
) -> ChangeSet | None:
    """Return what would change; None if nothing would. Traffic stays where it is."""
    with console.step("Asking CloudFormation what will change"):
        held = traffic.hold(wanted, existing, stage.account)
        return change_sets.propose(
            wanted,
            existing,
            stage.account,
            parameters=held,
            express=stage.settings.release.express,
            sleep=sleep,
        )


def _warn_of_split(existing: Stack, stage: Stage, console: Console) -> None:
    """Warn if the traffic is split between two versions: all of it goes back to the old one first."""
    if not traffic.is_split(existing):
        return
    known = releases.find_all(stage, existing)
    if split := traffic_split.find(existing, known, stage):
        console.warn(traffic_split.describe(split))


def _check_ours(wanted: Template, deployed: Stack, stage: Stage) -> None:
    """Return if the stack was last made from this template. Raises StackBusy if somebody deployed since."""
    if wanted.version not in stack.fetch_body(deployed, stage.account)["Resources"]:
        raise stack.overtaken(stage.settings, "another deployment came in between")


def _show(change_set: ChangeSet, settings: Settings, console: Console) -> None:
    kept = settings.release.keep
    what = preview.make(change_set.changes, change_set.before, change_set.after, kept=kept)
    console.lines(preview.summarize(what))


def _agree(change_set: ChangeSet, stage: Stage, console: Console, *, yes: bool) -> None:
    """Return if the user agrees; else the change set is removed. Raises Declined, StageProtected."""
    agreed = False
    try:
        protection.check_change(change_set, stage.settings)
        agreed = yes or console.confirm(f"Apply this to {stage.name} in {stage.region}?")
    finally:
        if not agreed:
            change_sets.discard(change_set, stage.account)
    if not agreed:
        raise Declined(f"{stage.name} was not changed.")


def _carry_out(change_set: ChangeSet, stage: Stage, console: Console, sleep: Sleep) -> None:
    with console.step("Creating the stack" if change_set.creates else "Updating the stack"):
        update = partial(change_sets.apply, change_set, stage.account)
        touched = {each.resource for each in change_set.changes if not each.only_refers}
        stack_events.follow(update, stage, console, touched=touched, sleep=sleep)


def _agree_to_move(deployed: Stack, settings: Settings, console: Console, *, yes: bool) -> None:
    """Ask before traffic moves to a version that was deployed before, but failed or was rolled back."""
    console.note(f"Nothing has changed since version {deployed.published}, which was deployed already.")
    question = f"Give version {deployed.published} the traffic of {settings.full_name}?"
    if not yes and not aliases.is_current(deployed) and not console.confirm(question):
        raise Declined(f"{settings.full_name} was not changed: version {deployed.live} has its traffic.")


def _describe(
    deployed: Stack, release: Release, url: str, account: Account, *, changed: bool, uploaded: tuple[str, ...]
) -> Deployment:
    return Deployment(
        stack=deployed.name,
        endpoint=url,
        alias=deployed.outputs.get("Alias", ""),
        functions={each.name: deployed.outputs[f"Alias{each.id}"] for each in aliases.functions(deployed)},
        function=deployed.outputs["Function"],
        version=deployed.live,
        release=release.number,
        region=account.region,
        changed=changed,
        uploaded=uploaded,
    )
