"""Conflicts of functions: what one function's options, or two functions, may not be together.

Rules as in conflicts.py, which calls them: each yields errors that say what is wrong, and what to set
instead.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings.functions import (
    SOURCES,
    Bucket,
    FunctionSettings,
    Invoker,
    Queue,
    Rule,
    Source,
    Stream,
    Topic,
)

if TYPE_CHECKING:
    from lambdify.cli.settings import Settings

LAMBDA_NAME_LENGTH = 64
MAX_BATCH = 10
"""Messages of a batch that is not waited for, and of any from a FIFO queue.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
KINDS: Mapping[str, str] = {
    "sqs": "AWS::SQS::Queue",
    "sns": "AWS::SNS::Topic",
    "s3": "AWS::S3::Bucket",
    "events": "AWS::Events::EventBus",
    "dynamodb": "AWS::DynamoDB::Table",
    "kinesis": "AWS::Kinesis::Stream",
}
"""The type of a resource that a source names by its logical id."""
HIDDEN = 6
"""How many timeouts of its function a queue ought to hide a message.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
VISIBILITY = 30
"""Seconds that a queue hides messages unless it says otherwise."""
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check(settings: "Settings") -> Iterator[SettingsError]:
    """Yield the conflicts of [functions], [tasks] and [failed], and of a handler around ours."""
    yield from _wrapper(settings)
    yield from _names(settings)
    yield from _without_app(settings)
    yield from _resources(settings)
    for function in settings.functions.values():
        yield from _failed(settings, function)
        for option, number, source in function.sources:
            yield from _source(settings, f"{option} {number} of [functions.{function.name}]", option, source)
            if isinstance(source, Queue):
                yield from _hidden(settings, function, source)
    for topic in settings.failed.notify:
        yield from _resource(settings, "[failed] notify", topic, ("AWS::SNS::Topic",))
    if settings.alarms.topic:
        yield from _resource(settings, "[alarms] topic", settings.alarms.topic, ("AWS::SNS::Topic",))
    if settings.tasks.workers:
        yield from _length(settings, "tasks", "[tasks]")
    if settings.commands.timeout:
        yield from _length(settings, "commands", "[commands]")


def target_of(source: Source) -> str:
    """Return the ARN, name or logical id of what calls; "" for a schedule."""
    match source:
        case Queue():
            return source.queue
        case Topic():
            return source.topic
        case Bucket():
            return source.bucket
        case Rule():
            return source.bus
        case Stream():
            return source.stream
        case Invoker():
            return source.arn
        case _:
            return ""


def _wrapper(settings: "Settings") -> Iterator[SettingsError]:
    wrapper = settings.function.wrapper
    if wrapper and settings.http.streaming:
        yield SettingsError(
            f'[function] wrapper = "{wrapper}": with [http] streaming = true Lambda has to call lambdify '
            "itself, which sends the response while the handler runs.",
            hint="Leave out one of the two.",
        )


def check_region(settings: "Settings", region: str) -> None:
    """Raise SettingsError for a source in another region: Lambda polls its own, and so do rules.

    Topics send to other regions, and an invoker may be anywhere.
    """
    for function in settings.functions.values():
        for _, _, source in function.sources:
            where = target_of(source)
            elsewhere = where.startswith("arn:") and where.split(":")[3] not in ("", region)
            if elsewhere and not isinstance(source, Topic | Invoker):
                raise SettingsError(
                    f"[functions.{function.name}]: {where} is not in {region}, where the stage is.",
                    hint="Functions take from their own region: deploy the stage there, or name one of here.",
                )


def check_visibility(name: str, hidden: int, timeout: int) -> None:
    """Raise SettingsError for a queue that hides messages for fewer seconds than the function may take."""
    if hidden < timeout:
        raise SettingsError(
            f"{name} hides messages for {hidden} s, the function may take {timeout}: AWS refuses that.",
            hint=f"VisibilityTimeout = {HIDDEN * timeout}, or a shorter timeout.",
        )


def timeout_of(settings: "Settings", function: FunctionSettings) -> int:
    """Return the seconds that a function may take."""
    return function.timeout or settings.function.timeout


def _names(settings: "Settings") -> Iterator[SettingsError]:
    seen: dict[str, str] = {}
    for name, function in settings.functions.items():
        if other := seen.get(function.id):
            yield SettingsError(
                f"[functions.{other}] and [functions.{name}] differ in - and _ or a first letter only.",
                hint="Choose names that differ in letters or digits: logical ids have nothing else.",
            )
        seen[function.id] = name
        if function.has_lambda:
            yield from _length(settings, name, f"[functions.{name}]")


def _without_app(settings: "Settings") -> Iterator[SettingsError]:
    """Yield errors for what only a web app has a use for."""
    if not settings.has_no_app:
        return
    named = 'If there is an app, name it: app = "..."'
    if settings.warm.every and all(each.has_lambda for each in settings.functions.values()):
        yield SettingsError(
            f"[warm] every = {settings.warm.every}: there is no app to keep warm, and all functions have "
            "Lambdas of their own.",
            hint=f'Leave [warm] out, or set every = "off". {named}',
        )
    if settings.release.shift:
        yield SettingsError(
            "[release] shift: it parts the traffic of a web app, and this stage has functions alone.",
            hint=f"Leave shift out; functions move at once. {named}",
        )


def our_ids(settings: "Settings") -> re.Pattern[str]:
    """Return the form of the logical ids in templates of functions, tasks, commands and what failed."""
    aliases = [each.id for each in settings.functions.values()] + ["Tasks", "Commands"]
    sources = "|".join(option.capitalize() for option in SOURCES)
    return re.compile(
        rf"(Alias|Async|Function|Live|Version)({'|'.join(aliases)})([0-9a-f]{{12}})?"
        rf"|({sources})\d+({'|'.join(aliases)})(Permission)?"
        "|Failed(Queue|Alarm)|Tasks(Queue|Source|Group|LaterRole|Table)"
        rf"|Alarm(Topic|Mail[0-9a-f]{{12}}|Answers|Slow|(Errors|Throttles)({'|'.join(aliases)})?)"
    )


def _resources(settings: "Settings") -> Iterator[SettingsError]:
    """Yield an error for a resource of the project's own that is called as one of ours.

    An app without functions and alarms has none of these, and keeps its names.
    """
    ours = our_ids(settings)
    has_some = settings.keeps_failed or settings.commands.timeout or settings.alarms.tell
    for name in settings.resources if has_some else ():
        if ours.fullmatch(name):
            yield SettingsError(
                f'"{name}" in [resources] is a logical id of lambdify\'s own.',
                hint=f'Choose another one, such as "My{name}".',
            )


def _length(settings: "Settings", name: str, table: str) -> Iterator[SettingsError]:
    full = f"{settings.full_name}-{name}"
    if len(full) > LAMBDA_NAME_LENGTH:
        yield SettingsError(
            f'{table}: its Lambda would be called "{full}": {len(full)} characters, and Lambda takes '
            f"{LAMBDA_NAME_LENGTH}.",
            hint='Set a shorter name: name = "..."',
        )


def _failed(settings: "Settings", function: FunctionSettings) -> Iterator[SettingsError]:
    place = f"[functions.{function.name}] failed"
    if function.failed not in ("", "none"):
        yield from _resource(settings, place, function.failed, ("AWS::SQS::Queue", "AWS::SNS::Topic"))
    if _is_fifo(settings, function.failed):
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        yield SettingsError(f"{place}: Lambda does not send to FIFO queues.", hint="Name another queue.")


def _source(settings: "Settings", name: str, option: str, source: Source) -> Iterator[SettingsError]:
    target = target_of(source)
    if isinstance(source, Bucket) and target not in settings.resources and BUCKET_NAME.fullmatch(target):
        return
    if isinstance(source, Rule) and target not in settings.resources:
        return
    yield from _resource(settings, name, target, (KINDS[option],) if option in KINDS else ())
    if isinstance(source, Queue):
        yield from _queue(settings, name, source)
    properties = settings.resources.get(target, {}).get("Properties", {})
    if option == "dynamodb" and target in settings.resources and "StreamSpecification" not in properties:
        yield SettingsError(
            f'{name}: the table "{target}" in [resources] has no stream.',
            hint=f'Write StreamSpecification = {{ StreamViewType = "NEW_AND_OLD_IMAGES" }} below '
            f"[resources.{target}.Properties].",
        )
    sends = properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration", {})
    if option == "s3" and sends.get("EventBridgeEnabled") is not True:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-eventbridgeconfiguration.html
        yield SettingsError(
            f'{name}: the bucket "{target}" in [resources] does not send its events to EventBridge.',
            hint="Write NotificationConfiguration = { EventBridgeConfiguration = { EventBridgeEnabled = "
            f"true }} }} below [resources.{target}.Properties].",
        )


def _hidden(settings: "Settings", function: FunctionSettings, source: Queue) -> Iterator[SettingsError]:
    """Yield an error for a queue of the project's own that hides messages too shortly."""
    hidden = visibility(settings, source)
    if hidden is not None:
        try:
            check_visibility(source.queue, hidden, timeout_of(settings, function))
        except SettingsError as error:
            yield error


