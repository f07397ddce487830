"""What calls the functions, asked before anything changes; and times that have passed.

    a queue      hides its messages long enough for the function? has it a place for what fails always?
    a bucket     is it in the stage's region? does it send its events to EventBridge? else that is turned on
    a time       a new schedule that has passed already would never run: it is left out

What AWS would refuse in the middle of a deployment is refused here. Who may not ask is warned, and goes on.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import Settings, function_conflicts, names, schedules
from lambdify.cli.settings.function_conflicts import HIDDEN
from lambdify.cli.settings.functions import FunctionSettings, Schedule
from lambdify.cli.stacks import stack
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

DENIED = "^AccessDenied|not authorized"
NO_QUEUE = "NonExistentQueue|QueueDoesNotExist"
NO_BUCKET = "^NoSuchBucket"
MISSING = "missing"
SCHEDULE = "AWS::Scheduler::Schedule"
OLD_EUROPE = "EU"
"""What S3 calls eu-west-1 for buckets of old.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""


@translated(during="looking at what calls the functions")
def check(stage: Stage, console: Console, *, yes: bool, local: bool = False) -> None:
    """Ask queues and buckets whether they can call the functions, and have buckets send their events.

    Raises SettingsError for those that cannot; in the local cloud, for which ARNs of AWS mean nothing yet, a
    warning is all.
    """
    for function in stage.settings.functions.values():
        timeout = function_conflicts.timeout_of(stage.settings, function)
        for source in function.sqs:
            if source.queue.startswith("arn:"):
                _check_queue(source.queue, timeout, stage, console, local=local)
    for bucket in dict.fromkeys(_buckets(stage.settings)):
        _check_bucket(bucket, stage, console, yes=yes, local=local)


def without_passed(stage: Stage, existing: Stack | None, console: Console) -> Settings:
    """Return the settings to write a template from: `leave_out_passed`, with a warning for each schedule.

    The stack is asked for its resources only where a time has passed.
    """
    now = datetime.now(UTC)
    if not leave_out_passed(stage.settings, (), now)[1]:
        return stage.settings
    body = stack.fetch_body(existing, stage.account)["Resources"] if existing and not existing.is_new else {}
    there = [each.get("Properties", {}).get("Name") for each in body.values() if each["Type"] == SCHEDULE]
    settings, passed = leave_out_passed(stage.settings, there, now)
    for each in passed:
        console.warn(f"{each} has passed, and would never run: it is left out.")
    return settings


