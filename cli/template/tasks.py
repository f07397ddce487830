"""[tasks]: the queue between `enqueue` and the Lambda that runs tasks, and what runs a task later.

    enqueue ──SendMessage──▶ TasksQueue ──TasksSource──▶ alias `tasks`     at most `workers` at once
       │                        ▲     └── after `attempts` ──▶ FailedQueue
       └─ a one-time schedule ──┘     in TasksGroup, which takes the schedules with it when it goes

Rules:
- A batch is one task: one that kills its worker would hide its neighbours.
- Messages stay hidden for six times the timeout, as AWS asks for; the worker shortens that.
  https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
- adapter/tasks.py reads the variables. No other setting tells it that there is a queue.
"""

from typing import Any

from lambdify.cli.settings import Settings, names
from lambdify.cli.template import roles
from lambdify.cli.template.sources.source import FAILED_QUEUE, Right

Resource = dict[str, Any]

QUEUE = "TasksQueue"
HIDDEN = 6
"""How many timeouts a message stays hidden."""
KEPT = 1_209_600
"""Seconds, 14 days: the longest time that SQS keeps a message."""


def name(settings: Settings) -> str:
    """Return the name of the queue, of the schedules' group, and of the table of results."""
    return f"{settings.full_name}-tasks"


def variables(settings: Settings) -> dict[str, Resource]:
    """Return the variables by which the adapter finds all of this; {} without a queue."""
    if not settings.tasks.workers:
        return {}
    found: dict[str, Resource] = {
        "LAMBDIFY_TASKS": {"Ref": QUEUE},
        "LAMBDIFY_TASKS_FAILED": {"Ref": FAILED_QUEUE},
        "LAMBDIFY_TASKS_LATER": {"Fn::GetAtt": ["TasksLaterRole", "Arn"]},
    }
    return {**found, "LAMBDIFY_TASKS_RESULTS": {"Ref": "TasksTable"}} if settings.tasks.results else found


def write(settings: Settings) -> dict[str, Resource]:
    """Return the queue, what empties it, and what fills it later; {} without a queue."""
    if not settings.tasks.workers:
        return {}
    return {
        QUEUE: _queue(settings),
        "TasksSource": _source(settings),
        "TasksGroup": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": name(settings)}},
        "TasksLaterRole": _later_role(settings),
        **({"TasksTable": _table(settings)} if settings.tasks.results else {}),
    }


def rights(settings: Settings) -> list[Right]:
    """Return what lets the function enqueue tasks and run them; to pass the role is `pass_role`."""
    if not settings.tasks.workers:
        return []
    group = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/"
    found = [
        Right(
            ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
            {"Fn::GetAtt": [QUEUE, "Arn"]},
        ),
        Right(("sqs:SendMessage",), {"Fn::GetAtt": [QUEUE, "Arn"]}),
        Right(("sqs:ChangeMessageVisibility",), {"Fn::GetAtt": [QUEUE, "Arn"]}),
        Right(("scheduler:CreateSchedule",), {"Fn::Sub": f"{group}{name(settings)}/*"}),
    ]
    if settings.tasks.results:
        table = {"Fn::GetAtt": ["TasksTable", "Arn"]}
        found.append(Right(("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), table))
    return found


def pass_role(settings: Settings) -> list[Resource]:
    """Return the statement by which a schedule of the function's may have the role that sends a task."""
    if not settings.tasks.workers:
        return []
    scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return [roles.allow(["iam:PassRole"], {"Fn::GetAtt": ["TasksLaterRole", "Arn"]}, Condition=scheduler)]


def _queue(settings: Settings) -> Resource:
    redrive = {
        "deadLetterTargetArn": {"Fn::GetAtt": [FAILED_QUEUE, "Arn"]},
        "maxReceiveCount": settings.tasks.attempts,
    }
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "QueueName": name(settings),
            "VisibilityTimeout": HIDDEN * settings.tasks.timeout,
            "MessageRetentionPeriod": KEPT,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": redrive,
        },
    }


def _source(settings: Settings) -> Resource:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": [QUEUE, "Arn"]},
            "FunctionName": {"Ref": "AliasTasks"},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BatchSize": 1,
            "ScalingConfig": {"MaximumConcurrency": settings.tasks.workers},
        },
    }


def _later_role(settings: Settings) -> Resource:
    ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    send = roles.allow(["sqs:SendMessage"], {"Fn::GetAtt": [QUEUE, "Arn"]})
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Fn::Sub": names.role(settings, names.LATER)},
            "AssumeRolePolicyDocument": roles.trust("scheduler.amazonaws.com", ours),
            "Policies": [roles.policy("send", send)],
            **roles.boundary(settings),
        },
    }


def _table(settings: Settings) -> Resource:
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "TableName": name(settings),
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        },
    }
