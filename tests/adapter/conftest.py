"""What several tests of the adapter need: a context as Lambda gives it, and every event source."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from lambdify.adapter.event_sources import alb, edge, http_api, rest, vpc_lattice

from .aws_service import AwsService
from .command_task import Bucket, Task
from .entry_process import ADAPTER, INVOKE, MANGUM_ON_NEW_PYTHONS, Invoke
from .runtime_api import RuntimeApi
from .task_project import queue, shop, validate

__all__ = ["queue", "shop", "validate"]

# Examples are timed by the wall clock: on a busy machine that tells nothing about the code.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

Serve = Callable[..., AwsService]

REQUEST_ID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"


class Context(NamedTuple):
    """The two things that the adapter asks of Lambda's context."""

    aws_request_id: str = REQUEST_ID
    remaining: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class Door(NamedTuple):
    """An event source with one way to write its events."""

    name: str
    source: Any
    write_event: Callable[..., dict[str, Any]]


DOORS = (
    Door("rest", rest, rest.write_event),
    Door("http_api", http_api, http_api.write_event),
    Door("function_url", http_api, partial(http_api.write_event, function_url=True)),
    Door("alb", alb, alb.write_event),
    Door("alb_single", alb, partial(alb.write_event, multi_value=False)),
    Door("vpc_lattice", vpc_lattice, vpc_lattice.write_event),
    Door("vpc_lattice_1", vpc_lattice, partial(vpc_lattice.write_event, version=1)),
    Door("edge", edge, partial(edge.write_event, at="origin-request")),
    Door("edge_viewer", edge, edge.write_event),
)


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def make_context() -> type[Context]:
    return Context


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request: pytest.FixtureRequest) -> Door:
    return request.param


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """`serve(answer, ...)`: a service of AWS that gives those answers to a function that may call it."""
    services: list[AwsService] = []

    def start(*answers: Any) -> AwsService:
        services.append(AwsService(answers))
        monkeypatch.setenv("AWS_ENDPOINT_URL", services[-1].url)
        return services[-1]

    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key-of-the-role")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-the-role")
    yield start
    for service in services:
        service.close()


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    """The Runtime API that a streamed response goes to."""
    api = RuntimeApi()
    yield api
    api.close()


@pytest.fixture
def task(tmp_path: Path, api: RuntimeApi) -> Task:
    """A task root on which commands run."""
    return Task(tmp_path / "task", api)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """A bucket with one object."""
    bucket = Bucket()
    yield bucket
    bucket.close()


@pytest.fixture
def invoke(tmp_path: Path) -> Invoke:
    """Pack a project, start its handler in a new process and send it events."""

    def run(
        code: str, *events: Any, app: str | None = "main:app", script: str = INVOKE, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        root = tmp_path / "task"
        copytree(ADAPTER, root / "lambdify" / "adapter", ignore=lambda *_: ["__pycache__"])
        (root / "main.py").write_text(code)
        (root / ".lambdify").mkdir()
        if app:
            (root / ".lambdify" / "bundle.json").write_text(json.dumps({"app": app, **settings}))
        return subprocess.run(
            [sys.executable, "-W", "error", "-W", MANGUM_ON_NEW_PYTHONS, "-c", script],
            input=json.dumps(events),
            env={
                **os.environ,
                "LAMBDA_TASK_ROOT": str(root),
                "PYTHONPATH": str(root),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
