"""Django's tasks: by the package for this Django, and by Django 6's own, where a Python can have it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from uv import find_uv_bin

from lambdify.cli.aws import Account
from lambdify.cli.programs import pythons

from .django_project import SETTINGS, TASKS
from .entry_process import ADAPTER
from .test_task_results import table
from .test_task_worker import buried, hidden

__all__ = ["table"]

pytestmark = pytest.mark.slow

Run = Callable[..., Any]

both = pytest.mark.parametrize(
    "run", ["package", pytest.param("own", marks=pytest.mark.index)], indirect=True
)
"""The tests that Django 6 has to pass, too: each takes a process, and that one its installation."""


@pytest.fixture(scope="session")
def django_6(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with Django 6, which needs Python 3.12."""
    python = next(filter(None, map(pythons.find, ("3.14", "3.13", "3.12"))), None)
    if python is None:
        pytest.skip("Django 6 did NOT run: no Python 3.12 or later was found")
    folder = tmp_path_factory.mktemp("django") / "venv"
    for words in (
        ("venv", "--quiet", "--python", str(python), str(folder)),
        ("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "django>=6,<7"),
    ):
        subprocess.run([find_uv_bin(), *words], check=True, timeout=300)
    return folder / "bin" / "python"


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """`run(code)`: what the code tells, in a process of the project's."""
    python = sys.executable
    if getattr(request, "param", "package") == "own":
        python = str(request.getfixturevalue("django_6"))
    copytree(ADAPTER, tmp_path / "lambdify" / "adapter", ignore=lambda *_: ["__pycache__"])
    (tmp_path / "shop_tasks.py").write_text(TASKS)
    environ = {"TZ": "UTC", "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(code: str) -> Any:
        done = subprocess.run(
            [python, "-c", SETTINGS + code],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env=os.environ | environ,
        )
        assert done.returncode == 0, done.stderr
        *_, last = done.stdout.splitlines()
        return json.loads(last)

    return run


MESSAGE = {"id": "t-1", "backend": "default", "args": [7], "kwargs": {}}


def message(name: str, **more: Any) -> str:
    return json.dumps(MESSAGE | {"task": f"shop_tasks.{name}"} | more)


@both
def test_without_a_queue_a_task_has_run(run):
    told = run(
        "first = shop.send.enqueue(7, to='ada')\nsecond = shop.fail.enqueue(8)\n"
        "third = shop.send_later.enqueue(9)\nfourth = shop.note.enqueue('word')\n"
        "tell(shop.sent[:-1], shop.sent[-1][0], first.return_value, str(first.status),\n"
        "     str(first.status.label),\n"
        "     str(second.status), second.errors[0].exception_class.__name__, second.errors[0].traceback,\n"
        "     third.return_value, first.attempts, heard[:3], [first.enqueued_at <= first.started_at])"
    )
    sent, attempt, value, status, label, failed, error, traceback, later, attempts, heard, order = told
    assert sent == [[7, "ada"], 9]
    assert (value, status, label, attempts, attempt) == ({"sent": 7}, "SUCCESSFUL", "Successful", 1, 1)
    assert (failed, error, later) == ("FAILED", "LookupError", 9)
    assert traceback.endswith("LookupError: no order 8\n")
    assert heard == ["enqueued", "started", "SUCCESSFUL"]
    assert order == [True]


def test_within_a_loop_a_task_has_run_too(run):
    code = (
        "import asyncio\nfrom datetime import timedelta\nfrom django.utils import timezone\n"
        "later = shop.send_later.using(run_after=timezone.now() + timedelta(hours=2))\n"
        "async def view():\n"
        "    return await shop.send.aenqueue(7), await later.aenqueue(8)\n"
        "tell([result.return_value for result in asyncio.run(view())])"
    )
    assert run(code) == [[{"sent": 7}, 8]]


def test_the_outbox_collects(run, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_TASKS", "outbox")
    code = (
        "from lambdify.adapter.tasks import outbox\nresult = shop.send.enqueue(7)\n"
        "tell(outbox[0] is result, str(result.status), shop.sent, heard)"
    )
    assert run(code) == [True, "READY", [], ["enqueued"]]


@pytest.mark.parametrize("options", ["max_attempts=0", "backoff=-1", "priority=5"])
def test_options_that_cannot_be_are_djangos_invalid_task(run, options):
    code = (
        f"try:\n    type(shop.send)(func=shop.no_task, **dict({options}))\n"
        "except Exception as error:\n    tell(type(error).__name__)"
    )
    (name,) = run(code)
    assert name.startswith("InvalidTask")


@both
def test_a_task_is_a_message_that_the_worker_runs(run, queue, validate):
    service = queue()
    (identity,) = run("tell(shop.send.enqueue(7, to='ada').id)")
    ((operation, _, arguments),) = service.asked
    sent = json.loads(arguments["MessageBody"])
    assert operation == "AmazonSQS.SendMessage"
    assert sent.pop("enqueued_at")
    assert sent == {
        "id": identity,
        "task": "shop_tasks.send",
        "args": [7],
        "kwargs": {"to": "ada"},
        "backend": "default",
    }
    code = f"again = work({arguments['MessageBody']!r})\ntell(again, shop.sent, heard)"
    assert run(code) == [0, [[7, "ada"]], ["started", "SUCCESSFUL"]]
    validate(service)


@pytest.mark.parametrize("zone", ["timezone.now()", "datetime.now()"])
def test_run_after_is_a_delay_or_a_schedule(run, queue, validate, zone):
    service = queue()
    naive = "settings.USE_TZ = False\n" if "datetime" in zone else ""
    run(
        "from datetime import datetime, timedelta\nfrom django.utils import timezone\n"
        f"{naive}for seconds in (3.5, 1200):\n"
        f"    shop.send.using(run_after={zone} + timedelta(seconds=seconds)).enqueue(7)\n"
        "tell(1)"
    )
    (_, _, soon), (path, _, later) = service.asked
    assert soon["DelaySeconds"] in (3, 4)
    assert path.startswith("/schedules/")
    assert later["ScheduleExpression"].startswith("at(2")
    validate(service)


@both
def test_a_task_that_raises_comes_again_and_is_not_finished(run, queue):
    service = queue()
    assert run(f"tell(work({message('fail')!r}, 2), heard)") == [1, ["started"]]
    assert hidden(service)[-1] == pytest.approx(60, rel=0.1, abs=1)
    assert run(f"tell(work({message('fail')!r}, 3), heard)") == [0, ["started", "FAILED"]]
    ((body, reason),) = buried(service)
    assert json.loads(body)["task"] == "shop_tasks.fail"
    assert reason.endswith("LookupError: no order 7\n")


def test_a_coroutine_and_a_task_with_its_context_are_run(run, queue):
    queue()
    code = f"tell(work({message('send_later')!r}), work({message('note')!r}, 3), shop.sent)"
    assert run(code) == [0, 0, [7, [3, "t-1", 0, 7]]]


@pytest.mark.parametrize("name", ["os.system", "shop_tasks.no_task"])
def test_what_is_no_task_is_put_to_what_failed_and_nothing_is_called(run, queue, name):
    service = queue()
    body = json.dumps(MESSAGE | {"task": name, "args": ["exit 3"]})
    assert run(f"tell(work({body!r}), shop.sent)") == [0, []]
    ((_, reason),) = buried(service)
    assert f"{name} is not a task" in reason


def test_a_task_of_another_backend_may_be_used_with_this_one(run, queue):
    service = queue()
    code = (
        "class Other(shop.send.__class__.__base__): pass\n"
        "task = Other(func=shop.send.func)\ntask.enqueue(7)\ntell(1)"
    )
    run(code)
    assert len(service.asked) == 1


def test_a_receiver_that_raises_does_not_undo_the_work(run, queue):
    queue()
    code = (
        "def receive(**_): raise OSError('no statistics')\n"
        "signals.task_started.connect(receive)\nsignals.task_finished.connect(receive)\n"
        f"tell(work({message('send')!r}), shop.sent)"
    )
    assert run(code) == [0, [[7, "all"]]]


def test_without_a_table_results_are_not_to_be_had(run):
    code = (
        "try:\n    shop.send.enqueue(7).refresh()\nexcept Exception as error:\n    tell(type(error).__name__)"
    )
    assert run(code) == ["NotImplemented" + "Error"]


@both
def test_results_are_in_the_table(run, table: Account):
    sqs = table.client("sqs")
    (identity,) = run("tell(shop.fail.enqueue(7).id)")
    address = sqs.get_queue_url(QueueName="shop-dev-tasks")["QueueUrl"]
    (got,) = sqs.receive_message(QueueUrl=address, WaitTimeSeconds=10)["Messages"]
    code = (
        f"ready = shop.fail.get_result({identity!r}).status.label\nready = str(ready)\n"
        f"again = work({got['Body']!r})\n"
        f"result = shop.fail.get_result({identity!r})\nfirst = str(result.status), result.attempts\n"
        f"work({got['Body']!r}, 3)\nresult.refresh()\n"
        "tell(ready, again, first, str(result.status), result.attempts, \n"
        "     [each.exception_class.__name__ for each in result.errors], result.args)"
    )
    assert run(code) == ["Ready", 1, ["READY", 1], "FAILED", 3, ["LookupError"] * 2, [7]]
    code = (
        "found = []\nfor name in ('nobody', 't-9'):\n"
        "    try:\n        shop.send.get_result(name)\n"
        "    except Exception as error:\n        found.append(type(error).__name__)\n"
        "tell(found)"
    )
    assert run(code) == [["TaskResultDoesNotExist"] * 2]
