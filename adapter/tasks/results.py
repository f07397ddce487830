"""Results of tasks in a DynamoDB table, which [tasks] results = true makes; and that a task runs only once.

LAMBDIFY_TASKS_RESULTS names the table; its key is `id`, and `expires` is when DynamoDB may delete an item.

SQS delivers a message at least once. So a worker claims a task by a conditional write before it runs it:
what has been done is not done again, and what another worker has at the moment is left to that one. A claim
ends with the invocation, since a worker that died cannot give it back.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
"""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import datetime
from typing import Any

from lambdify.adapter.aws import CallFailed, call
from lambdify.adapter.errors import report
from lambdify.adapter.tasks import READY, RESULTS, RUNNING, SUCCESSFUL, TaskError

LARGEST = 180_000
"""Bytes of arguments, and of a returned value. An item has 400 KB, for both and the tracebacks."""
KEPT = 14 * 86_400
"""Seconds after its last change for which an item is kept; as long as a queue keeps a message."""
CONFLICT = "ConditionalCheckFailedException"
FREE = "attribute_not_exists(#s) OR NOT (#s = :done OR (#s = :running AND lease > :now))"
"""The condition of a claim: nobody has done the task, and nobody has it. What failed may be sent again."""
TIMES = ("enqueued_at", "started_at", "last_attempted_at", "finished_at")

Item = dict[str, dict[str, Any]]


def create(message: dict[str, Any], when: datetime) -> None:
    """Write the result of a task that is about to be enqueued, to run at `when`. Raises CallFailed."""
    item = {
        "id": {"S": message["id"]},
        "status": {"S": READY},
        "task": {"S": message["task"]},
        "backend": {"S": message.get("backend", "")},
        "arguments": {"S": json.dumps([message["args"], message["kwargs"]])},
        "enqueued_at": {"S": message["enqueued_at"]},
        "expires": _number(when.timestamp() + KEPT),
    }
    _call("PutItem", Item=item)


def read(identity: str) -> dict[str, Any] | None:
    """Return the attributes of a result, `task` by its name; None if there is none. Raises CallFailed.

    `backend` is the alias of Django's; "" for a task of ours.
    """
    item = _call("GetItem", Key={"id": {"S": identity}}, ConsistentRead=True).get("Item")
    if not item or "arguments" not in item:
        return None
    args, kwargs = json.loads(item["arguments"]["S"])
    named = {name: item[name]["S"] for name in ("task", "backend")}
    return {**named, "args": args, "kwargs": kwargs, **_read_state(item)}


def claim(result: Any, seconds: float, kind: type = TaskError) -> float | None:
    """Claim a task for this worker, who has so many seconds; `result` then holds what earlier ones noted.

    `kind` is the class of an item of its `errors`.

    Return None if the task is ours; 0.0 if it is done; else for how many seconds another worker has it.
    Raises CallFailed.
    """
    now = time.time()
    try:
        answer = _call(
            "UpdateItem",
            Key={"id": {"S": result.id}},
            UpdateExpression="SET #s = :running, lease = :lease, expires = :expires",
            ConditionExpression=FREE,
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={
                ":running": {"S": RUNNING},
                ":done": {"S": SUCCESSFUL},
                ":lease": _number(now + seconds),
                ":now": _number(now),
                ":expires": _number(now + KEPT),
            },
            ReturnValues="ALL_NEW",
        )
    except CallFailed as error:
        if error.code != CONFLICT:
            raise
        held = _call("GetItem", Key={"id": {"S": result.id}}, ConsistentRead=True)["Item"]
        return 0.0 if held["status"]["S"] == SUCCESSFUL else max(0.1, float(held["lease"]["N"]) - now)
    from lambdify.adapter.tasks import running

    held = _read_state(answer["Attributes"])
    errors = [kind(**error._asdict()) for error in held["errors"]]
    running.change(result, started_at=held["started_at"], worker_ids=held["worker_ids"], errors=errors)
    return None


def save(result: Any) -> None:
    """Write what became of a task. A failure of that is logged: the work is done, or comes again."""
    value = json.dumps(result._return_value)
    if len(value) > LARGEST:
        error = ValueError(f"{len(value):,} bytes; a table of results takes {LARGEST:,}")
        report(f"what {result.task.module_path} returned is not kept", error, None, level=logging.WARNING)
        value = "null"
    state = {
        "status": {"S": str(result.status)},
        "return_value": {"S": value},
        "errors": {"S": json.dumps([[each.exception_class_path, each.traceback] for each in result.errors])},
        "worker_ids": {"S": json.dumps(result.worker_ids)},
        "expires": _number(time.time() + KEPT),
        "lease": _number(0),
    } | {name: {"S": when.isoformat()} for name in TIMES if (when := getattr(result, name))}
    names = {f"#{number}": name for number, name in enumerate(state)}
    try:
        _call(
            "UpdateItem",
            Key={"id": {"S": result.id}},
            UpdateExpression="SET " + ", ".join(f"#{number} = :{number}" for number in range(len(state))),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{number}": value for number, value in enumerate(state.values())},
        )
    except CallFailed as error:
        report(f"the result {result.id} could not be written", error, None)


def _read_state(item: Item) -> dict[str, Any]:
    """Return the attributes of a result that change."""
    texts = {name: held["S"] for name, held in item.items() if "S" in held}
    times = {name: datetime.fromisoformat(texts[name]) if name in texts else None for name in TIMES}
    return {
        "status": texts["status"],
        "_return_value": json.loads(texts.get("return_value", "null")),
        "errors": [TaskError(*each) for each in json.loads(texts.get("errors", "[]"))],
        "worker_ids": json.loads(texts.get("worker_ids", "[]")),
        **times,
    }


def _number(value: float) -> dict[str, str]:
    return {"N": f"{value:.3f}"}


def _call(operation: str, **arguments: Any) -> Any:
    return call("dynamodb", f"DynamoDB_20120810.{operation}", {"TableName": os.environ[RESULTS], **arguments})
