"""Drift: what somebody changed by hand since the last deployment, as CloudFormation detects it.

The detection takes from seconds to minutes, depending on the number of resources. A detection that is given
up leaves nothing behind.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from lambdify.cli.aws import Account, translated
from lambdify.cli.stacks.changes import Property, find_differences, parse_value
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep, pauses

TIMEOUT = 60.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class DriftedResource:
    """A resource that differs from how it was deployed."""

    resource: str
    kind: str
    deleted: bool
    properties: tuple[Property, ...]
    """The properties that differ: before is the deployed value, after the actual one."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The result of a drift detection."""

    known: bool
    """False if the detection was not done in time, or failed."""
    reason: str
    """Why the drift is not known."""
    resources: tuple[DriftedResource, ...]


@translated(during="asking CloudFormation what was changed by hand")
def detect(stack: Stack, account: Account, *, timeout: float = TIMEOUT, sleep: Sleep = time.sleep) -> Drift:
    """Detect the drift of a stack; the result is not known after `timeout` seconds."""
    cloudformation = account.client("cloudformation")
    detection_id = cloudformation.detect_stack_drift(StackName=stack.id)["StackDriftDetectionId"]
    waited = accumulate(pauses(), initial=0.0)
    for pause, so_far in zip(pauses(), waited, strict=False):
        found = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection_id)
        if found["DetectionStatus"] == "DETECTION_COMPLETE":
            return Drift(known=True, reason="", resources=_read(stack, cloudformation))
        if found["DetectionStatus"] == "DETECTION_FAILED":
            return Drift(known=False, reason=found.get("DetectionStatusReason", "it failed"), resources=())
        if so_far + pause > timeout:
            break
        sleep(pause)
    return Drift(known=False, reason=f"CloudFormation was not done in {timeout:.0f} seconds", resources=())


def _read(stack: Stack, cloudformation: Any) -> tuple[DriftedResource, ...]:
    return tuple(
        DriftedResource(
            resource=each["LogicalResourceId"],
            kind=each["ResourceType"],
            deleted=each["StackResourceDriftStatus"] == "DELETED",
            properties=tuple(
                found for item in each.get("PropertyDifferences", ()) for found in _difference(item)
            ),
        )
        for page in _pages(stack, cloudformation)
        for each in page["StackResourceDrifts"]
    )


def _pages(stack: Stack, cloudformation: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of DescribeStackResourceDrifts, for which boto3 has no paginator."""
    more: dict[str, str] = {}
    while True:
        page = cloudformation.describe_stack_resource_drifts(
            StackName=stack.id, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **more
        )
        yield page
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def _difference(described: Mapping[str, str]) -> tuple[Property, ...]:
    path = described["PropertyPath"].strip("/").replace("/", ".")
    before, after = (parse_value(described.get(side)) for side in ("ExpectedValue", "ActualValue"))
    return tuple(find_differences(before, after, path))
