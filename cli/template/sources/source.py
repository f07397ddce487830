"""Shared parts of all kinds of sources: names, rights, where failed events go, and permissions of services.

Rules for permissions:
- A service may call one alias, for one thing: the permission has its ARN.
- An ARN without an account, as buckets have, is completed by the account: else anybody's bucket of that name,
  once ours is gone, would do. https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

from typing import Any, NamedTuple

from lambdify.cli.settings import Settings
from lambdify.cli.settings.functions import FunctionSettings
from lambdify.cli.template.sources import references

Resource = dict[str, Any]

ROLE = "Role"
"""The logical id of the function's role."""
FAILED_QUEUE = "FailedQueue"
"""The logical id of the stage's queue of what failed for good."""


class Right(NamedTuple):
    """Actions that the function's role has to be allowed, on one resource."""

    actions: tuple[str, ...]
    resource: object


def logical_id(option: str, number: int, function: FunctionSettings) -> str:
    """Return the logical id of a source: "Sqs1Orders". The number stands first: names may end with digits."""
    return f"{option.capitalize()}{number}{function.id}"


def alias(function: FunctionSettings) -> Resource:
    """Return the ARN of the function's alias."""
    return {"Ref": f"Alias{function.id}"}


def permission(function: FunctionSettings, service: str, arn: object) -> Resource:
    """Return the permission that lets a service call the function for what has this ARN."""
    bare = isinstance(arn, str) and not arn.split(":")[4]
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": alias(function),
            "Principal": service,
            "SourceArn": arn,
            **({"SourceAccount": {"Ref": "AWS::AccountId"}} if bare else {}),
        },
    }


def destination(settings: Settings, function: FunctionSettings) -> object:
    """Return the ARN of the place for a function's failed events; None if they are dropped."""
    if function.failed == "none":
        return None
    if not function.failed:
        return {"Fn::GetAtt": [FAILED_QUEUE, "Arn"]}
    return references.arn(settings, function.failed)


def on_failure(settings: Settings, function: FunctionSettings) -> Resource:
    """Return the property that names that place; {} if there is none."""
    place = destination(settings, function)
    return {"DestinationConfig": {"OnFailure": {"Destination": place}}} if place else {}
