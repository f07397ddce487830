"""Queues that functions work off: batches as their mapping asks for them, and messages that are never lost.

ministack takes ten messages at once, whatever the mapping says, and knows no batching window:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html

It takes a result that is not of the documented form for success, where AWS repeats the whole batch:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

It also takes messages out of a queue by making a new list of those that stay. Senders run in other threads
and add to the old list, so that a message could disappear, or come again. Here a list is changed where it
is: append and remove are one step each for all threads.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ministack.services import lambda_svc, sqs

from lambdify.cli.local.events.batches import read_failures, reports_failures
from lambdify.cli.local.events.replacement import replace

PAUSE = 1.0
"""Seconds in which a mapping takes no message after its function has failed."""
Queue = dict[str, Any]
Message = dict[str, Any]


def install() -> None:
    """Replace how ministack gives messages to functions, and takes them out of queues."""
    replace(sqs, "_receive_messages_for_esm", receive)
    replace(lambda_svc, "_run_sqs_batch", run)
    replace(sqs, "_delete_messages_for_esm", delete_handled)
    replace(sqs, "_dlq_sweep", sweep)
    replace(sqs, "_act_delete_message", delete_message)
    replace(sqs, "_act_delete_message_batch", delete_messages)
    sqs._HANDLERS |= {"DeleteMessage": delete_message, "DeleteMessageBatch": delete_messages}


def receive(queue_url: str, max_number: int) -> list[Message]:
    """Return the next batch of a queue; nothing while it is still gathered."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sweep(queue)
        now = time.time()
        waiting = [each.get("visible_at", 0) for each in queue["messages"] if _is_visible(each, now)]
        if not is_complete(waiting, max_number, _find_window(queue), now):
            return []
        hidden = int(queue["attributes"].get("VisibilityTimeout", "30"))
        batch: list[Message] = sqs._collect_msgs(queue, max_number, hidden)
        return batch


def is_complete(waiting: list[float], size: int, window: float, now: float) -> bool:
    """Return whether a batch is full, or its oldest message has waited for the window.

    `waiting` is when each message became visible, in seconds since 1970, as is `now`.
    """
    return bool(waiting) and (len(waiting) >= size or min(waiting) <= now - window)


def _is_visible(message: Message, now: float) -> bool:
    return bool(message.get("visible_at", 0) <= now)


def _find_window(queue: Queue) -> float:
    arn = queue["attributes"]["QueueArn"]
    found = (esm for *_, esm in lambda_svc._iter_all_esms() if esm["EventSourceArn"] == arn)
    return max((float(esm.get("MaximumBatchingWindowInSeconds") or 0) for esm in found), default=0.0)


def run(
    esm: dict[str, Any],
    func_rec: dict[str, Any],
    event: dict[str, Any],
    batch: list[Message],
    queue_url: str,
    queue_name: str,
) -> None:
    """Give a batch to the function, and take what it has handled out of the queue.

    `batch` also has the messages that a filter has taken out of the event: they are deleted, as on AWS.
    """
    handles = {each["messageId"]: each["receiptHandle"] for each in event["Records"]}
    delete_handled(queue_url, {each["receipt_handle"] for each in batch if each["id"] not in handles})
    result = lambda_svc._execute_function(func_rec, event)
    if result.get("error"):
        esm["LastProcessingResult"] = "PROBLEM: Function call failed"
        lambda_svc._esm_backoff_until[esm["UUID"]] = time.time() + PAUSE
        return
    failed = read_failures(result.get("body"), [*handles]) if reports_failures(esm) else set()
    esm["LastProcessingResult"] = f"{len(failed)} of {len(handles)} messages of {queue_name} failed"
    delete_handled(queue_url, {handle for name, handle in handles.items() if name not in failed})


def delete_handled(queue_url: str, receipt_handles: set[str]) -> None:
    """Take messages out of the queue that a function has handled."""
    _remove(sqs._get_q(queue_url), lambda each: each.get("receipt_handle") in receipt_handles)


def delete_message(data: Mapping[str, Any], qurl: str) -> dict[str, Any]:
    """Answer DeleteMessage."""
    queue = sqs._get_q(data.get("QueueUrl", qurl), "sqs:DeleteMessage")
    handle = data.get("ReceiptHandle") or ""
    if not handle:
        raise sqs._Err("MissingParameter", "The request must contain the parameter ReceiptHandle.")
    if not _remove(queue, lambda each: each.get("receipt_handle") == handle):
        raise sqs._Err("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    return {}


def delete_messages(data: Mapping[str, Any], qurl: str) -> dict[str, Any]:
    """Answer DeleteMessageBatch."""
    entries = data.get("Entries") or []
    sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
    done, failed = [], []
    for entry in entries:
        one = {"QueueUrl": data.get("QueueUrl", qurl), "ReceiptHandle": entry.get("ReceiptHandle")}
        try:
            delete_message(one, qurl)
        except sqs._Err as error:
            reason = {"Code": error.code, "Message": error.message, "SenderFault": True}
            failed.append({"Id": entry["Id"], **reason})
        else:
            done.append({"Id": entry["Id"]})
    return {"Successful": done, "Failed": failed}


def sweep(q: Queue) -> None:
    """Move messages that were received too often to the queue's dead-letter queue."""
    policy = json.loads(q["attributes"].get("RedrivePolicy") or "{}")
    most, arn = int(policy.get("maxReceiveCount") or 0), policy.get("deadLetterTargetArn") or ""
    target = sqs._queue_by_arn(arn) if most and arn else None
    if target is None:
        return
    now = time.time()
    for each in _remove(q, lambda each: each.get("receive_count", 0) >= most and _is_visible(each, now)):
        origin = {"DeadLetterQueueSourceArn": q["attributes"].get("QueueArn", "")}
        moved = {**each, "receipt_handle": None, "visible_at": now, "sys": origin | each.get("sys", {})}
        if target.get("is_fifo"):  # only there the message's age begins anew
            moved["enqueued_at"] = now
        target["messages"].append(moved)
        sqs.esm_wake.set()


def _remove(queue: Queue, matches: Callable[[Message], bool]) -> list[Message]:
    """Take the messages out that match, and return those that no other thread took out first."""
    messages, removed = queue["messages"], []
    for each in [message for message in list(messages) if matches(message)]:
        with suppress(ValueError):
            messages.remove(each)
            removed.append(each)
    return removed
