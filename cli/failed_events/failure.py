"""A message of the failed queue, read: what failed, when and why, and where it is sent again. Pure.

    an asynchronous event        Lambda's record of it: the event, and what the function raised
    a batch of a stream          Lambda's record of it: where its records are, and no data (stream_records.py)
    a task                       its own message, with the traceback of its last attempt
    a message of another queue   as it was there, moved by that queue's redrive policy
    what could not be delivered  the event, with Scheduler's or EventBridge's attributes

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from lambdify.cli.failures import tracebacks

Kind = Literal["event", "stream", "task", "message"]
AGED = "EventAgeExceeded"
BATCHES = ("KinesisBatchInfo", "DDBStreamBatchInfo")
UNTOLD = "It was never done with: the function raised each time, ran out of time or died. The log knows more."
REASON = "reason"
"""The attribute with the traceback of a task's last attempt; the adapter writes it."""
ERROR_CODE, ERROR_MESSAGE, TARGET = "ERROR_CODE", "ERROR_MESSAGE", "TARGET_ARN"
"""Attributes of what Scheduler or EventBridge could not deliver."""
ID_LENGTH = 8
"""Characters of an id that are shown: enough to tell failures apart and to find one."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An event, a batch or a task that was given up."""

    id: str
    """The message's id."""
    at: datetime
    """When it was given up."""
    kind: Kind
    what: str
    """The function, task or queue: "report", "task shop.mail:send"."""
    error: str
    """Why, on one line: "KeyError: 'order'"."""
    trace: tuple[str, ...]
    """The lines of the traceback; () if there is none."""
    attempts: int
    """How often it was tried; 0 if that is not known."""
    payload: Any
    """The event, the task, or where the records of a batch are."""
    target: str
    """ARN of the Lambda's alias, or of the queue, that it is sent to again; "" if it cannot be."""
    body: str = field(repr=False)
    """What is sent again."""
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The message's own attributes, which are sent again to a queue."""

    @property
    def short_id(self) -> str:
        """The beginning of the id, as it is shown."""
        return self.id[:ID_LENGTH]


def read(message: Mapping[str, Any], tasks_queue: str) -> Failure:
    """Return the failure in a message as SQS gives it; `tasks_queue` is the ARN of the stage's tasks."""
    value = _parse(message["Body"])
    attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
    if isinstance(value, dict) and isinstance(value.get("requestContext"), dict) and "version" in value:
        return _from_lambda(message, value)
    if target := _text(attributes, TARGET):
        code, why = _text(attributes, ERROR_CODE), _text(attributes, ERROR_MESSAGE)
        return _make(
            message,
            kind="event",
            what=_name(target),
            error=": ".join(filter(None, (code, why))) or "It could not be delivered.",
            payload=value,
            target=target,
        )
    return _from_queue(message, value, tasks_queue)


def _from_lambda(message: Mapping[str, Any], record: Mapping[str, Any]) -> Failure:
    """Return an event or a batch of which Lambda has kept a record."""
    context, response = record["requestContext"], record.get("responsePayload")
    arn = str(context.get("functionArn", ""))
    batch = next((name for name in BATCHES if name in record), "")
    event = record.get(batch or "requestPayload")
    return _make(
        message,
        kind="stream" if batch else "event",
        at=_read_time(record.get("timestamp")),
        what=_name(arn),
        error=_explain(response, context),
        trace=_read_trace(response),
        attempts=int(context.get("approximateInvokeCount") or 0),
        payload=event,
        target=arn,
        body=json.dumps(event),
    )


def _from_queue(message: Mapping[str, Any], value: Any, tasks_queue: str) -> Failure:
    """Return a task, or a message that its queue gave up."""
    attributes: dict[str, Any] = dict(message.get("MessageAttributes", {}))
    told = _text(attributes, REASON)
    origin = message.get("Attributes", {}).get("DeadLetterQueueSourceArn", "")
    is_task = isinstance(value, dict) and isinstance(value.get("task"), str) and origin in ("", tasks_queue)
    if is_task:
        attributes.pop(REASON, None)
    lines = told.rstrip().splitlines()
    return _make(
        message,
        kind="task" if is_task else "message",
        what=f"task {value['task']}" if is_task else f"queue {origin.rpartition(':')[2] or '?'}",
        error=_find_reason(told) or (lines[-1] if lines else UNTOLD),
        trace=tuple(lines) if len(lines) > 1 else (),
        payload=value,
        target=origin or (tasks_queue if is_task else ""),
        attributes=attributes,
    )


def _find_reason(trace: str) -> str:
    """Return the exception of a traceback on one line, the first of its message; "" if there is none."""
    raised = tracebacks.read(trace, lambda _: False)
    return tracebacks.summarize(raised).partition("\n")[0] if raised else ""


def _make(message: Mapping[str, Any], **fields: Any) -> Failure:
    """Return the failure with these fields; what they do not tell, the message does."""
    sent = int(message.get("Attributes", {}).get("SentTimestamp") or 0)
    known: dict[str, Any] = {
        "at": datetime.fromtimestamp(sent / 1000, UTC),
        "body": message["Body"],
        "trace": (),
        "attempts": 0,
    }
    told = {name: value for name, value in fields.items() if value is not None or name == "payload"}
    return Failure(id=message["MessageId"], **{**known, **told})


def _explain(response: Any, context: Mapping[str, Any]) -> str:
    """Return why an event was given up, on one line."""
    if context.get("condition") == AGED:
        return "It was older than max_age before a try succeeded."
    return summarize(response) or "It was given up, and Lambda does not tell why. The log knows more."


def summarize(response: Any) -> str:
    """Return what a function raised, on one line: "KeyError: 'total'"; "" if the response is no error."""
    if not isinstance(response, dict) or not ("errorType" in response or "errorMessage" in response):
        return ""
    message = str(response.get("errorMessage") or "").partition("\n")[0]
    return ": ".join(filter(None, (str(response.get("errorType") or ""), message)))


def _read_trace(response: Any) -> tuple[str, ...]:
    trace = response.get("stackTrace") if isinstance(response, dict) else None
    if not isinstance(trace, list):
        return ()
    return tuple(line for text in trace for line in str(text).rstrip("\n").split("\n"))


def _read_time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _name(arn: str) -> str:
    """Return the name of the function that an alias's ARN is for: "report"."""
    return arn.rpartition(":")[2]


def _text(attributes: Mapping[str, Any], name: str) -> str:
    found = attributes.get(name)
    return str(found.get("StringValue", "")) if isinstance(found, Mapping) else ""


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
