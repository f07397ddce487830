"""Work after the answer: the caller does not wait for it, and it is a part of the event all the same."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local.running import ARN, FUNCTION, REQUEST_ID, Running
from local.stacks import Deployed
from waiting import eventually

from lambdify.cli.local.functions.call import finish_elsewhere
from lambdify.cli.local.functions.fleet import Fleet
from lambdify.cli.local.functions.sandbox import Outcome, Sandbox

GOES_ON = """
import os, time
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

post, later = LambdaRuntimeClient.post_invocation_result, []

def post_and_go_on(self, *result, **named):
    post(self, *result, **named)
    while later:
        later.pop()()

LambdaRuntimeClient.post_invocation_result = post_and_go_on

def handler(event, context):
    def work():
        print("after the answer")
        if event.get("exit"):
            os._exit(event["exit"])
        while "wait" in event and not os.path.exists(event["wait"]):
            time.sleep(0.01)
    later.append(work)
    return os.getpid()
"""
"""Answers, and works until a file is there, before it asks for the next event."""


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(GOES_ON, timeout=60)


def begin(running: Running, event: dict[str, Any]) -> Outcome:
    """Hand over an event, and return its answer."""
    running.sandbox.begin(REQUEST_ID, json.dumps(event).encode(), f"{ARN}:7")
    outcome = running.sandbox.answer()
    assert outcome
    return outcome


def reported(log: list[str]) -> str:
    (report,) = (line for line in log if line.startswith("REPORT"))
    return report


def test_the_answer_comes_first_and_the_work_counts_as_duration(running: Running, tmp_path: Path) -> None:
    wait = tmp_path / "go"
    answer = begin(running, {"wait": str(wait)})
    assert not answer.failed
    begun = time.monotonic()
    assert running.sandbox.end(0.2) is None, "the process has not asked for the next event"
    assert not [line for line in running.log if line.startswith(("END", "REPORT"))]
    worked = time.monotonic() - begun
    wait.touch()
    outcome = running.sandbox.end()
    assert outcome
    assert outcome.usable
    assert outcome.payload == answer.payload
    assert outcome.duration >= worked
    assert "after the answer" in outcome.log
    (duration,) = re.findall(r"\tDuration: ([\d.]+) ms", reported(running.log))
    assert float(duration) >= worked * 1000
    assert not running.invoke(json.dumps({"wait": str(wait)})).failed


@pytest.mark.slow
def test_the_timeout_ends_work_after_the_answer(run: Callable[..., Running], tmp_path: Path) -> None:
    running = run(GOES_ON, timeout=1)
    assert not begin(running, {"wait": str(tmp_path / "never")}).failed
    outcome = running.sandbox.end()
    assert outcome
    assert (outcome.failed, outcome.usable, outcome.error_type) == (False, False, "Sandbox.Timedout")
    assert any("Task timed out after 1.00 seconds" in line for line in running.log)
    assert reported(running.log).endswith("Status: timeout\t")


def test_a_process_that_ends_after_its_answer_takes_no_other_event(running: Running) -> None:
    assert not begin(running, {"exit": 3}).failed
    outcome = running.sandbox.end()
    assert outcome
    assert (outcome.failed, outcome.usable, outcome.error_type) == (False, False, "Runtime.ExitError")
    assert any("Runtime exited with error: exit status 3" in line for line in running.log)
    assert "Status: error\tError Type: Runtime.ExitError" in reported(running.log)


@pytest.fixture
def fleet(make_program: Callable[..., Any]) -> Iterator[Fleet]:
    program = make_program(GOES_ON)
    fleet = Fleet(lambda _: Sandbox(program, lambda *_: None))
    yield fleet
    fleet.close()


@pytest.mark.slow
def test_a_sandbox_at_work_takes_no_other_event(fleet: Fleet, tmp_path: Path) -> None:
    wait = tmp_path / "go"

    def call(event: dict[str, Any]) -> Any:
        body = json.dumps(event).encode()
        return fleet.begin(FUNCTION, request_id=REQUEST_ID, event=body, arn=ARN, patience=30)

    first = call({"wait": str(wait)})
    busy = first.answer(30).payload
    assert first.finish(0.05) is None
    ended: list[Outcome] = []
    finish_elsewhere(first, lambda _, outcome: ended.append(outcome))
    second = call({})
    assert second.answer(30).payload != busy
    second.finish()
    wait.touch()
    assert eventually(lambda: ended)
    assert ended[0].payload == busy
    pids = set()
    for _ in range(4):
        run = call({})
        pids.add(run.answer(30).payload)
        run.finish()
    assert len(pids) == 1, "one that is free is enough"


@pytest.mark.cloud
@pytest.mark.slow
def test_who_invokes_does_not_wait_for_the_work(deploy: Callable[..., Deployed], tmp_path: Path) -> None:
    stage = deploy(GOES_ON, timeout=60)
    wait = tmp_path / "go"
    lambda_ = stage.account.client("lambda")
    event = json.dumps({"wait": str(wait)})
    answer = lambda_.invoke(FunctionName=stage.name, Qualifier="live", Payload=event, LogType="Tail")
    assert "FunctionError" not in answer
    assert int(answer["Payload"].read()) > 0
    assert "REPORT" not in base64.b64decode(answer["LogResult"]).decode()
    wait.touch()
    assert eventually(lambda: [line for line in stage.log() if line.startswith("REPORT")])
