"""Queues that a function works off in the local cloud: batches, failures, order, limits."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from local.events.observed import Observed, arn_of
from waiting import eventually

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


def test_messages_are_given_to_the_alias_and_deleted(function: Observed, mark: str) -> None:
    url = function.queue_mapping(mark)
    function.send(url, "a", "b")
    assert eventually(lambda: [*function.calls(mark)] and function.count(url) == 0)
    calls = function.calls(mark)
    assert sorted(body for call in calls for body in call.bodies) == ["a", "b"]
    assert {call.arn for call in calls} == {function.alias}
    assert calls[0].records[0]["eventSource"] == "aws:sqs"
    assert calls[0].records[0]["attributes"]["ApproximateReceiveCount"] == "1"


def test_what_is_reported_as_failed_comes_again_and_then_to_the_dead_letters(
    function: Observed, mark: str
) -> None:
    dead = function.queue(f"{mark}-dead")
    policy = {"deadLetterTargetArn": arn_of("sqs", f"{mark}-dead"), "maxReceiveCount": 2}
    url = function.queue_mapping(mark, hidden=5)
    function.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(policy)}
    )
    function.send(url, "good", "fail")
    assert eventually(lambda: function.count(dead) == 1)
    (left,) = function.take(dead)
    assert left["Body"] == "fail"
    assert function.count(url) == 0
    handled = [body for call in function.calls(mark) for body in call.bodies]
    assert handled.count("fail") == 2
    assert handled.count("good") == 1


@pytest.mark.parametrize("body", ["boom", "odd"], ids=["it raises", "it returns what AWS does not know"])
def test_a_batch_that_fails_as_a_whole_comes_again_as_a_whole(
    function: Observed, mark: str, body: str
) -> None:
    url = function.queue_mapping(mark, hidden=5, MaximumBatchingWindowInSeconds=1)
    function.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    function.send(url, "good", body)
    assert eventually(lambda: len(function.calls(mark)) >= 2)
    assert [sorted(call.bodies) for call in function.calls(mark)[:2]] == [sorted(["good", body])] * 2
    assert function.count(url) == 2


def test_a_batch_is_gathered_up_to_its_size_and_window(function: Observed, mark: str) -> None:
    url = function.queue_mapping(mark, BatchSize=25, MaximumBatchingWindowInSeconds=2)
    begun = time.time()
    function.send(url, *(str(number) for number in range(35)))
    assert eventually(lambda: function.count(url) == 0 and function.calls(mark))
    first, second = function.calls(mark)
    assert len(first.bodies) == 25
    assert len(second.bodies) == 10
    assert first.at - begun < second.at - begun
    assert second.at - begun >= 2


def test_a_group_of_a_fifo_queue_keeps_its_order_and_stops_at_a_failure(
    function: Observed, mark: str
) -> None:
    name = f"{mark}.fifo"
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "5"}
    url = function.queue(name, **attributes)
    function.make(mark, {"Source": function.mapping(arn_of("sqs", name), BatchSize=1)})
    function.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    for group, body in (("a", "1 fail"), ("a", "2"), ("b", "3"), ("b", "4")):
        function.client("sqs").send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    assert eventually(lambda: len(function.calls(mark)) >= 4)
    handled = [body for call in function.calls(mark) for body in call.bodies][:4]
    assert handled.count("1 fail") == 2
    assert [body for body in handled if body in {"3", "4"}] == ["3", "4"]
    assert "2" not in handled, "it passed the one before it that failed"


def test_a_filter_drops_what_does_not_match_and_goes_when_the_template_has_it_no_longer(
    function: Observed, mark: str
) -> None:
    url = function.queue(mark)
    source = arn_of("sqs", mark)
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["new"]}})}]}
    function.make(mark, {"Source": function.mapping(source, FilterCriteria=filters, BatchSize=1)})
    new, old = json.dumps({"kind": "new"}), json.dumps({"kind": "old"})
    function.send(url, old, new)
    assert eventually(lambda: function.count(url) == 0)
    assert [call.bodies for call in function.calls(mark)] == [[new]]
    function.change(mark, {"Source": function.mapping(source, BatchSize=1)})
    function.send(url, old)
    assert eventually(lambda: len(function.calls(mark)) == 2)
    assert function.calls(mark)[1].bodies == [old]


def test_a_mapping_follows_its_template_to_another_alias_and_can_be_switched_off(
    function: Observed, mark: str
) -> None:
    url = function.queue(mark)
    source = arn_of("sqs", mark)
    function.make(mark, {"Source": function.mapping(source)})
    lambda_ = function.client("lambda")
    lambda_.create_alias(FunctionName=function.name, Name=mark, FunctionVersion="1")
    other = function.alias.replace(":live", f":{mark}")
    function.change(mark, {"Source": function.mapping(source, FunctionName=other)})
    function.send(url, "a")
    assert eventually(lambda: function.calls(mark))
    assert function.calls(mark)[0].arn == other
    function.change(mark, {"Source": function.mapping(source, FunctionName=other, Enabled=False)})
    function.send(url, "b")
    found = lambda_.list_event_source_mappings(EventSourceArn=source)["EventSourceMappings"]
    assert [each["State"] for each in found] == ["Disabled"]
    function.change(mark, {"Source": function.mapping(source, FunctionName=function.alias)})
    assert eventually(lambda: len(function.calls(mark)) == 2)
    assert function.calls(mark)[1].arn == function.alias


def test_a_queue_that_hides_messages_for_too_short_a_time_is_refused(function: Observed, mark: str) -> None:
    function.queue(mark, VisibilityTimeout="4")
    with pytest.raises(
        ClientError, match="Queue visibility timeout: 4 seconds is less than Function timeout: 5"
    ):
        function.client("lambda").create_event_source_mapping(
            EventSourceArn=arn_of("sqs", mark), FunctionName=function.alias
        )


def test_a_message_of_more_than_a_megabyte_is_refused(function: Observed, mark: str) -> None:
    url = function.queue(mark)
    function.client("sqs").send_message(QueueUrl=url, MessageBody="x" * 1_048_576)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        function.client("sqs").send_message(QueueUrl=url, MessageBody="x" * 1_048_577)


def test_a_source_with_a_slow_function_does_not_hold_up_the_others(function: Observed, mark: str) -> None:
    slow = function.queue_mapping(f"{mark}slow", BatchSize=1)
    quick = function.queue_mapping(f"{mark}quick", BatchSize=1)
    function.send(slow, "slow")
    assert eventually(lambda: function.calls(f"{mark}slow"))
    function.send(quick, "a")
    assert eventually(lambda: function.calls(f"{mark}quick"))
    assert eventually(lambda: function.count(slow) == 0)
    (began, quickly) = (function.calls(f"{mark}{each}")[0].at for each in ("slow", "quick"))
    assert quickly - began < 3, "the slow one takes three seconds"
