"""Rollback triggers: the errors and alarms that end a shift.

Errors are those that Lambda counts for the version: it raised, died, ran out of time or did not start. The
app's own 500s are answers; [release] alarms is for those. CloudWatch has the numbers a minute or two later.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html

Rules:
- Errors are counted here and by the template's alarm (template/rollback_alarm.py), with the same threshold.
  Either ends the shift, so it does not depend on how soon CloudWatch evaluates the alarm.
- An alarm that went off before the shift began says nothing about the new version. It counts once it goes off
  again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdify.cli import template
from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.stage import Stage
from lambdify.cli.template import rollback_alarm


def find(version: str, since: datetime, stage: Stage) -> str:
    """Return a sentence about the errors or alarms of the version since then; "" if there are none."""
    errors = count_errors(version, since, stage)
    if errors >= stage.settings.release.errors:
        return f"Version {version} had {errors} error{'s'[: errors > 1]} within a minute."
    in_alarm = [
        f'"{each["AlarmName"]}"'
        for each in _describe_alarms(stage)
        if _is_in_alarm(each) and each["StateUpdatedTimestamp"] >= since.replace(microsecond=0)
    ]
    if in_alarm:
        return f"The alarm {' and '.join(in_alarm)} rang while version {version} was tried."
    return ""


@translated(during="counting the errors of the new version")
def count_errors(version: str, since: datetime, stage: Stage) -> int:
    """Return the number of errors of the version behind the alias, in the worst minute since then."""
    name = stage.name
    dimensions = {
        "FunctionName": name,
        "Resource": f"{name}:{template.ALIAS}",
        "ExecutedVersion": version,
    }
    found = stage.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        # CloudWatch keeps whole minutes.
        StartTime=since.replace(second=0, microsecond=0),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return max((int(point["Sum"]) for point in found["Datapoints"]), default=0)


def warn_of_alarms(stage: Stage, console: Console) -> None:
    """Warn of alarms in [release] alarms that are missing, or are in the ALARM state already."""
    states = {each["AlarmName"]: each for each in _describe_alarms(stage)}
    for name in stage.settings.release.alarms:
        if name not in states:
            console.warn(f'[release] alarms: there is no alarm "{name}" in {stage.region}; nobody heeds it.')
        elif _is_in_alarm(states[name]):
            console.warn(f'The alarm "{name}" rings already; it ends this shift only if it rings anew.')


@translated(during="looking at alarms")
def _describe_alarms(stage: Stage) -> tuple[dict[str, Any], ...]:
    """Return our alarm and the user's, as CloudWatch describes them; missing ones are left out."""
    found = stage.client("cloudwatch").describe_alarms(
        AlarmNames=[rollback_alarm.alarm_name(stage.settings), *stage.settings.release.alarms],
        AlarmTypes=["MetricAlarm", "CompositeAlarm"],
    )
    return tuple(_all_alarms(found))


def _all_alarms(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from found.get("MetricAlarms", [])
    yield from found.get("CompositeAlarms", [])


def _is_in_alarm(alarm: dict[str, Any]) -> bool:
    return bool(alarm["StateValue"] == "ALARM")
