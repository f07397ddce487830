"""Asynchronous invocations: repeated when the function fails, and told to a destination at their end.

ministack keeps the settings of an alias (EventInvokeConfig), but looks at those of the function only.
Events of EventBridge, Scheduler and SNS it gives to the function once, whatever comes of it. Here all of
them, as on AWS, are invocations of this kind:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

Two things differ from AWS. The pauses are of one and two seconds instead of minutes, so that nobody has to
wait for a failure. And an event is lost with the cloud, which keeps nothing.
"""

import contextvars
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import eventbridge, lambda_svc, sns

from lambdify.cli.local.events.invocations import REQUEST_ID
from lambdify.cli.local.events.replacement import replace

RETRIES, MAX_AGE = 2, 6 * 3600
"""What an alias without settings has: attempts after the first one, and the age of an event in seconds."""
PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""
THROTTLED_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before an event is tried again that met no free environment, which is no attempt; and at most."""


def install() -> None:
    """Replace what ministack does with an asynchronous event."""
    replace(lambda_svc, "invoke_async_with_retry", invoke)
    replace(eventbridge, "_dispatch_to_lambda", invoke_target)
    replace(sns, "_deliver_to_lambda", deliver_notification)


class Rules(NamedTuple):
    """What an alias's EventInvokeConfig says."""

    retries: int
    max_age: float
    """Seconds."""
    on_failure: str
    """ARN of a destination; "" for none."""
    on_success: str


def read_rules(config: Mapping[str, Any]) -> Rules:
    """Return the rules of an EventInvokeConfig; AWS's own for what it leaves out."""
    destinations = config.get("DestinationConfig") or {}
    retries = config.get("MaximumRetryAttempts")
    return Rules(
        retries=RETRIES if retries is None else int(retries),
        max_age=float(config.get("MaximumEventAgeInSeconds") or MAX_AGE),
        on_failure=(destinations.get("OnFailure") or {}).get("Destination") or "",
        on_success=(destinations.get("OnSuccess") or {}).get("Destination") or "",
    )


class Ending(NamedTuple):
    """How an event ended."""

    condition: str
    """Success, RetriesExhausted or EventAgeExceeded."""
    attempts: int
    result: Mapping[str, Any]
    """Of the last attempt, in ministack's format."""


def attempt(
    run: Callable[[], Mapping[str, Any]],
    rules: Rules,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    """Run the event until it succeeds or the rules end it."""
    begun, attempts, throttled = clock(), 0, 0
    while True:
        result = run()
        if result.get("throttle"):
            throttled += 1
            pause = min(THROTTLED_PAUSE * 2 ** (throttled - 1), LONGEST_PAUSE)
        else:
            attempts += 1
            if not result.get("error"):
                return Ending("Success", attempts, result)
            if attempts > rules.retries:
                return Ending("RetriesExhausted", attempts, result)
            pause = PAUSE * 2 ** (attempts - 1)
        if clock() + pause - begun > rules.max_age:
            return Ending("EventAgeExceeded", attempts, result)
        sleep(pause)


def invoke(func: dict[str, Any], event: Any) -> None:
    """Run the event in a thread of its own, as often as the alias's rules say. Return at once."""

    def run() -> None:
        config = func.get("config") or func
        account, region = lambda_svc._account_region_from_function_config(config)
        set_request_account_id(account)
        set_request_region(region)
        # All attempts have one id, as on AWS.
        REQUEST_ID.set(REQUEST_ID.get() or str(uuid.uuid4()))
        rules = find_rules(config)
        ending = attempt(lambda: lambda_svc._execute_function(func, event), rules)
        destination = rules.on_success if ending.condition == "Success" else rules.on_failure
        if destination:
            tell(destination, write_record(config, event, ending, datetime.now(UTC)))

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="asynchronous event", daemon=True).start()


def find_rules(config: Mapping[str, Any]) -> Rules:
    """Return the rules of the alias or version in an ARN, with the function's dead-letter queue."""
    function = lambda_svc._functions.get(config["FunctionName"]) or {}
    qualifier = (config["FunctionArn"].split(":")[7:] or [""])[0]
    known = function.get("event_invoke_configs") or {}
    found = read_rules(known.get(qualifier) or (known.get("$LATEST") if not qualifier else None) or {})
    dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn") or ""
    return found._replace(on_failure=found.on_failure or dead_letters)


def write_record(config: Mapping[str, Any], event: Any, ending: Ending, now: datetime) -> dict[str, Any]:
    """Return what a destination is told.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    arn, version = config["FunctionArn"], str(config.get("Version") or "$LATEST")
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": version}
    if ending.result.get("error"):
        response["functionError"] = ending.result.get("function_error") or "Unhandled"
    return {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": REQUEST_ID.get(),
            "functionArn": arn if len(arn.split(":")) > 7 else f"{arn}:$LATEST",
            "condition": ending.condition,
            "approximateInvokeCount": ending.attempts,
        },
        "requestPayload": event,
        "responseContext": response,
        "responsePayload": ending.result.get("body"),
    }


def tell(destination: str, record: Mapping[str, Any]) -> None:
    """Send a record to a queue, topic, function or event bus. ministack logs it if that is not there."""
    try:
        arn = parse_arn(destination)
    except ArnParseError:
        lambda_svc.logger.warning("%s is no destination", destination)
        return
    text = json.dumps(record)
    match arn.service:
        case "sqs":
            eventbridge._dispatch_to_sqs(arn, text)
        case "sns":
            eventbridge._dispatch_to_sns(destination, text)
        case "lambda":
            invoke_by_arn(destination, record)
        case "events":
            succeeded = record["requestContext"]["condition"] == "Success"
            entry = {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}",
                "Detail": text,
                "Resources": [destination, record["requestContext"]["functionArn"]],
                "EventBusName": destination,
            }
            eventbridge._put_events({"Entries": [entry]})


def invoke_target(arn: str, payload: str) -> None:
    """Give an event of EventBridge or Scheduler to the function."""
    try:
        event = json.loads(payload)
    except ValueError:
        event = payload
    invoke_by_arn(arn, event)


def deliver_notification(
    endpoint: str,
    envelope: str,
    topic_arn: str,  # noqa: ARG001 - the parameters are ministack's
    sub_arn: str,
    msg_id: str,  # noqa: ARG001
    raw_message: str,  # noqa: ARG001
    message_attributes: dict[str, Any],  # noqa: ARG001
) -> None:
    """Give a message of SNS to the function: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html."""
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": sub_arn,
        "EventSource": "aws:sns",
        "Sns": json.loads(envelope),
    }
    invoke_by_arn(endpoint, {"Records": [record]})


def invoke_by_arn(arn: str, event: Any) -> None:
    """Give an event to the function or alias of an ARN."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        lambda_svc.logger.warning("%s got no event: there is no such function", name or arn)
        return
    invoke(lambda_svc._execution_record_for_config(function, config), event)
