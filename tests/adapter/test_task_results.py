"""Results of tasks in a table, and that a message which is delivered twice is a task that is done once."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from lambdify.adapter.tasks import NotEnqueued, ResultMissing, results
from lambdify.cli.aws import Account

from .test_task_worker import NO, buried, hidden, make_message, make_record, work

TABLE = "shop-dev-results"


@pytest.fixture
def table(shop: Any, cloud: str, account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with the queues and the table of a stage, whose keys the function has."""
    for name in ("shop-dev-tasks", "shop-dev-failed"):
        account.client("sqs").create_queue(QueueName=name)
    account.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    base = f"{cloud}/{account.account_id}"
    for name, value in {
        "LAMBDIFY_TASKS": f"{base}/shop-dev-tasks",
        "LAMBDIFY_TASKS_FAILED": f"{base}/shop-dev-failed",
        "LAMBDIFY_TASKS_RESULTS": TABLE,
        "AWS_ENDPOINT_URL": cloud,
        "AWS_REGION": account.region,
        "AWS_ACCESS_KEY_ID": account.account_id,
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def receive(table: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`receive()`: the next message, as Lambda hands it on."""
    sqs = table.client("sqs")
    address = sqs.get_queue_url(QueueName="shop-dev-tasks")["QueueUrl"]

    def receive(number: int = 1) -> dict[str, Any]:
        (message,) = sqs.receive_message(QueueUrl=address, WaitTimeSeconds=10)["Messages"]
        record = make_record(message["Body"], number, message["MessageId"])
        return record | {"receiptHandle": message["ReceiptHandle"]}

    return receive


def test_a_result_is_there_from_the_beginning_and_tells_what_became_of_it(shop, receive):
    result = shop.send.enqueue(7, to="ada")
    found = shop.send.get_result(result.id)
    assert (found.status, found.args, found.kwargs) == ("READY", [7], {"to": "ada"})
    assert found.enqueued_at == result.enqueued_at
    assert work(receive()) == []
    result.refresh()
    assert (result.status, result.return_value, result.worker_ids) == ("SUCCESSFUL", {"sent": 7}, ["42"])
    assert result.enqueued_at < result.started_at == result.last_attempted_at < result.finished_at


def test_results_can_be_awaited(shop, receive):
    async def view():
        result = await shop.send_later.aenqueue(7)
        await result.arefresh()
        return result

    result = asyncio.run(view())
    assert result.status == "READY"
    work(receive())
    asyncio.run(result.arefresh())
    assert result.return_value == 7


def test_each_attempt_leaves_its_error(shop, receive):
    result = shop.fail.using(backoff=0).enqueue(7)
    record = receive()
    record["attributes"]["ApproximateReceiveCount"] = "1"
    assert work(record) == [record["messageId"]]
    result.refresh()
    assert (result.status, result.attempts, len(result.errors)) == ("READY", 1, 1)
    for number in (2, 3):
        record["attributes"]["ApproximateReceiveCount"] = str(number)
        work(record)
    result.refresh()
    assert (result.status, result.attempts) == ("FAILED", 3)
    assert [error.exception_class_path for error in result.errors] == ["builtins.LookupError"] * 3
    assert "no order 7" in result.errors[0].traceback


def test_what_was_delivered_twice_is_done_once(shop, receive):
    shop.send.enqueue(7)
    record = receive()
    assert work(record) == []
    assert work(record | {"messageId": "another"}) == []
    assert shop.sent == [(7, "all")]


def test_what_another_worker_has_is_left_to_it_and_comes_again_when_it_may_have_died(shop, receive):
    result = shop.send.enqueue(7)
    record = receive()
    assert results.claim(result, 60) is None
    assert 59 < results.claim(result, 60) <= 60
    assert work(record) == [record["messageId"]]
    assert shop.sent == []
    assert results.claim(result, -1) is not None


def test_a_worker_that_died_gives_its_task_back_when_its_time_is_over(shop, receive):
    result = shop.send.enqueue(7)
    assert results.claim(result, -0.1) is None
    assert work(receive(2)) == []
    result.refresh()
    assert shop.sent == [(7, "all")]
    assert result.worker_ids == ["?", "42"]


def test_of_many_workers_one_gets_the_task(shop, receive):
    result = shop.send.enqueue(7)
    with ThreadPoolExecutor(8) as threads:
        claims = [threads.submit(results.claim, shop.send.get_result(result.id), 60) for _ in range(8)]
    assert [claim.result() for claim in claims].count(None) == 1


def test_what_failed_for_good_may_be_sent_again(shop, receive):
    result = shop.fail.enqueue(7)
    record = receive(3)
    assert work(record) == []
    result.refresh()
    assert result.status == "FAILED"
    record["attributes"]["ApproximateReceiveCount"] = "1"
    assert work(record) == [record["messageId"]]
    result.refresh()
    assert (result.status, len(result.errors)) == ("READY", 2)


def test_a_message_without_an_item_in_the_table_is_run_all_the_same(shop, table):
    assert work(make_record(make_message("send", 7))) == []
    assert shop.sent == [(7, "all")]
    with pytest.raises(ResultMissing, match="there is no result t-1 of shop_mail:send"):
        shop.send.get_result("t-1")


def test_a_result_of_another_task_is_none_of_this_one(shop, table):
    result = shop.send.enqueue(7)
    with pytest.raises(ResultMissing, match=f"there is no result {result.id} of shop_mail:fail"):
        shop.fail.get_result(result.id)


def test_an_item_is_kept_for_fourteen_days_after_its_last_change(shop, receive, table):
    def expires():
        key = {"id": {"S": result.id}}
        item = table.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
        return float(item["expires"]["N"]) - result.enqueued_at.timestamp()

    result = shop.send.using(run_after=timedelta(seconds=600)).enqueue(7)
    assert expires() == pytest.approx(14 * 86_400 + 600, abs=1)
    work(make_record(make_message("send", 7, id=result.id)))
    assert expires() == pytest.approx(14 * 86_400, abs=60)


@pytest.mark.parametrize("size", [170_000, 190_000])
def test_what_a_task_returns_is_kept_up_to_a_size(shop, receive, caplog, size):
    result = shop.send_later.enqueue("x" * 10)
    record = receive()
    body = json.loads(record["body"]) | {"args": ["x" * size]}
    assert work(record | {"body": json.dumps(body)}) == []
    result.refresh()
    assert result.status == "SUCCESSFUL"
    assert result.return_value == ("x" * size if size < 180_000 else None)
    assert ("returned is not kept" in caplog.text) == (size > 180_000)


# -------------------------------------------------------------------- without a cloud


@pytest.fixture
def stubbed(shop, queue, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_TASKS_RESULTS", TABLE)
    return queue


def test_arguments_are_kept_up_to_a_size(shop, stubbed):
    service = stubbed()
    with pytest.raises(NotEnqueued, match=r"19\d,\d\d\d bytes; a table of results takes 180,000"):
        shop.send.enqueue("x" * 190_000)
    assert service.asked == []


def test_a_table_that_refuses_is_told_and_nothing_is_sent(shop, stubbed):
    service = stubbed(NO)
    with pytest.raises(NotEnqueued, match="shop_mail:send: PutItem: AccessDenied: not allowed"):
        shop.send.enqueue(7)
    assert len(service.asked) == 1


def test_every_call_is_one_of_dynamodbs_model(shop, stubbed, validate):
    item = {
        "id": {"S": "t-1"},
        "status": {"S": "READY"},
        "task": {"S": "shop_mail:send"},
        "backend": {"S": ""},
        "arguments": {"S": "[[], {}]"},
    }
    service = stubbed((200, {"Attributes": item, "Item": item}))
    shop.send.enqueue(7)
    work(make_record(make_message("send", 7)))
    shop.send.get_result("t-1")
    assert [asked.partition(".")[2] for asked, _, _ in service.asked] == [
        "PutItem",
        "SendMessage",
        "ChangeMessageVisibility",
        "UpdateItem",
        "UpdateItem",
        "GetItem",
    ]
    validate(service)


def test_a_task_that_cannot_be_claimed_is_not_run_and_comes_again(shop, stubbed, caplog):
    service = stubbed((200, {}), NO, (200, {}))
    assert work(make_record(make_message("send", 7))) == ["m-1"]
    assert shop.sent == []
    assert hidden(service) == [12, 10]
    assert "the task shop_mail:send was not begun" in caplog.text
    assert buried(service) == []


def test_a_result_that_cannot_be_written_leaves_the_work_done(shop, stubbed, caplog):
    claimed = (200, {"Attributes": {"status": {"S": "RUNNING"}}})
    stubbed((200, {}), claimed, NO)
    assert work(make_record(make_message("send", 7))) == []
    assert "the result t-1 could not be written" in caplog.text
