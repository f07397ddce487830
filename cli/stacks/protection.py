"""`protect = true`: changes that delete a stage or its data are refused, here and by CloudFormation itself.

Rules:
- The stack of a protected stage has termination protection, so that no other checkout, tool or console
  deletes it. `deploy` sets it and never takes it off: somebody may have set it by hand.
- A change that deletes data, the function, the URL or a resource of the project's own is refused. Versions,
  layers, permissions and deployments of an API are replaced by ordinary deployments.
"""

from lambdify.cli.aws import Account, translated
from lambdify.cli.errors import StageProtected
from lambdify.cli.settings import Settings
from lambdify.cli.stacks.change_sets import ChangeSet
from lambdify.cli.stacks.changes import Change, find_url_change
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

FUNCTION = "AWS::Lambda::Function"


def check_change(change_set: ChangeSet, settings: Settings) -> None:
    """Return if the change may be made. Raises StageProtected, which names everything that would be lost."""
    if not settings.protect:
        return
    lost = [
        f"{each.resource} ({each.kind})" for each in change_set.changes if _is_destructive(each, settings)
    ]
    if find_url_change(change_set.before, change_set.after, change_set.changes):
        lost.append("the endpoint's URL, which would be another one")
    if lost:
        raise StageProtected(
            f"{settings.full_name} is protected, and this would delete or replace {', '.join(lost)}.",
            hint="Nothing was changed. If it is meant, deploy once with protect = false for this stage.",
        )


def check_removal(settings: Settings) -> None:
    """Return if the settings allow to remove the stage. Raises StageProtected."""
    if settings.protect:
        raise StageProtected(
            f"{settings.full_name} is protected: protect = true.",
            hint="Nothing was removed. If it is meant, set protect = false for this stage first.",
        )


@translated(during="protecting the stack")
def enable(stage: Stage, deployed: Stack) -> None:
    """Turn termination protection on if the settings ask for it."""
    if stage.settings.protect and not deployed.protected:
        stage.client("cloudformation").update_termination_protection(
            StackName=deployed.id, EnableTerminationProtection=True
        )


@translated(during="taking the protection off the stack")
def disable(deployed: Stack, account: Account) -> None:
    """Turn termination protection off."""
    account.client("cloudformation").update_termination_protection(
        StackName=deployed.id, EnableTerminationProtection=False
    )


def _is_destructive(change: Change, settings: Settings) -> bool:
    if change.kept or not (change.action == "Remove" or change.replaced):
        return False
    irreplaceable = change.kind == FUNCTION or change.resource in settings.resources
    return change.loses_data or irreplaceable or _was_user_defined(change)


def _was_user_defined(change: Change) -> bool:
    """Whether a removed resource came from [resources], which may no longer name it."""
    usual = ("AWS::Lambda::", "AWS::ApiGateway", "AWS::IAM::", "AWS::Scheduler::", "AWS::CloudWatch::")
    return change.action == "Remove" and not change.kind.startswith(usual)
