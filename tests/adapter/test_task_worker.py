"""The worker of tasks: what it runs, what comes again and when, what is put to what failed."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.errors import EventUnknown
from lambdify.adapter.functions import Functions

from .aws_service import AwsService
from .task_project import FAILED, QUEUE

NO = (400, {"__type": "AccessDenied", "message": "not allowed"})


def wsgi(environ, start_response):
    raise AssertionError


def make_record(body: Any, number: int = 1, identity: str = "m-1") -> dict[str, Any]:
    return {
        "messageId": identity,
        "receiptHandle": f"handle of {identity}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(number), "SentTimestamp": "1700000000123"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:shop-dev-tasks",
    }


def make_message(name: str, *args: Any, **more: Any) -> dict[str, Any]:
    return {"id": "t-1", "task": f"shop_mail:{name}", "args": args, "kwargs": {}, **more}


def work(
    *records: dict[str, Any], attempts: int | None = None, alias: str = ":tasks", remaining: int = 10_000
) -> list[str]:
    """The messages that are to come again."""
    context = SimpleNamespace(
        aws_request_id="42",
        invoked_function_arn=f"arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-tasks{alias}",
        get_remaining_time_in_millis=lambda: remaining,
    )
    settings = {} if attempts is None else {"attempts": attempts}
    route = Functions({"tasks": settings}, Adapter(wsgi)).before(lambda event, context: "the app")
    answer = route({"Records": list(records)}, context)
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def hidden(service: AwsService) -> list[int]:
    """For how many seconds messages were hidden, in that order."""
    return [
        arguments["VisibilityTimeout"]
        for operation, _, arguments in service.asked
        if operation == "AmazonSQS.ChangeMessageVisibility"
    ]


def buried(service: AwsService) -> list[tuple[str, str]]:
    """The messages put to what failed, each with its reason."""
    return [
        (
            arguments["MessageBody"],
            arguments.get("MessageAttributes", {}).get("reason", {}).get("StringValue"),
        )
        for operation, _, arguments in service.asked
        if operation == "AmazonSQS.SendMessage" and arguments["QueueUrl"] == FAILED
    ]


def test_a_task_is_run_and_its_message_is_done(shop, queue, validate):
    service = queue()
    assert work(make_record(make_message("send", 7))) == []
    assert shop.sent == [(7, "all")]
    assert hidden(service) == [12], "the time that is left and two seconds: a dead worker is made up for then"
    assert service.asked[0][2]["ReceiptHandle"] == "handle of m-1"
    assert service.asked[0][2]["QueueUrl"] == QUEUE
    assert buried(service) == []
    validate(service)


def test_what_enqueue_sends_is_what_the_worker_runs(shop, queue):
    service = queue()
    shop.send.enqueue(7, to="ada")
    assert work(make_record(service.asked[0][2]["MessageBody"])) == []
    assert shop.sent == [(7, "ada")]


@pytest.mark.parametrize("name", ["send_later", "send"])
def test_functions_and_coroutines_are_run(shop, queue, name):
    queue()
    assert work(make_record(make_message(name, 7))) == []
    assert len(shop.sent) == 1


def test_where_the_arn_tells_nothing_the_queue_does(shop, queue):
    queue()
    assert work(make_record(make_message("send", 7)), alias="") == []
    assert shop.sent == [(7, "all")]


def test_the_alias_of_tasks_takes_nothing_but_their_queue(queue):
    queue()
    with pytest.raises(EventUnknown, match="tasks come from their queue"):
        work({"eventSource": "aws:kinesis"})


def test_a_task_that_raises_comes_again_after_its_backoff_which_doubles(shop, queue, caplog, validate):
    service = queue()
    for number, seconds in ((1, 30), (2, 60)):
        assert work(make_record(make_message("fail", 7), number)) == ["m-1"]
        assert hidden(service)[-1] == pytest.approx(seconds, rel=0.1, abs=1)
        assert f"the task shop_mail:fail failed, attempt {number} of 3" in caplog.text
    assert buried(service) == []
    assert "LookupError: no order 7" in caplog.text
    validate(service)


def test_after_its_last_attempt_it_is_put_to_what_failed_with_its_traceback(shop, queue, validate):
    service = queue()
    record = make_record(make_message("fail", 7), 3)
    assert work(record) == [], "it is done with here"
    ((body, reason),) = buried(service)
    assert body == record["body"]
    assert reason.endswith("LookupError: no order 7\n")
    assert "shop_mail.py" in reason
    validate(service)


@pytest.mark.parametrize(("number", "again"), [(1, ["m-1"]), (2, [])])
def test_the_queues_attempts_are_the_most(shop, queue, number, again):
    service = queue()
    assert work(make_record(make_message("fail", 7), number), attempts=2) == again
    assert len(buried(service)) == (not again)


def test_without_an_option_of_its_own_a_task_has_the_queues_attempts(shop, queue):
    queue()
    assert work(make_record(make_message("leave"), 4)) == ["m-1"]
    assert work(make_record(make_message("leave"), 5)) == []


def test_options_that_the_caller_changed_are_the_ones(shop, queue):
    service = queue()
    assert work(make_record(make_message("fail", 7, max_attempts=2, backoff=5), 1)) == ["m-1"]
    assert hidden(service)[-1] == pytest.approx(5, rel=0.1, abs=1)
    assert work(make_record(make_message("fail", 7, max_attempts=2, backoff=5), 2)) == []


def test_a_task_hears_which_attempt_it_is(shop, queue):
    queue()
    work(make_record(make_message("tell", "word"), 4))
    assert shop.sent == [(4, "t-1", "word")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"task": "os:system", "args": ["exit 3"]}, "os:system is not a task"),
        ({"task": "shop_mail:no_task"}, "shop_mail:no_task is not a task"),
        ({"task": "shop_mail:sent"}, "shop_mail:sent is not a task"),
        ({"task": "shop_mail"}, "is not the name of a task, as package.module:function"),
        ({"task": "os:__loader__.exec_module"}, "is not the name of a task"),
        ({"task": ".shop_mail:send"}, "is not the name of a task"),
        ({"task": 7}, "id, task and backend have to be text"),
        ({"task": "shop_mail:send", "args": 7}, "the message asks for no task: TypeError"),
        ({"task": "shop_mail:send", "kwargs": [7]}, "the message asks for no task: TypeError"),
        ({"task": "shop_mail:send", "enqueued_at": "soon"}, "the message asks for no task: ValueError"),
        ({"task": "shop_mail:send", "max_attempts": 0}, "max_attempts cannot be 0"),
        ({}, "the message asks for no task: KeyError: 'task'"),
        ([], "the message asks for no task: AttributeError"),
        ("hello", "the message asks for no task: JSONDecodeError"),
        ("[" * 100_000, "the message asks for no task: RecursionError"),
    ],
)
def test_what_is_no_task_is_put_to_what_failed_and_nothing_is_called(shop, queue, validate, body, why):
    service = queue()
    record = make_record(body)
    assert work(record) == []
    ((kept, reason),) = buried(service)
    assert kept == record["body"]
    assert why in reason
    assert shop.sent == []
    validate(service)


@pytest.mark.parametrize("name", ["no_such_shop:send", "shop_mail:not_yet", "shop_that_raises:send"])
def test_a_task_that_is_not_there_may_be_there_after_the_deployment(shop, queue, tmp_path, name):
    (tmp_path / "shop_that_raises.py").write_text("raise OSError('no database')")
    service = queue()
    assert work(make_record({"task": name})) == ["m-1"]
    assert hidden(service)[-1] == pytest.approx(10, rel=0.1, abs=1)
    assert work(make_record({"task": name}, 5)) == []
    assert len(buried(service)) == 1


def test_another_program_may_send_a_message_with_the_name_and_the_arguments_alone(shop, queue):
    queue()
    assert work(make_record({"task": "shop_mail:tell", "args": ["word"]})) == []
    assert shop.sent == [(1, "m-1", "word")]


def test_of_a_batch_each_message_is_settled_by_itself(shop, queue):
    queue()
    records = [
        make_record(make_message("send", 1), identity="m-1"),
        make_record(make_message("fail", 2), identity="m-2"),
        make_record("nonsense", identity="m-3"),
        make_record(make_message("send", 4), identity="m-4"),
    ]
    assert work(*records) == ["m-2"]
    assert [order for order, _ in shop.sent] == [1, 4]


def test_what_cannot_be_kept_comes_again(shop, queue, caplog):
    queue((200, {}), NO)
    assert work(make_record("nonsense")) == ["m-1"]
    assert "what failed could not be kept, and comes again" in caplog.text


def test_a_message_that_cannot_be_hidden_is_worked_on_all_the_same(shop, queue, caplog):
    queue(NO)
    assert work(make_record(make_message("send", 7))) == []
    assert shop.sent == [(7, "all")]
    assert "a task comes again later than it should" in caplog.text


def test_what_is_hidden_for_long_stays_below_the_limit_of_sqs(shop, queue, validate):
    service = queue()
    work(make_record(make_message("fail", 7, backoff=40_000), 2))
    assert hidden(service)[-1] == 43_100
    validate(service)


@pytest.mark.parametrize("room", [0, 50, 5_000])
def test_a_message_of_the_largest_size_is_kept_with_as_much_of_the_reason_as_there_is_room_for(
    shop, queue, validate, room
):
    service = queue()
    body = "x" * (1_048_576 - room)
    assert work(make_record(body)) == []
    ((kept, reason),) = buried(service)
    assert len(kept) + (len("reasonString") + len(reason) if reason else 0) <= 1_048_576
    assert bool(reason) == (room > 100)


def test_a_reason_is_text_that_sqs_takes(shop, queue):
    service = queue()
    work(make_record(make_message("fail", "\x00\x1b[31m\ud800 \U0001f600 \uffff größer"), 3))
    ((_, reason),) = buried(service)
    assert not {character for character in reason if ord(character) < 32} - {"\n", "\t"}
    assert "no order ??[31m\\ud800 \U0001f600 ? größer" in reason


@pytest.mark.parametrize("room", [200, 201, 202, 203])
def test_a_reason_that_is_cut_is_cut_between_letters(shop, queue, room):
    service = queue()
    message = {**make_message("fail", "\u4f60" * 100), "padding": ""}
    empty = 1_048_576 - len(json.dumps(message)) - room
    work(make_record({**message, "padding": "x" * empty}, 3))
    ((_, reason),) = buried(service)
    assert reason.endswith("\u4f60\n")
    assert room - 100 - 3 < len(reason.encode()) <= room - 100
