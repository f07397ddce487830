"""A project with tasks, and the queue that they go to."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from lambdify.adapter import aws, tasks

from .aws_service import AwsService

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-dev-tasks"
FAILED = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-dev-failed"
ROLE = "arn:aws:iam::123456789012:role/shop-dev-LaterRole-1ABC"
MODULE = """
from lambdify.adapter.tasks import task

sent = []

@task
def send(order, *, to="all"):
    sent.append((order, to))
    return {"sent": order}

@task(max_attempts=3, backoff=30)
def fail(order):
    raise LookupError(f"no order {order}")

@task
async def send_later(order):
    sent.append(order)
    return order

@task(takes_context=True)
def tell(context, word):
    sent.append((context.attempt, context.task_result.id, word))

@task
def leave():
    raise SystemExit(3)

@task
def give_odd():
    sent.append("odd")
    return object()

def no_task():
    sent.append("no task")
"""
SERVICES = {"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module with the tasks, on a path of its own; no queue, and nothing in the outbox."""
    (tmp_path / "shop_mail.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("LAMBDIFY_TASKS", "LAMBDIFY_TASKS_FAILED", "LAMBDIFY_TASKS_LATER", "LAMBDIFY_TASKS_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    import shop_mail

    yield shop_mail
    del sys.modules["shop_mail"]
    tasks.outbox.clear()
    for waiting in aws._idle.values():
        for idle in waiting:
            idle.connection.close()
    aws._idle.clear()


@pytest.fixture
def queue(serve: Callable[..., AwsService], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AwsService]:
    """`queue(*answers)`: AWS's APIs, as the template tells the function of them."""

    def start(*answers: Any) -> AwsService:
        monkeypatch.setenv("LAMBDIFY_TASKS", QUEUE)
        monkeypatch.setenv("LAMBDIFY_TASKS_FAILED", FAILED)
        monkeypatch.setenv("LAMBDIFY_TASKS_LATER", ROLE)
        return serve(*(answers or [(200, {})]))

    return start


@pytest.fixture(scope="session")
def validate() -> Callable[..., None]:
    """`validate(service)`: every call that the service was asked for is one of AWS's model."""
    session = botocore.session.Session()

    def check(service: AwsService) -> None:
        for asked, headers, arguments in service.asked:
            name, _, operation = asked.partition(".")
            if asked.startswith("/schedules/"):
                name, operation = "scheduler", "CreateSchedule"
                arguments = {"Name": asked.rpartition("/")[2], **arguments}
            model = session.get_service_model(SERVICES.get(name, name))
            if version := model.metadata.get("jsonVersion"):
                assert headers["content-type"] == f"application/x-amz-json-{version}"
            if name == "scheduler":
                arguments.pop("ClientToken")
            report = ParamValidator().validate(arguments, model.operation_model(operation).input_shape)
            assert not report.has_errors(), report.generate_report()

    return check
