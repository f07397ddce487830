"""The stack of a stage, and what its state allows. Read only: change_sets.py changes stacks.

CloudFormation is the state, the plan and the undo. The stack says what is deployed, a change set says what
will change, and CloudFormation itself rolls a failed change back.

Rules:
- A stack without our tags is never touched: `find` refuses it, and every command starts with `find`.
- State names are CloudFormation's own:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdify.cli import template
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.errors import NotDeployed, StackBroken, StackBusy, StackForeign
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage

CHANGE_SET_PREFIX = "lambdify-"
"""Start of the names of our change sets."""
MISSING = "^ValidationError: .*does not exist"
"""CloudFormation's error for a stack that does not exist."""
RECOVERY_COMMANDS = {
    "CREATE_FAILED": "lambdify undeploy {stage}",
    "DELETE_FAILED": "lambdify undeploy {stage}",
    "ROLLBACK_FAILED": "lambdify undeploy {stage}",
    "IMPORT_ROLLBACK_FAILED": "lambdify undeploy {stage}",
    "UPDATE_FAILED": "lambdify deploy {stage}",
    "UPDATE_ROLLBACK_FAILED": "lambdify deploy {stage}",
}
"""States that no change set can repair, and the command that does."""
FAILED_CREATION = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
"""States of a stack that was never complete, and can only be deleted."""
FAILED_UPDATE = frozenset({"UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"})
"""States in which a change or its rollback stopped half way."""
NOT_CHANGEABLE = frozenset({*RECOVERY_COMMANDS, *FAILED_CREATION})
"""States in which CloudFormation takes no change set."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of ours that exists."""

    name: str
    id: str
    state: str
    reason: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    changed_at: datetime
    protected: bool = False
    """Whether it has termination protection."""
    drift: str = ""
    """Result of the last drift detection: "IN_SYNC", "DRIFTED", "NOT_CHECKED"."""
    drift_checked_at: datetime | None = None

    @property
    def live(self) -> str:
        """The version that gets the traffic; "" if none was made."""
        return self.outputs.get("Version", "")

    @property
    def published(self) -> str:
        """The version that the template published; it differs from `live` until traffic has moved to it."""
        return self.outputs.get("Published", self.live)

    @property
    def is_new(self) -> bool:
        """Whether only the name and change sets exist, and no resource was made yet."""
        return self.state == "REVIEW_IN_PROGRESS"

    @property
    def is_busy(self) -> bool:
        """Whether CloudFormation is working on it."""
        return self.state.endswith("_IN_PROGRESS") and not self.is_new


@translated(during="looking for the stack")
def find(stage: Stage) -> Stack | None:
    """Return the stage's stack, or None. Raises StackForeign if another project holds the name."""
    cloudformation = stage.client("cloudformation")
    found = attempt(cloudformation.describe_stacks, none_if=MISSING, StackName=stage.name)
    if found is None:
        return None
    stack = _read_stack(found["Stacks"][0])
    if not _is_ours(stack, stage):
        owner = stack.tags.get("lambdify:project")
        raise StackForeign(
            f'A stack named "{stack.name}" exists in {stage.region} and '
            + (f'belongs to the project "{owner}".' if owner else "was not made by lambdify."),
            hint="It was not touched. Set another name in lambdify.toml, or deploy another stage.",
        )
    return stack


@translated(during="looking for the project's stacks")
def find_stages(stage: Stage) -> dict[str, Stack]:
    """Return the stacks of all stages of the stage's project in its region, by the name of the stage."""
    pages = stage.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = (_read_stack(each) for page in pages for each in page["Stacks"])
    return {
        each.tags["lambdify:stage"]: each
        for each in found
        if each.tags.get("lambdify:project") == stage.settings.name
        and each.name == f"{stage.settings.name}-{each.tags.get('lambdify:stage')}"
    }


