"""lambdify deploy, from a bundle to an endpoint: the second half of the straight line.

    Bundle ──put──▶ Artifact ──write──▶ Template ──propose──▶ ChangeSet ──apply, watch──▶ Deployment

Nothing that runs is changed before the user has seen the change set and said yes. From there CloudFormation
carries it out, or takes it back, whether we are there or not.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lambdify.cli import artifacts, stack, stack_changes, stack_events, template
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined
from lambdify.cli.settings import Settings
from lambdify.cli.stack import Stack
from lambdify.cli.stack_changes import Change, ChangeSet
from lambdify.cli.stack_events import Sleep

if TYPE_CHECKING:
    from lambdify.cli.build.bundle import Bundle

REPLACED = {True: "yes", False: "", None: "maybe"}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A stage that is up."""

    stack: str
    endpoint: str
    function: str
    version: str
    region: str
    changed: bool
    """False when there was nothing to do."""
    uploaded: tuple[str, ...]
    """Keys of the archives that were not in the bucket yet."""


def deploy(
    settings: Settings,
    pack: Callable[[], "Bundle"],
    account: Account,
    console: Console,
    *,
    yes: bool = False,
    sleep: Sleep = time.sleep,
) -> Deployment:
    """Bring the stage to what the settings and the bundle say; `yes` applies without asking.

    `pack` is called when the stack is known to be one that can be deployed to: building takes minutes.
    """
    existing = _prepare(settings, account, console, sleep)
    bundle = pack()
    artifact = artifacts.put(bundle, settings, account, console)
    wanted = template.write(settings, artifact, bundle.target)
    with console.step("Asking CloudFormation what will change"):
        change_set = stack_changes.propose(wanted, existing, account, sleep=sleep)
    if change_set is None:
        console.note(f"Nothing has changed: {settings.full_name} is deployed as it is.")
    else:
        _show(change_set.changes, console)
        _agree(change_set, settings, account, console, yes=yes)
        _carry_out(change_set, settings, account, console, sleep)
    return _read(settings, account, changed=change_set is not None, uploaded=artifact.uploaded)


def _prepare(settings: Settings, account: Account, console: Console, sleep: Sleep) -> Stack | None:
    """The stack to change, if there is one. What is left of a creation that failed is removed first."""
    existing = stack.find(settings, account)
    if existing is None:
        return None
    stack.check(existing, settings)
    if existing.state != "ROLLBACK_COMPLETE":
        return existing
    # https://repost.aws/knowledge-center/cloudformation-rollback-complete: it can only be deleted. Nothing is
    # lost by that, since the rollback has deleted all that was in it.
    with console.step(f"Removing the empty stack that the failed creation of {existing.name} left"):
        deletion = partial(stack_changes.delete, existing, account)
        stack_events.follow(deletion, settings, account, console, sleep=sleep)
    return None


def _show(changes: Iterable[Change], console: Console) -> None:
    rows = [(each.action, each.resource, each.kind, REPLACED[each.replaced]) for each in changes]
    console.table(("Change", "Resource", "Type", "Replaced"), rows)


def _agree(
    change_set: ChangeSet, settings: Settings, account: Account, console: Console, *, yes: bool
) -> None:
    """Return when the user agrees. However the question ends else, the change set is removed."""
    agreed = False
    try:
        agreed = yes or console.confirm(f"Apply this to {settings.full_name} in {account.region}?")
    finally:
        if not agreed:
            stack_changes.discard(change_set, account)
    if not agreed:
        raise Declined(f"{settings.full_name} was not changed.")


def _carry_out(
    change_set: ChangeSet, settings: Settings, account: Account, console: Console, sleep: Sleep
) -> None:
    with console.step("Creating the stack" if change_set.creates else "Updating the stack"):
        update = partial(stack_changes.apply, change_set, account)
        stack_events.follow(update, settings, account, console, sleep=sleep)


def _read(settings: Settings, account: Account, *, changed: bool, uploaded: tuple[str, ...]) -> Deployment:
    deployed = stack.fetch(settings, account)
    return Deployment(
        stack=deployed.name,
        endpoint=deployed.outputs["Endpoint"],
        function=deployed.outputs["Function"],
        version=deployed.outputs["Version"],
        region=account.region,
        changed=changed,
        uploaded=uploaded,
    )
