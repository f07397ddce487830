"""`each`: which records AWS is to send again, source by source."""

import asyncio
from typing import Any

import pytest

from lambdify.adapter.errors import EventUnknown
from lambdify.adapter.loading import find_interface
from lambdify.adapter.records import each

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"


def message(number: int, group: str = "", *, fifo: bool = True) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"} | ({"MessageGroupId": group} if group else {})
    arn = f"{QUEUE}.fifo" if group and fifo else QUEUE
    return {
        "messageId": str(number),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "attributes": attributes,
        "body": str(number),
    }


def change(number: int) -> dict[str, Any]:
    return {"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": str(number)}}


def click(number: int) -> dict[str, Any]:
    return {"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": str(number)}}


def number_of(record: dict[str, Any]) -> str:
    held = record.get("dynamodb", {}).get("SequenceNumber") or record.get("kinesis", {}).get("sequenceNumber")
    return held or record.get("messageId") or record.get("Sns", {}).get("MessageId", "")


class Work:
    """A function of one record that notes what it did, and raises for some."""

    def __init__(self, *bad: int) -> None:
        self.bad = {str(number) for number in bad}
        self.did: list[str] = []

    def now(self, record: Any, context: Any) -> None:
        self.did.append(number_of(record))
        if number_of(record) in self.bad:
            raise LookupError(number_of(record))

    async def later(self, record: Any, context: Any) -> None:
        await asyncio.sleep(0)
        self.now(record, context)

    def made_later(self, record: Any, context: Any) -> Any:
        """A coroutine of a function that is none, and may raise before there is one."""
        if number_of(record) in self.bad:
            self.now(record, context)
        return self.later(record, context)


@pytest.fixture(params=["now", "later", "made_later"])
def handle(request: pytest.FixtureRequest) -> Any:
    """`handle(work, *records)`: the numbers that AWS is to send again."""

    def run(work: Work, *records: Any) -> list[str]:
        answer = each(getattr(work, request.param))({"Records": list(records)}, None)
        if hasattr(answer, "__await__"):

            async def finish() -> Any:
                return await answer

            answer = asyncio.run(finish())
        assert answer.keys() == {"batchItemFailures"}
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return run


def test_a_batch_without_a_failure_is_done(handle):
    work = Work()
    assert handle(work, message(1), message(2)) == []
    assert sorted(work.did) == ["1", "2"]


@pytest.mark.parametrize(("bad", "again"), [([1], ["1"]), ([2], ["2"]), ([1, 3], ["1", "3"])])
def test_of_a_queue_what_failed_comes_again_and_nothing_else(handle, caplog, bad, again):
    work = Work(*bad)
    assert sorted(handle(work, message(1), message(2), message(3))) == again
    assert sorted(work.did) == ["1", "2", "3"]
    assert f"the record {again[0]} failed" in caplog.text
    assert f"LookupError: {again[0]}" in caplog.text


def test_a_batch_in_which_all_failed_is_no_exception(handle):
    assert sorted(handle(Work(1, 2), message(1), message(2))) == ["1", "2"]


def test_of_a_fifo_queue_the_rest_of_the_group_waits_with_what_failed(handle):
    work = Work(1)
    batch = [message(1, "a"), message(2, "b"), message(3, "a"), message(4, "b"), message(5, "a")]
    assert sorted(handle(work, *batch)) == ["1", "3", "5"]
    assert sorted(work.did) == ["1", "2", "4"]


def test_a_failure_in_the_middle_of_a_group_leaves_what_was_before_it_done(handle):
    work = Work(3)
    assert handle(work, message(1, "a"), message(3, "a"), message(5, "a")) == ["3", "5"]
    assert work.did == ["1", "3"]


def test_groups_of_a_standard_queue_are_no_order(handle):
    work = Work(1)
    assert handle(work, message(1, "a", fifo=False), message(2, "a", fifo=False)) == ["1"]
    assert sorted(work.did) == ["1", "2"]


@pytest.mark.parametrize("record", [change, click])
def test_a_stream_goes_on_at_its_first_failure(handle, record):
    work = Work(2, 3)
    assert handle(work, record(1), record(2), record(3), record(4)) == ["2"]
    assert work.did == ["1", "2"]


def test_a_source_that_knows_no_such_answer_is_told_by_the_exception(handle):
    record = {"EventSource": "aws:sns", "Sns": {"MessageId": "7"}}
    assert handle(Work(), record) == []
    with pytest.raises(LookupError, match="7"):
        handle(Work(7), record)


def test_records_of_no_order_run_at_the_same_time_if_they_can():
    together = asyncio.Barrier(3)

    @each
    async def work(record, context):
        await asyncio.wait_for(together.wait(), 30)

    async def run():
        return await work({"Records": [message(1), message(2), message(3)]}, None)

    assert asyncio.run(run()) == {"batchItemFailures": []}


def test_a_function_that_ends_the_process_fails_for_that_record_alone():
    @each
    def work(record, context):
        if record["messageId"] == "1":
            raise SystemExit(1)

    answer = work({"Records": [message(1), message(2)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_ctrl_c_ends_it():
    @each
    def work(record, context):
        raise KeyboardInterrupt

    @each
    async def work_later(record, context):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work({"Records": [message(1)]}, None)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(work_later({"Records": [message(1)]}, None))


def test_no_records_are_no_failure():
    assert each(Work().now)({"Records": []}, None) == {"batchItemFailures": []}


@pytest.mark.parametrize("event", [{}, None, {"Records": {}}, {"source": "aws.scheduler", "detail": {}}])
def test_an_event_without_records_is_refused(event):
    with pytest.raises(EventUnknown, match="`each` answers events with records; it received"):
        each(Work().now)(event, None)


def test_the_context_comes_with_each_record(context):
    seen = []
    each(lambda record, given: seen.append(given))({"Records": [message(1)]}, context)
    assert seen == [context]


def test_the_handler_has_the_name_of_the_function_and_a_handlers_parameters():
    @each
    def work(record, context):
        """Work."""

    assert (work.__name__, work.__doc__) == ("work", "Work.")
    assert find_interface(work) == "handler"
