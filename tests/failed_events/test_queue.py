"""The failed queue: a look takes nothing away, a retry sends where it came from, and what is dropped goes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from failed_events.test_failure import RAISED, TASK, of_lambda
from stages import stage_in
from waiting import eventually

from lambdify.cli.errors import AccessDenied, AwsError, NotDeployed
from lambdify.cli.failed_events import queue, resending

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


@pytest.fixture
def stage(account, make_settings, monkeypatch):
    monkeypatch.setattr(queue, "WAIT", 0)  # there is but one server here
    return stage_in(account, make_settings())


def messages(account, url):
    """The bodies in a queue, taken out of it."""
    found = account.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return found.get("Messages", [])


def test_a_look_takes_nothing_away(stage, failed):
    ids = [failed(TASK, reason=f"OSError: {number}") for number in range(23)]
    for _ in range(2):
        found = queue.look(stage, most=100)
        assert {each.id for each in found.failures} == set(ids)
        assert found.total == 23
    assert [each.at for each in found.failures] == sorted(each.at for each in found.failures)


def test_no_more_are_looked_at_than_were_asked_for(stage, failed):
    for number in range(12):
        failed({"task": "a:b", "number": number})
    found = queue.look(stage, most=3)
    assert (len(found.failures), found.total) == (3, 12)


def test_one_is_found_by_the_beginning_of_its_id(stage, failed):
    wanted, _ = failed(TASK, reason="OSError: no route"), failed({"task": "a:b"})
    assert queue.find(stage, wanted[:8]).error == "OSError: no route"
    assert queue.find(stage, "zzz") is None
    assert len(queue.look(stage, most=10).failures) == 2


def test_a_stage_without_such_a_queue_says_what_makes_one(stage):
    with pytest.raises(NotDeployed, match="keeps nothing that failed") as caught:
        queue.look(stage, most=10)
    assert "[functions] or [tasks]" in caught.value.hint


def test_an_event_is_sent_to_its_alias_again_and_is_no_failure_any_more(
    stage, failed, deployed, lambdas, arn
):
    resize, report = arn("lambda", "function:shop-dev:resize"), arn("lambda", "function:shop-dev-x:report")
    for number, target in enumerate((resize, report)):
        failed(of_lambda_at(target, {"number": number}))
    sent, refused = resending.retry(stage, deployed, ())
    assert ([each.what for each in sent], refused) == (["resize", "report"], {})
    # Schedules of stages that other tests have may call, too: the cloud is the same.
    assert eventually(lambda: sorted(event.get("number", -1) for _, event in lambdas.calls)[-2:] == [0, 1])
    assert queue.look(stage, most=10).failures == ()


def of_lambda_at(target, event):
    record = of_lambda(requestPayload=event, responsePayload=RAISED)
    return {**record, "requestContext": {**record["requestContext"], "functionArn": target}}


def test_a_lambda_of_its_own_is_known_by_any_of_its_versions(stage, failed, deployed, lambdas, arn):
    for qualifier in (":1", ":$LATEST", ""):
        failed(of_lambda_at(arn("lambda", f"function:shop-dev-x{qualifier}"), {}))
    sent, _ = resending.retry(stage, deployed, ())
    assert len(sent) == 3
    assert eventually(lambda: [event for _, event in lambdas.calls].count({}) == 3)


@pytest.mark.parametrize(
    "target",
    [
        "function:another:report",
        "function:shop-dev:live",
        "function:shop-dev:7",
        "function:shop-dev",
        "layer:shop-dev:resize",
    ],
)
def test_nothing_is_sent_to_what_is_no_function_of_the_stage(stage, failed, deployed, lambdas, arn, target):
    """The app may write to the queue, and whoever retries may invoke more than the app."""
    kept = failed(of_lambda_at(arn("lambda", target), {}))
    also = failed({"source": "aws.scheduler"}, TARGET_ARN=arn("lambda", target), ERROR_CODE="Denied")
    sent, refused = resending.retry(stage, deployed, ())
    assert (sent, set(refused)) == ((), {kept, also})
    assert f"{arn('lambda', target)} is no function of this stage" in refused[kept]
    assert len(queue.look(stage, most=10).failures) == 2
    # The schedules of other stages may call theirs meanwhile.
    assert [event for _, event in lambdas.calls if "lambdify" not in event] == []


def test_another_account_or_region_is_not_the_stage(stage, failed, deployed, lambdas):
    failed(of_lambda_at("arn:aws:lambda:eu-central-1:999999999999:function:shop-dev:resize", {}))
    failed(of_lambda_at("arn:aws:lambda:us-east-1:123456789012:function:shop-dev:resize", {}))
    sent, refused = resending.retry(stage, deployed, ())
    assert (len(sent), len(refused)) == (0, 2)


def test_a_task_goes_to_the_queue_of_tasks_again_without_its_traceback(
    stage, failed, deployed, account, make_queue
):
    tasks = make_queue("shop-dev-tasks")
    failed(TASK, reason="OSError: no route")
    sent, _ = resending.retry(stage, deployed, ())
    assert len(sent) == 1
    (message,) = messages(account, tasks)
    assert json.loads(message["Body"]) == TASK
    assert "MessageAttributes" not in message


def test_a_message_goes_to_the_queue_that_gave_it_up_again(stage, failed, deployed, account, make_queue, arn):
    redrive = {"deadLetterTargetArn": arn("sqs", "shop-dev-failed"), "maxReceiveCount": 1}
    orders = make_queue("orders", VisibilityTimeout="0", RedrivePolicy=json.dumps(redrive))
    own = {"tenant": {"DataType": "String", "StringValue": "7"}}
    account.client("sqs").send_message(QueueUrl=orders, MessageBody="order 7", MessageAttributes=own)
    assert eventually(lambda: not messages(account, orders) and queue.look(stage, most=10).failures)
    (found,) = queue.look(stage, most=10).failures
    assert (found.what, found.target) == ("queue orders", arn("sqs", "orders"))
    sent, _ = resending.retry(stage, deployed, ())
    assert len(sent) == 1
    (message,) = messages(account, orders)
    assert (message["Body"], message["MessageAttributes"]["tenant"]["StringValue"]) == ("order 7", "7")


def test_only_those_that_are_named_are_sent_or_dropped(stage, failed, deployed, make_queue):
    make_queue("shop-dev-tasks")
    one, two, three = (failed({**TASK, "id": number}) for number in range(3))
    sent, _ = resending.retry(stage, deployed, (two[:8],))
    assert [each.id for each in sent] == [two]
    assert [each.id for each in resending.drop(stage, (three,))] == [three]
    assert [each.id for each in queue.look(stage, most=10).failures] == [one]
    assert resending.drop(stage, ("no such id",)) == ()
    assert [each.id for each in resending.drop(stage, ())] == [one]
    assert queue.look(stage, most=10).failures == ()


def test_what_comes_while_others_are_sent_is_for_the_next_run(stage, failed, deployed, make_queue):
    make_queue("shop-dev-tasks")
    failed(TASK)
    before = datetime.now(UTC) - timedelta(minutes=1)
    assert queue.work_off(stage, lambda _: True, lambda _: True, now=before) == ()
    assert len(queue.look(stage, most=10).failures) == 1


def test_what_cannot_be_sent_stays_and_is_there_at_once(stage, failed, deployed, make_queue):
    make_queue("shop-dev-tasks")
    for _ in range(3):
        failed(TASK)
    done = []

    def refuse(failure):
        if done:
            raise AccessDenied("no")
        done.append(failure)
        return True

    with pytest.raises(AccessDenied):
        queue.work_off(stage, lambda _: True, refuse)
    assert len(queue.look(stage, most=10).failures) == 2


def test_a_queue_that_is_gone_is_told_as_aws_tells_it(stage, failed, deployed):
    failed(TASK)  # there is no queue of tasks
    with pytest.raises(AwsError, match=r"(?i)queue does not exist|NonExistentQueue"):
        resending.retry(stage, deployed, ())
    assert len(queue.look(stage, most=10).failures) == 1
