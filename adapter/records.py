"""`each`: a function of one record as the handler of a queue's or a stream's batches.

    from lambdify.adapter.records import each

    @each
    def work(record, context): ...

Rules
1. What fails is logged and answered as `batchItemFailures`; AWS repeats that, and nothing else. A batch in
   which all failed is answered in the same way: an exception would tell no more.
   https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
2. A FIFO queue keeps the order within a group: after a failure, the rest of its group waits with it. A
   stream waits at its first failure, from which AWS sends it again.
3. Records whose order is free run at the same time if the function is a coroutine function; those of a group
   or a stream one after the other.
4. A source without such answers (SNS, S3) is told of a failure by its exception.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from lambdify.adapter.errors import EventUnknown, attempt, attempt_async, report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Record = dict[str, Any]
    Begun = tuple[Awaitable[Any], list[Record]]

SQS, DYNAMODB, KINESIS = "aws:sqs", "aws:dynamodb", "aws:kinesis"


def each(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a handler that calls the function with each record of an event, and with the context.

    The handler returns the answer to the batch, and raises nothing of what the function raises, unless the
    source knows no such answers. Raises EventUnknown for an event without records.
    """

    def handle(event: Any, context: Any) -> Any:
        batch = Batch(event, context)
        begun = [each for line in batch.lines for each in _work(function, line, batch)]
        return _finish(function, begun, batch) if begun else batch.answer()

    update_wrapper(handle, function)
    del handle.__wrapped__  # type: ignore[attr-defined]  # its parameters are not the handler's
    return handle


def _work(function: Callable[[Any, Any], Any], line: list[Record], batch: Batch) -> list[Begun]:
    """Call the function with one record after the other, up to the first that fails.

    Return that call which has made a coroutine, as the only item, with its record and those behind it.
    """
    for number, record in enumerate(line):
        result, error = attempt(function, record, batch.context)
        if hasattr(result, "__await__"):
            return [(result, line[number:])]
        if error is not None:
            batch.note_failure(line[number:], error)
            break
    return []


async def _finish(function: Callable[[Any, Any], Any], begun: list[Begun], batch: Batch) -> Any:
    """Await what was begun, all at the same time, and what follows each; return the answer to the batch."""
    import asyncio  # loaded already, by what runs the coroutine

    async def follow(work: Begun) -> None:
        left = [work]
        while left:
            coroutine, line = left.pop()
            _, error = await attempt_async(coroutine)
            if error is not None:
                batch.note_failure(line, error)
            else:
                left = _work(function, line[1:], batch)

    await asyncio.gather(*map(follow, begun))
    return batch.answer()


class Batch:
    """The records of an event, and which of them have failed so far."""

    def __init__(self, event: Any, context: object) -> None:
        """Raise EventUnknown if the event has no records."""
        records = event.get("Records") if isinstance(event, dict) else None
        if not isinstance(records, list):
            from lambdify.adapter import describe

            raise EventUnknown(f"`each` answers events with records; it received {describe(event)}")
        self.context = context
        first = records[0] if records else {}
        self._kind: str = first.get("eventSource") or first.get("EventSource") or ""
        self.lines = _arrange(records, self._kind)
        """Lists of records that have to run in their order."""
        self._failed: list[Record] = []
        self._error: BaseException | None = None

    def note_failure(self, rest: list[Record], error: BaseException) -> None:
        """Log an error, and note the record that it comes from with those that wait behind it."""
        report(f"the record {_identify(rest[0], self._kind)} failed", error, self.context)
        self._error = self._error or error
        self._failed += rest

    def answer(self) -> dict[str, Any]:
        """Return the answer to the batch. Raises the first error if the source knows no such answers."""
        if self._error is not None and self._kind not in (SQS, DYNAMODB, KINESIS):
            raise self._error
        again = self._failed if self._kind == SQS else self._failed[:1]
        return {"batchItemFailures": [{"itemIdentifier": _identify(one, self._kind)} for one in again]}


def _arrange(records: list[Record], kind: str) -> list[list[Record]]:
    """Return the records in lists, within which the order counts."""
    if kind in (DYNAMODB, KINESIS):
        return [records] if records else []
    groups: dict[Any, list[Record]] = {}
    for number, record in enumerate(records):
        ordered = kind == SQS and str(record.get("eventSourceARN", "")).endswith(".fifo")
        key = (
            record["attributes"]["MessageGroupId"] if ordered else number
        )  # standard queues have groups, too
        groups.setdefault(key, []).append(record)
    return list(groups.values())


def _identify(record: Record, kind: str) -> str:
    """Return the name that AWS knows a record by; "" where it has none."""
    place = {
        SQS: record.get("messageId"),
        DYNAMODB: record.get("dynamodb", {}).get("SequenceNumber"),
        KINESIS: record.get("kinesis", {}).get("sequenceNumber"),
    }.get(kind, record.get("Sns", {}).get("MessageId"))
    return place or ""