def fetch(stage: Stage) -> Stack:
    """Return the stage's stack. Raises NotDeployed if there is none, or only its name; StackForeign."""
    found = find(stage)
    if found is None or found.is_new:
        raise not_deployed(stage)
    return found


def check(stack: Stack, settings: Settings) -> None:
    """Return if a change can be proposed for the stack. Raises StackBusy, StackBroken."""
    if stack.is_busy:
        raise busy(stack.name, stack.state)
    if stack.state in RECOVERY_COMMANDS:
        raise StackBroken(
            f'The stack "{stack.name}" is in the state {stack.state}, which cannot be deployed to.'
            + (f" {stack.reason}" if stack.reason else ""),
            hint=f"`{recovery_command(stack.state, settings)}` gets it out of there.",
        )


@translated(during="reading the stack")
def fetch_body(stack: Stack, account: Account) -> Any:
    """Return the template that the stack was last made from."""
    answer = account.client("cloudformation").get_template(StackName=stack.id, TemplateStage="Original")
    return answer["TemplateBody"]


def find_python(stage: Stage) -> str:
    """Return the Python of the function that is deployed: "3.13"; "" if that is not known."""
    found = find(stage)
    if found is None or found.is_new:
        return ""
    function = fetch_body(found, stage.account)["Resources"].get("Function", {})
    told = function.get("Properties", {}).get("Runtime") or function.get("Metadata", {}).get("Runtime", "")
    return str(told).removeprefix("python")


def list_change_sets(name: str, account: Account) -> list[str]:
    """Return the names of the change sets of the stack of that name that were not applied yet."""
    pages = account.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=name)
    return [each["ChangeSetName"] for page in pages for each in page["Summaries"]]


def not_deployed(stage: Stage) -> NotDeployed:
    """Return the error for a stage that is not deployed."""
    return NotDeployed(
        f'Nothing is deployed as "{stage.name}" in {stage.region}.',
        hint=f"`{stage.command('deploy')}` deploys it; the stage, the region and --local say where.",
    )


def recovery_command(state: str, settings: Settings) -> str:
    """Return the command that repairs a stack in one of the states of RECOVERY_COMMANDS."""
    return RECOVERY_COMMANDS[state].format(stage=settings.stage, stack=settings.full_name)


def busy(name: str, doing: str) -> StackBusy:
    """Return the error for a stack that another operation works on."""
    return StackBusy(
        f'CloudFormation is at work on the stack "{name}" ({doing}).',
        hint="Wait until it is done, then try again; `deploy` and `undeploy` wait by themselves with --wait.",
    )


def overtaken(settings: Settings, what: str) -> StackBusy:
    """Return the error for a stack that somebody else has changed meanwhile; it is left as it is."""
    return StackBusy(
        f"{settings.full_name} is no longer as this run left it: {what}.",
        hint=f"`lambdify releases {settings.stage}` shows what is live now; deploy again to have this so.",
    )


def _read_stack(described: Mapping[str, Any]) -> Stack:
    drift = described.get("DriftInformation", {})
    return Stack(
        name=described["StackName"],
        id=described["StackId"],
        state=described["StackStatus"],
        reason=described.get("StackStatusReason", ""),
        outputs={each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])},
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", [])},
        tags={each["Key"]: each["Value"] for each in described.get("Tags", [])},
        changed_at=described.get("LastUpdatedTime") or described["CreationTime"],
        protected=described.get("EnableTerminationProtection", False),
        drift=drift.get("StackDriftStatus", ""),
        drift_checked_at=drift.get("LastCheckTimestamp"),
    )


def _is_ours(stack: Stack, stage: Stage) -> bool:
    if stack.is_new:
        # The stack gets its tags with the first change set that is applied. Until then the names of its
        # change sets say whose it is.
        return all(name.startswith(CHANGE_SET_PREFIX) for name in list_change_sets(stack.name, stage.account))
    return template.tags(stage.settings).items() <= stack.tags.items()
