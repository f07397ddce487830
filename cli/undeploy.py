"""lambdify undeploy: remove a stage completely, and name the resources that stay.

    stack (endpoint, function, roles) ──▶ log ──▶ certificates ──▶ images, archives, releases ──▶ bucket

Each part is removed if it exists, so that the next run completes a removal that was cut short. Only resources
that are provably of this stage are removed: the stack, the log group and certificates have its tags, the rest
is in its own part of the bucket. These stay: resources of the project with a DeletionPolicy that keeps them
([resources]), the log with --keep-logs, secrets, records of certificates, and resources that CloudFormation
cannot delete, if somebody agrees to leave them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lambdify.cli import secrets, template
from lambdify.cli.artifacts import archives
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.domains import names
from lambdify.cli.errors import AccessDenied, Declined, NotDeployed, StackBroken, StageProtected
from lambdify.cli.releases import ownership
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import change_sets, protection, recovery, stack, stack_events
from lambdify.cli.stacks.changes import RETAIN_POLICIES
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage

GONE_WITH_FUNCTION = "AWS::Lambda::Version"
"""The stack retains versions for rollbacks, but they are deleted with their function."""
MISSING = "^ResourceNotFoundException:"


@dataclass(frozen=True, kw_only=True)
class KeptResource:
    """A resource that stays in the account."""

    name: str
    kind: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What was removed, and what stays."""

    stack: bool
    log_group: bool
    objects: int
    """Archives, records of releases and static files, deleted from the buckets."""
    images: bool
    """Whether there was a repository of images."""
    bucket: bool
    """Whether the bucket was deleted, with its last stage."""
    kept: tuple[KeptResource, ...]


def undeploy(
    stage: Stage,
    console: Console,
    *,
    yes: bool = False,
    unprotect: bool = False,
    wait: bool = False,
    keep_logs: bool = False,
    leave: bool = False,
    take_over: bool = False,
    sleep: Sleep = time.sleep,
) -> Removal:
    """Delete everything that the stage owns, and return what was removed; with `yes` nobody is asked.

    `unprotect` turns termination protection off without asking, for the local cloud. `wait` waits for a
    deployment that is under way. `leave` leaves behind what CloudFormation cannot delete. Raises NotDeployed
    if there is nothing at all, Declined, StageProtected, StackBusy, and StackBroken if CloudFormation cannot
    delete the stack.
    """
    protection.check_removal(stage.settings)
    existing = stack.find(stage)
    if existing and _is_busy(existing) and wait:
        existing = recovery.wait_until_idle(existing, stage, console, sleep=sleep)
    kept: tuple[KeptResource, ...] = ()
    if existing:
        if _is_busy(existing):
            raise stack.busy(existing.name, existing.state)
        if not existing.is_busy:  # a deletion that is under way is joined, whoever began it
            project = ownership.find(stage.settings)
            ownership.check(stage, project, console, "delete", yes=yes, take_over=take_over)
        _agree(existing, stage, console, yes=yes, keep_logs=keep_logs)
        _unprotect(existing, stage, console, agreed=unprotect, may_ask=not yes)
        kept = _kept_by_policy(existing, stage)
        kept += _delete(existing, stage, console, sleep, leave=leave)
    log_group = _remove_log_group(stage, ours=existing is not None, keep=keep_logs)
    if keep_logs and log_group:
        kept += (_kept_log(stage.settings),)
    certificates, kept_by_names = names.remove(stage, existing, sleep)
    kept += tuple(KeptResource(name=each.name, kind=each.kind, why=each.why) for each in kept_by_names)
    with console.step("Removing the uploaded bundles"):
        removed = archives.remove_stage(stage)
    if not (existing or log_group or removed.objects or removed.bucket or removed.images or certificates):
        raise NotDeployed(
            f'There is nothing of "{stage.name}" in {stage.region} to remove.',
            hint="The stage, the region and --local say where it is looked for.",
        )
    kept += _kept_secrets(stage)
    return Removal(
        stack=existing is not None,
        log_group=log_group and not keep_logs,
        objects=removed.objects,
        images=removed.images,
        bucket=removed.bucket,
        kept=kept,
    )


def describe(removal: Removal, settings: Settings) -> str:
    """Return a text that says what was removed, and what stays and why."""
    gone = f"{settings.full_name} is gone."
    kept = [f"  {each.name} ({each.kind}): {each.why}" for each in removal.kept]
    return "\n".join([f"{gone} What stays:", *kept]) if kept else gone


def _is_busy(existing: Stack) -> bool:
    """Whether a deployment is under way; a deletion does not count, since it can be joined."""
    return existing.is_busy and existing.state != "DELETE_IN_PROGRESS"


def _agree(existing: Stack, stage: Stage, console: Console, *, yes: bool, keep_logs: bool) -> None:
    logs = "" if keep_logs else "its logs "
    question = f"Delete {existing.name} in {stage.region}, with its endpoint, {logs}and all that it runs?"
    if not yes and not console.confirm(question):
        raise Declined(f"{stage.name} was not deleted.")


