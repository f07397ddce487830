"""The stage's queue of what failed for good, which `lambdify failures` reads: events of functions, and tasks.

No failed event is lost in silence: whatever gives up, sends here, unless a function names a place of its own.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from typing import Any

from lambdify.cli.settings import Settings
from lambdify.cli.template import alarms
from lambdify.cli.template.alarms import Metric
from lambdify.cli.template.sources import references
from lambdify.cli.template.sources.source import FAILED_QUEUE, Right, destination

Resource = dict[str, Any]

KEPT = 1_209_600
"""Seconds, 14 days: the longest time that SQS keeps a message."""


def name(settings: Settings) -> str:
    """Return the name of the queue, and of the alarm on it."""
    return f"{settings.full_name}-failed"


def write(settings: Settings) -> dict[str, Resource]:
    """Return the queue, and an alarm if anybody is told; {} for a stage without functions and tasks."""
    if not settings.keeps_failed:
        return {}
    queue: Resource = {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "QueueName": name(settings),
            "MessageRetentionPeriod": KEPT,
            "SqsManagedSseEnabled": True,
        },
    }
    actions = told(settings)
    return {FAILED_QUEUE: queue, **({"FailedAlarm": _alarm(settings, actions)} if actions else {})}


def told(settings: Settings) -> list[object]:
    """Return the topics that are told when the queue holds something: of [failed], and of [alarms]."""
    own = [references.arn(settings, each) for each in settings.failed.notify]
    others = alarms.told(settings) if settings.alarms.failed else []
    return [*own, *(each for each in others if each not in own)]


def rights(settings: Settings) -> list[Right]:
    """Return what lets failed events be sent where they are kept."""
    places = [destination(settings, each) for each in settings.functions.values()]
    if settings.tasks.workers:
        places.append({"Fn::GetAtt": [FAILED_QUEUE, "Arn"]})
    return [
        Right(("sns:Publish",) if references.is_topic(settings, place) else ("sqs:SendMessage",), place)
        for place in places
        if place
    ]


def _alarm(settings: Settings, actions: list[object]) -> Resource:
    queue = {"QueueName": {"Fn::GetAtt": [FAILED_QUEUE, "QueueName"]}}
    return alarms.alarm(
        name(settings),
        "Events or tasks that failed for good; `lambdify failures` shows them",
        Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum"),
        0,
        actions=actions,
    )
