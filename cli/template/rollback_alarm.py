"""Resources for [release] shift: an alarm on the new version, and a schedule that gives the traffic back.

    new version's errors ──▶ ShiftAlarm ──▶ [release] alarm_actions; the shift reads its state
    nobody leads it      ──▶ ShiftReturn, once, at ShiftUntil ──▶ UpdateAlias: no weight for the new version

Rules:
- The alarm counts the same errors as the shift (releases/rollback_triggers.py): those of this version behind
  the alias. Without calls there are no errors, so missing data is no alarm.
  https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
- ShiftReturn exists while traffic is split, and each step postpones it: it runs only if the process that
  deploys is gone. EventBridge Scheduler makes the call itself, without code of ours.
  https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
- With [role] arn no role is to be created, so there is no ShiftReturn.
"""

import json
from typing import Any

from lambdify.cli.settings import Settings, names
from lambdify.cli.template import alarms, roles
from lambdify.cli.template.alarms import Metric

Resource = dict[str, Any]

SHIFT_UNTIL = "ShiftUntil"
"""Parameter: the time (UTC) at which all traffic goes back to the old version by itself; "" for never."""
SHIFT_GUARDED = "ShiftGuarded"
RETRIES = {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 600}
"""Ten minutes at most, so that a late retry cannot take back the next shift."""
SUFFIX = ".shift"


def alarm_name(settings: Settings) -> str:
    """Return the name of the alarm on the new version's errors."""
    return f"{settings.full_name}-errors"


def schedule_name(settings: Settings) -> str:
    """Return the name of the schedule that takes a shift back; its dot tells it from names of stages."""
    return f"{names.shorten(settings.full_name, names.SCHEDULE_LENGTH - len(SUFFIX))}{SUFFIX}"


def is_guarded(settings: Settings) -> bool:
    """Whether AWS takes a shift back if nobody leads it any more."""
    return settings.release.shift is not None and not settings.role.arn


def parameters(settings: Settings) -> dict[str, Resource]:
    """Return the parameter with the time limit of a split; {} if AWS does not take shifts back."""
    if not is_guarded(settings):
        return {}
    return {
        SHIFT_UNTIL: {
            "Type": "String",
            "Default": "",
            "AllowedPattern": r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)?",
            "Description": "When divided traffic goes back (UTC, 2030-01-31T12:00:00); empty for never",
        }
    }


def conditions(settings: Settings) -> dict[str, Resource]:
    """Return the condition that there is a time limit; {} if AWS does not take shifts back."""
    return (
        {SHIFT_GUARDED: {"Fn::Not": [{"Fn::Equals": [{"Ref": SHIFT_UNTIL}, ""]}]}}
        if is_guarded(settings)
        else {}
    )


def write(settings: Settings, alias: str, version: str) -> dict[str, Resource]:
    """Return the alarm on the version behind the alias, and the schedule that gives traffic back."""
    if settings.release.shift is None:
        return {}
    alarm = _alarm(settings, alias, version)
    return {"ShiftAlarm": alarm, **(_return_schedule(settings, alias) if is_guarded(settings) else {})}


def _alarm(settings: Settings, alias: str, version: str) -> Resource:
    dimensions = {
        "FunctionName": {"Ref": "Function"},
        "Resource": {"Fn::Sub": f"${{Function}}:{alias}"},
        "ExecutedVersion": {"Fn::GetAtt": [version, "Version"]},
    }
    return alarms.alarm(
        alarm_name(settings),
        "Errors of the version that was deployed last; they end its shift",
        Metric("AWS/Lambda", "Errors", dimensions, "Sum"),
        settings.release.errors,
        at_least=True,
        actions=list(settings.release.alarm_actions),
    )


def _return_schedule(settings: Settings, alias: str) -> dict[str, Resource]:
    ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    function = {"Fn::GetAtt": ["Function", "Arn"]}
    # An empty map removes all weights; the alias still points to its own version.
    call = {
        "FunctionName": settings.full_name,
        "Name": alias,
        "RoutingConfig": {"AdditionalVersionWeights": {}},
    }
    return {
        "ShiftReturnRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": {"Fn::Sub": names.role(settings, roles.SHIFT)},
                "AssumeRolePolicyDocument": roles.trust("scheduler.amazonaws.com", ours),
                "Policies": [roles.policy("return", roles.allow(["lambda:UpdateAlias"], function))],
                **roles.boundary(settings),
            },
        },
        "ShiftReturn": {
            "Type": "AWS::Scheduler::Schedule",
            "Condition": SHIFT_GUARDED,
            "Properties": {
                "Name": schedule_name(settings),
                "Description": "Gives all traffic to the old version where nobody leads the shift any more",
                "ScheduleExpression": {"Fn::Sub": f"at(${{{SHIFT_UNTIL}}})"},
                "ScheduleExpressionTimezone": "UTC",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Fn::Sub": "arn:${AWS::Partition}:scheduler:::aws-sdk:lambda:updateAlias"},
                    "RoleArn": {"Fn::GetAtt": ["ShiftReturnRole", "Arn"]},
                    "Input": json.dumps(call),
                    "RetryPolicy": RETRIES,
                },
            },
        },
    }