def _unprotect(
    existing: Stack,
    stage: Stage,
    console: Console,
    *,
    agreed: bool,
    may_ask: bool,
) -> None:
    """Turn termination protection off. Raises StageProtected if nobody agrees."""
    if not existing.protected:
        return
    question = f"{existing.name} has termination protection. Take it off and delete it?"
    # `deploy` set it for protect = true, or somebody by hand: a flag in a script must not turn it off.
    if not (agreed or (may_ask and console.confirm(question))):
        raise StageProtected(
            f"{existing.name} has termination protection; it was not deleted.",
            hint=f"`{stage.command('undeploy')}` without --yes asks to take it off, or `aws "
            "cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {existing.name}`.",
        )
    protection.disable(existing, stage.account)


def _delete(
    existing: Stack, stage: Stage, console: Console, sleep: Sleep, *, leave: bool
) -> tuple[KeptResource, ...]:
    """Delete the stack; return the resources that were left behind. Raises StackBroken."""
    begin = partial(change_sets.delete, account=stage.account, express=stage.settings.release.express)
    deletion = partial(begin, existing)
    try:
        with console.step(f"Deleting the stack {existing.name}"):
            stack_events.follow(deletion, stage, console, sleep=sleep)
    except StackBroken as error:
        stuck = _stuck(existing, stage.account)
        names = ", ".join(each["LogicalResourceId"] for each in stuck)
        if not stuck:
            raise
        if not (leave or (console.interactive and console.confirm(f"Leave {names} behind?"))):
            hint = f"{error.hint} Or leave {names} behind: `{stage.command('undeploy')} --leave`."
            raise StackBroken(error.message, hint=hint, during=error.during) from error
    else:
        return ()
    rest = [each["LogicalResourceId"] for each in stuck]
    retained = partial(begin, replace(existing, state="DELETE_FAILED"), leave=rest)
    with console.step(f"Deleting the stack {existing.name} without {names}"):
        stack_events.follow(retained, stage, console, sleep=sleep)
    return tuple(
        KeptResource(
            name=each.get("PhysicalResourceId", each["LogicalResourceId"]),
            kind=each["ResourceType"],
            why="CloudFormation could not delete it: "
            + each.get("ResourceStatusReason", "it did not say why"),
        )
        for each in stuck
    )


@translated(during="looking for what could not be deleted")
def _stuck(existing: Stack, account: Account) -> list[Mapping[str, Any]]:
    found = account.client("cloudformation").describe_stack_resources(StackName=existing.id)["StackResources"]
    return [each for each in found if each["ResourceStatus"] == "DELETE_FAILED"]


@translated(during="looking for what the stack keeps")
def _kept_by_policy(existing: Stack, stage: Stage) -> tuple[KeptResource, ...]:
    """Return the resources that the template keeps, without those that this module removes itself."""
    if existing.is_new or existing.state == "DELETE_IN_PROGRESS":
        return ()
    resources = stack.fetch_body(existing, stage.account).get("Resources", {})
    policies = {
        name: each["DeletionPolicy"]
        for name, each in resources.items()
        if each.get("DeletionPolicy") in RETAIN_POLICIES and each["Type"] != GONE_WITH_FUNCTION
    }
    if not policies:
        return ()
    found = stage.client("cloudformation").describe_stack_resources(StackName=existing.id)["StackResources"]
    return tuple(
        KeptResource(
            name=each["PhysicalResourceId"],
            kind=each["ResourceType"],
            why=f"its DeletionPolicy is {policies[each['LogicalResourceId']]}",
        )
        for each in found
        if each["LogicalResourceId"] in policies
        and each.get("PhysicalResourceId", stage.log_group) != stage.log_group
    )


def _kept_log(settings: Settings) -> KeptResource:
    why = (
        f"--keep-logs; its lines go after {settings.logs.retention} days, and a new deployment takes it over"
    )
    return KeptResource(name=settings.log_group, kind="AWS::Logs::LogGroup", why=why)


def _kept_secrets(stage: Stage) -> tuple[KeptResource, ...]:
    """Return the stage's secrets, which were typed by somebody, and may be nowhere else."""
    try:
        names = secrets.find_own(stage)
    except AccessDenied:
        return ()
    return tuple(
        KeptResource(
            name=name,
            kind="a secret",
            why=f"`lambdify secrets unset {name} --stage {stage.settings.stage}` deletes its value",
        )
        for name in names
    )


@translated(during="removing the log group")
def _remove_log_group(stage: Stage, *, ours: bool, keep: bool) -> bool:
    """Remove the function's log group, which outlives the stack; return whether this stage had one.

    With `keep` it is only looked for. If the stack was `ours`, so is its log group, even without tags: a last
    log line may have created it again.
    """
    logs, name = stage.client("logs"), stage.log_group
    if ours and not keep:
        return attempt(logs.delete_log_group, none_if=MISSING, logGroupName=name) is not None
    arn = f"arn:{stage.account.partition}:logs:{stage.region}:{stage.account.account_id}:log-group:{name}"
    found = attempt(logs.list_tags_for_resource, none_if=MISSING, resourceArn=arn)
    if found is None or not template.tags(stage.settings).items() <= found["tags"].items():
        return False
    return keep or attempt(logs.delete_log_group, none_if=MISSING, logGroupName=name) is not None
