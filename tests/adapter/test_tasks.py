"""Tasks without a queue: they run at once, by way of the same JSON, or are collected."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.adapter import tasks
from lambdify.adapter.tasks import NotEnqueued, ResultMissing, Task, task

from .test_imports import loaded_by


def test_a_task_is_still_a_function(shop):
    assert shop.send(7, to="ada") == {"sent": 7}
    assert shop.sent == [(7, "ada")]
    assert (shop.send.name, shop.send.module_path) == ("send", "shop_mail:send")
    assert shop.send.__name__ == "send"


def test_without_a_queue_it_runs_at_once(shop):
    result = shop.send.enqueue(7, to="ada")
    assert shop.sent == [(7, "ada")]
    assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", {"sent": 7}, 1)
    assert result.is_finished
    assert result.enqueued_at <= result.started_at == result.last_attempted_at <= result.finished_at
    assert (len(result.id), result.args, result.kwargs) == (32, [7], {"to": "ada"})


def test_arguments_and_what_is_returned_come_through_json(shop):
    result = shop.send.enqueue((1, 2), to={3: None})
    assert shop.sent == [([1, 2], {"3": None})]
    assert result.return_value == {"sent": [1, 2]}


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        (object(), "Object of type object is not JSON serializable"),
        (datetime.now(UTC), "Object of type datetime is not JSON serializable"),
        (float("nan"), "Out of range float values are not JSON compliant"),
        ({(1,): 2}, "keys must be str"),
        (b"bytes", "Object of type bytes is not JSON serializable"),
    ],
)
@pytest.mark.parametrize("mode", ["", "outbox", "https://sqs.eu-west-1.amazonaws.com/1/tasks"])
def test_what_is_no_json_is_refused_wherever_it_would_go(shop, monkeypatch, mode, argument, why):
    monkeypatch.setenv("LAMBDIFY_TASKS", mode)
    with pytest.raises(NotEnqueued, match=f"^shop_mail:send: arguments have to be JSON: {why}"):
        shop.send.enqueue(argument)
    assert shop.sent == []


def test_an_argument_that_holds_itself_is_refused(shop):
    endless = []
    endless.append(endless)
    with pytest.raises(NotEnqueued, match="arguments have to be JSON: Circular"):
        shop.send.enqueue(endless)


def test_what_a_task_raises_is_logged_and_its_results_and_not_the_callers(shop, caplog):
    result = shop.fail.enqueue(7)
    assert result.status == "FAILED"
    ((kind, traceback),) = result.errors
    assert kind == "builtins.LookupError"
    assert traceback.endswith("LookupError: no order 7\n")
    assert "the task shop_mail:fail failed" in caplog.text
    assert "no order 7" in caplog.text
    with pytest.raises(ValueError, match="the task failed"):
        result.return_value  # noqa: B018


def test_a_task_that_leaves_the_process_fails_like_any_other(shop):
    assert shop.leave.enqueue().errors[0].exception_class_path == "builtins.SystemExit"


def test_a_long_traceback_is_kept_by_its_end(shop):
    (error,) = shop.fail.enqueue("x" * 20_000).errors
    assert len(error.traceback) == 8_000


def test_what_is_no_json_is_not_kept_but_done(shop, caplog):
    result = shop.give_odd.enqueue()
    assert (result.status, result.return_value) == ("SUCCESSFUL", None)
    assert "what shop_mail:give_odd returned is not JSON, so it is not kept" in caplog.text


def test_a_task_may_take_its_context(shop):
    result = shop.tell.enqueue("word")
    assert shop.sent == [(1, result.id, "word")]


def test_a_coroutine_runs_at_once_too(shop):
    assert shop.send_later.enqueue(7).return_value == 7


def test_a_coroutine_that_is_enqueued_within_a_loop_runs_at_once_too(shop):
    async def view():
        return shop.send_later.enqueue(7)

    assert asyncio.run(view()).return_value == 7


@pytest.mark.parametrize("name", ["send", "send_later", "fail"])
def test_aenqueue_runs_it_on_the_loop(shop, name):
    async def view():
        return await getattr(shop, name).aenqueue(7)

    result = asyncio.run(view())
    assert result.status == ("FAILED" if name == "fail" else "SUCCESSFUL")


def test_what_a_coroutine_raises_is_its_results():
    result = asyncio.run(raise_later.aenqueue())
    assert result.errors[0].exception_class_path == "builtins.OSError"
    assert raise_later.enqueue().status == "FAILED"


@task
async def raise_later():
    raise OSError


def test_a_task_that_is_to_run_later_runs_at_once(shop):
    shop.send.using(run_after=timedelta(hours=2)).enqueue(7)
    assert shop.sent == [(7, "all")]


def test_the_outbox_collects_what_would_have_been_sent(shop, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_TASKS", "outbox")
    result = shop.send.enqueue(7, to="ada")
    asyncio.run(shop.send_later.aenqueue(8))
    assert shop.sent == []
    assert tasks.outbox[0] is result
    assert [(each.task.name, each.args, each.kwargs) for each in tasks.outbox] == [
        ("send", [7], {"to": "ada"}),
        ("send_later", [8], {}),
    ]
    assert (result.status, result.is_finished, result.attempts) == ("READY", False, 0)
    with pytest.raises(ValueError, match="has not finished yet"):
        result.return_value  # noqa: B018


def test_aenqueue_does_not_block_the_loop(shop, monkeypatch):
    threads = []

    class Send(Task):
        def _send(self, result, message):
            threads.append(threading.current_thread())

    monkeypatch.setenv("LAMBDIFY_TASKS", "https://sqs.eu-west-1.amazonaws.com/1/tasks")
    asyncio.run(Send(shop.no_task).aenqueue())
    assert threads[0] is not threading.main_thread()


def test_options_of_a_use_leave_the_task_as_it_is(shop):
    changed = shop.fail.using(max_attempts=1, run_after=timedelta(hours=1))
    assert (changed.max_attempts, changed.backoff, changed.run_after) == (1, 30, timedelta(hours=1))
    assert (shop.fail.max_attempts, shop.fail.run_after) == (3, None)
    assert changed.using(backoff=5).max_attempts == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"max_attempts": 0}, "max_attempts cannot be 0"),
        ({"max_attempts": "3"}, "max_attempts cannot be '3'"),
        ({"max_attempts": True}, "max_attempts cannot be True"),
        ({"backoff": -1}, "backoff cannot be -1"),
        ({"backoff": 43_200}, "backoff cannot be 43200: it is in seconds, below 43,200"),
        ({"backoff": None}, "backoff cannot be None"),
        ({"backoff": float("nan")}, "backoff cannot be nan"),
        ({"run_after": datetime(2027, 1, 31)}, "run_after needs a time zone"),  # noqa: DTZ001
    ],
)
def test_options_that_cannot_be_are_refused_where_they_are_written(shop, options, why):
    with pytest.raises(ValueError, match=why):
        shop.send.using(**options)


def test_an_unknown_option_is_none(shop):
    with pytest.raises(TypeError, match="priority"):
        shop.send.using(priority=5)


@pytest.mark.parametrize("function", [lambda: None, threading.Thread.start, print.__call__])
def test_what_no_worker_could_find_is_no_task(function):
    with pytest.raises(ValueError, match="a worker finds it by its name, at the top level of a module"):
        task(function)


def test_a_function_within_a_function_is_no_task():
    def inner(): ...

    with pytest.raises(ValueError, match="at the top level of a module"):
        task(max_attempts=3)(inner)


def test_without_a_table_there_are_no_results(shop):
    result = shop.send.enqueue(7)
    with pytest.raises(ResultMissing, match=r"\[tasks\] results = true keeps them"):
        result.refresh()
    with pytest.raises(ResultMissing):
        asyncio.run(result.arefresh())


def test_an_app_with_tasks_imports_no_http_client():
    heavy = {"http.client", "ssl", "hashlib", "asyncio", "inspect", "uuid", "boto3", "lambdify.adapter.aws"}
    assert not heavy & set(loaded_by("import lambdify.adapter.tasks"))
