"""Subscriptions of functions to logs: given to the alias that was subscribed, where ministack calls $LATEST.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

import base64
import gzip
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cloudwatch_logs

from lambdify.cli.local.events.asynchronous import invoke_by_arn
from lambdify.cli.local.events.replacement import replace


def install() -> None:
    """Replace how ministack delivers log events."""
    replace(cloudwatch_logs, "_fanout_to_subscription_filters", deliver)


def deliver(group_name: str, stream_name: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Give log events to each function that is subscribed to their group."""
    group = cloudwatch_logs._log_groups.get(group_name) or {}
    for subscription in list((group.get("subscriptionFilters") or {}).values()):
        arn = subscription.get("destinationArn") or ""
        pattern = subscription.get("filterPattern") or ""
        matched = [
            each
            for each in events
            if cloudwatch_logs._subscription_pattern_matches(pattern, each.get("message") or "")
        ]
        # A function that is called for its own lines would never end.
        own = group_name == f"/aws/lambda/{arn.partition(':function:')[2].partition(':')[0]}"
        if ":function:" in arn and matched and not own:
            name = subscription.get("filterName") or ""
            invoke_by_arn(arn, write_event(group_name, stream_name, name, matched))


def write_event(
    group: str, stream: str, subscription: str, events: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the event of a subscription, with the log events packed into it."""
    now = int(time.time() * 1000)
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": get_account_id(),
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": [subscription],
        "logEvents": [
            {
                "id": uuid.uuid4().hex,
                "timestamp": each.get("timestamp", now),
                "message": each.get("message") or "",
            }
            for each in events
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()}}