def leave_out_passed(
    settings: Settings, there: Collection[str], now: datetime
) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings without schedules that have passed, and what they said.

    `there` are the names of those that the stack has: they stay, so that nothing changes once their time has
    come.
    """
    functions: dict[str, FunctionSettings] = {}
    passed: list[str] = []
    for name, function in settings.functions.items():
        kept: list[Schedule] = []
        for number, source in enumerate(function.schedule, 1):
            is_new = names.schedule(settings, function, number) not in there
            if is_new and _has_passed(source, now):
                passed.append(f"schedule {number} of [functions.{name}]: {source.written}")
                # The numbers of the others are part of their names: it keeps its place.
                kept.append(replace(source, at=""))
            else:
                kept.append(source)
        functions[name] = replace(function, schedule=tuple(kept))
    return replace(settings, functions=functions) if passed else settings, tuple(passed)


def _has_passed(source: Schedule, now: datetime) -> bool:
    return bool(source.at) and schedules.moment(source.at, source.timezone) <= now


def _buckets(settings: Settings) -> Iterator[str]:
    for function in settings.functions.values():
        for source in function.s3:
            if source.bucket not in settings.resources:
                yield source.bucket


def _check_queue(arn: str, timeout: int, stage: Stage, console: Console, *, local: bool) -> None:
    name = arn.rpartition(":")[2]
    attributes = _fetch_queue(arn, stage)
    if attributes is None:
        console.warn(f"{name}: these credentials may not ask how long it hides messages.")
    elif attributes == MISSING:
        _tell(f"There is no queue {arn}.", "See [functions] sqs for its ARN.", console, local=local)
    else:
        hidden = int(attributes["VisibilityTimeout"])
        function_conflicts.check_visibility(name, hidden, timeout)
        for caution in cautions(name, hidden, timeout, redrive="RedrivePolicy" in attributes):
            console.warn(caution)


def cautions(name: str, hidden: int | None, timeout: int, *, redrive: bool) -> Iterator[str]:
    """Yield what may surprise of a queue that hides messages for so many seconds, if that is known."""
    if hidden is not None and hidden < HIDDEN * timeout:
        yield (
            f"{name} hides messages for {hidden} s; AWS asks for six times the {timeout} s that the function "
            f"may take, or a message may come twice: VisibilityTimeout = {HIDDEN * timeout}."
        )
    if not redrive:
        yield (
            f"{name} has no redrive policy: a message that fails comes again and again until it is too old. "
            "Name a queue for such messages in its RedrivePolicy."
        )


def _fetch_queue(arn: str, stage: Stage) -> Any:
    """Return the queue's attributes, MISSING, or None if they may not be asked for."""
    client = stage.client("sqs")
    account, name = arn.split(":")[4:]

    def ask() -> Any:
        found = attempt(
            client.get_queue_url, none_if=NO_QUEUE, QueueName=name, QueueOwnerAWSAccountId=account
        )
        if found is None:
            return MISSING
        wanted = ["VisibilityTimeout", "RedrivePolicy"]
        return client.get_queue_attributes(QueueUrl=found["QueueUrl"], AttributeNames=wanted)["Attributes"]

    return attempt(ask, none_if=DENIED)


def _check_bucket(bucket: str, stage: Stage, console: Console, *, yes: bool, local: bool) -> None:
    client = stage.client("s3")

    def ask() -> Any:
        found = attempt(client.get_bucket_location, none_if=NO_BUCKET, Bucket=bucket)
        return MISSING if found is None else found

    location = attempt(ask, none_if=DENIED)
    if location is None:
        console.warn(f"{bucket}: these credentials may not ask whether it sends its events.")
    elif location == MISSING:
        _tell(f"There is no bucket {bucket}.", "See [functions] s3 for its name.", console, local=local)
    else:
        _check_region(bucket, location.get("LocationConstraint"), stage, local=local)
        _have_it_send(bucket, stage, console, yes=yes)


def _check_region(bucket: str, location: str | None, stage: Stage, *, local: bool) -> None:
    region = {None: "us-east-1", OLD_EUROPE: "eu-west-1"}.get(location, location)
    if region != stage.region and not local:
        raise SettingsError(
            f"The bucket {bucket} is not in {stage.region}, where the stage is: its events are in {region}.",
            hint="Deploy the stage there, or name a bucket that is here.",
        )


def _have_it_send(bucket: str, stage: Stage, console: Console, *, yes: bool) -> None:
    """Turn the bucket's events on, beside its other notifications, if the user agrees."""
    client = stage.client("s3")
    found: Mapping[str, Any] | None = attempt(
        client.get_bucket_notification_configuration, none_if=DENIED, Bucket=bucket
    )
    if found is None:
        console.warn(f"{bucket}: these credentials may not ask whether it sends its events.")
        return
    there = {name: value for name, value in found.items() if name != "ResponseMetadata"}
    if "EventBridgeConfiguration" in there:
        return
    question = (
        f"{bucket} does not send its events to EventBridge. Turn that on, beside its other notifications?"
    )
    if not yes and not console.confirm(question):
        console.warn(f"{bucket} does not send its events to EventBridge: no function is called for it.")
        return
    client.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={**there, "EventBridgeConfiguration": {}}
    )
    console.note(f"{bucket} sends its events to EventBridge from now on.")


def _tell(message: str, hint: str, console: Console, *, local: bool) -> None:
    """Raise SettingsError, or warn where it is about the local cloud."""
    if not local:
        raise SettingsError(message, hint=hint)
    console.warn(f"{message} In the local cloud it has to be made, or be in [resources].")
