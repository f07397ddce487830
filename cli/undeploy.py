"""lambdify undeploy: take a stage away, and leave nothing behind.

    stack (endpoint, schedule, function, layer, roles, log group) ──▶ log group ──▶ archives ──▶ bucket

Each part is removed if it is there, so that a removal that was cut short is completed by the next one.
What is not provably of this stage is not touched.
"""

import time
from dataclasses import dataclass
from functools import partial

from lambdify.cli import artifacts, stack, stack_changes, stack_events, template
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined
from lambdify.cli.settings import Settings
from lambdify.cli.stack import Stack
from lambdify.cli.stack_events import Sleep


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What was there, and no longer is."""

    stack: bool
    log_group: bool
    """Whether a log group outlived the stack."""
    objects: int
    """Archives deleted from the bucket."""
    bucket: bool
    """Whether the bucket went with its last stage."""


def undeploy(
    settings: Settings, account: Account, console: Console, *, yes: bool = False, sleep: Sleep = time.sleep
) -> Removal:
    """Delete everything that the stage owns; `yes` does it without asking.

    Raises NotDeployed when there is nothing at all, StackBusy, and StackBroken when CloudFormation cannot
    delete the stack.
    """
    existing = stack.find(settings, account)
    if existing:
        _agree(existing, settings, account, console, yes=yes)
        with console.step(f"Deleting the stack {existing.name}"):
            deletion = partial(stack_changes.delete, existing, account)
            stack_events.follow(deletion, settings, account, console, sleep=sleep)
    log_group = existing is not None and _remove_log_group(settings, account)
    with console.step("Removing the uploaded bundles"):
        removed = artifacts.remove_stage(settings, account)
    if not (existing or removed.objects or removed.bucket):
        raise stack.not_deployed(settings, account)
    return Removal(
        stack=existing is not None, log_group=log_group, objects=removed.objects, bucket=removed.bucket
    )


def _agree(existing: Stack, settings: Settings, account: Account, console: Console, *, yes: bool) -> None:
    if existing.is_busy and existing.state != "DELETE_IN_PROGRESS":
        raise stack.busy(existing.name, existing.state)
    question = (
        f"Delete {existing.name} in {account.region}, with its endpoint, its logs and all that it runs?"
    )
    if not yes and not console.confirm(question):
        raise Declined(f"{settings.full_name} was not deleted.")


@translated(during="removing the log group")
def _remove_log_group(settings: Settings, account: Account) -> bool:
    """Remove what a last line brought back: the function's role may not make the group, but others may."""
    gone = attempt(
        account.client("logs").delete_log_group,
        none_if="^ResourceNotFoundException:",
        logGroupName=template.log_group(settings),
    )
    return gone is not None
