"""A schedule: EventBridge Scheduler calls the function, at times of its own or once.

The event is that of EventBridge's own schedules; what the settings call `input` is its "detail".
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

import json
from typing import Any

from lambdify.cli.settings import Settings, names
from lambdify.cli.settings.functions import FunctionSettings, Schedule
from lambdify.cli.template.sources.source import Resource, Right, alias, logical_id

RETRIES = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 3600}
"""Of calls that Lambda does not take. What it has taken, it tries again itself."""


def write(
    settings: Settings, function: FunctionSettings, option: str, number: int, source: Schedule
) -> dict[str, Resource]:
    """Return the schedule."""
    return {
        logical_id(option, number, function): {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "Name": names.schedule(settings, function, number),
                "Description": f"Calls {function.name}: {source.written}"[:512],
                "ScheduleExpression": source.expression,
                **({} if source.every else {"ScheduleExpressionTimezone": source.timezone}),
                **({} if source.enabled else {"State": "DISABLED"}),
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": alias(function),
                    "RoleArn": {"Fn::GetAtt": ["ScheduleRole", "Arn"]},
                    "Input": json.dumps(event(source)),
                    "RetryPolicy": RETRIES,
                },
            },
        }
    }


def event(source: Schedule) -> dict[str, Any]:
    """Return the event, in which Scheduler fills in what stands in angle brackets."""
    return {
        "version": "0",
        "id": "<aws.scheduler.execution-id>",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "time": "<aws.scheduler.scheduled-time>",
        "resources": ["<aws.scheduler.schedule-arn>"],
        "detail": source.detail,
    }


def rights(settings: Settings, option: str, source: Schedule) -> list[Right]:  # noqa: ARG001
    """Return no rights: the schedule calls in a role of its own."""
    return []
