"""The page about tasks: each of its examples is run."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lambdify.cli import settings

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
MODULES = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The modules of the page, to be imported."""
    for name, code in MODULES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    monkeypatch.delenv("LAMBDIFY_TASKS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name == "shop" or name.startswith("shop.")]:
        del sys.modules[name]


def test_every_example_of_code_is_a_module():
    assert len(MODULES) == PAGE.count("```python")


def test_every_example_of_settings_is_one(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "lambdify.toml").write_text(example)
    loaded = settings.load(tmp_path).tasks
    assert (loaded.workers, loaded.timeout, loaded.attempts, loaded.results) == (10, 300, 5, False)


@pytest.mark.slow
def test_the_tests_of_the_page_pass(shop):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=shop,
        env=os.environ | {"PYTHONPATH": str(shop)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout


def test_the_views_of_the_page_enqueue(shop, capsys):
    from shop import web

    web.pay(7)
    assert len(asyncio.run(web.pay_later(8))) == 32
    assert capsys.readouterr().out.split("\n")[:-1] == ["receipt for 7"] * 3 + ["receipt for 8"]


def test_the_task_that_fails_is_its_results_failure(shop, capsys):
    from shop.stock import reserve

    result = reserve.enqueue(7)
    assert (result.status, reserve.max_attempts, reserve.backoff) == ("FAILED", 3, 30)
    assert capsys.readouterr().out == f"attempt 1 of task {result.id}\n"


def test_what_became_of_a_task_is_looked_up(shop, queue, monkeypatch):
    from shop.status import look_up

    item = {
        "id": {"S": "t-1"},
        "status": {"S": "FAILED"},
        "task": {"S": "shop.mail:send_receipt"},
        "backend": {"S": ""},
        "arguments": {"S": "[[7], {}]"},
        "worker_ids": {"S": '["42"]'},
        "errors": {"S": json.dumps([["builtins.OSError", "OSError"]])},
    }
    queue((200, {"Item": item}))
    monkeypatch.setenv("LAMBDIFY_TASKS_RESULTS", "shop-dev-tasks")
    assert look_up("t-1") == ("FAILED", 1, ["builtins.OSError"])


def test_the_backend_of_the_page_is_there(shop):
    from shop.settings import TASKS

    module, _, name = TASKS["default"]["BACKEND"].rpartition(".")
    file = Path(__file__).parents[2] / (module.removeprefix("lambdify.").replace(".", "/") + "/__init__.py")
    assert f"class {name}(" in file.read_text()


def test_the_app_of_the_page_answers_and_does_its_work(shop, capsys, context):
    from shop.main import app

    from lambdify.adapter import Adapter
    from lambdify.adapter.event_sources import http_api
    from lambdify.adapter.messages import Request

    adapter = Adapter(app)
    assert json.loads(adapter(http_api.write_event(Request("POST", "/pay/7")), context)["body"]) == {
        "paid": 7
    }
    assert capsys.readouterr().out == "paid: 7\n"
    adapter.close()