def visibility(settings: "Settings", source: Queue) -> int | None:
    """Return the seconds that a queue of [resources] hides messages; None if the settings do not tell."""
    if source.queue not in settings.resources:
        return None
    hidden = settings.resources[source.queue].get("Properties", {}).get("VisibilityTimeout", VISIBILITY)
    return hidden if isinstance(hidden, int) else None


def _queue(settings: "Settings", name: str, source: Queue) -> Iterator[SettingsError]:
    fifo = _is_fifo(settings, source.queue)
    if fifo and source.batch > MAX_BATCH:
        yield SettingsError(f"{name}: A FIFO queue takes batches of {MAX_BATCH}.", hint="Set batch = 10.")
    elif fifo and source.window:
        yield SettingsError(f"{name}: A FIFO queue has no window.", hint="Leave window out.")
    elif source.batch > MAX_BATCH and not source.window:
        yield SettingsError(
            f"{name}: batch = {source.batch} needs window = 1 or more.",
            hint=f"Set window = 1, or a batch of up to {MAX_BATCH}.",
        )


def _resource(
    settings: "Settings", name: str, target: str, kinds: tuple[str, ...]
) -> Iterator[SettingsError]:
    """Yield an error for a logical id that [resources] does not have, or has of another type."""
    if not target or target.startswith("arn:"):
        return
    found: Mapping[str, Any] | None = settings.resources.get(target)
    if found is None:
        near = hints.nearest(target, settings.resources)
        there = "the bucket's name" if "AWS::S3::Bucket" in kinds else "its ARN"
        yield SettingsError(
            f'{name}: there is no "{target}" in [resources].', hint=near or f"Write {there}, or add it there."
        )
    elif kinds and found["Type"] not in kinds:
        yield SettingsError(
            f'{name}: "{target}" in [resources] is an {found["Type"]}, not an {" or ".join(kinds)}.',
            hint=f"Name one that is an {' or '.join(kinds)}.",
        )


def _is_fifo(settings: "Settings", queue: str) -> bool:
    properties = settings.resources.get(queue, {}).get("Properties", {})
    return queue.endswith(".fifo") or bool(properties.get("FifoQueue"))
