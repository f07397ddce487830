"""How many sandboxes there are, and when they end. Real sandboxes, with a clock of the test's own."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local.running import ARN, FUNCTION, REQUEST_ID
from waiting import eventually

from lambdify.cli.local.functions.fleet import Fleet, FunctionKey, Throttled
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.process import ZipProgram
from lambdify.cli.local.functions.sandbox import Outcome, Sandbox
from lambdify.cli.local.processes import identify

PID = "import os\ndef handler(event, context):\n    return os.getpid()\n"
MEET = (
    "import os, pathlib, time\n"
    "def handler(event, context):\n"
    "    pathlib.Path(event['folder'], str(os.getpid())).touch()\n"
    "    while len(os.listdir(event['folder'])) < event['wanted']: time.sleep(0.01)\n"
    "    return os.getpid()\n"
)
"""Comes back when so many processes have come together."""
SHOP = FunctionKey("us-east-1", "shop")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_fleet(make_program: Callable[..., ZipProgram], clock: Clock) -> Iterator[Callable[..., Fleet]]:
    """A fleet whose functions all have that source."""
    fleets: list[Fleet] = []

    def make(source: str, **options: Any) -> Fleet:
        program = make_program(source)

        def start(function: Function) -> Sandbox:
            return Sandbox(replace(program, function=function), lambda *_: None)

        fleets.append(Fleet(start, clock=clock, **options))
        return fleets[-1]

    yield make
    for fleet in fleets:
        fleet.close()


def invoke(fleet: Fleet, function: Function = FUNCTION, event: str = "{}") -> Outcome:
    run = fleet.begin(
        function, request_id=REQUEST_ID, event=event.encode(), arn=ARN, patience=function.timeout
    )
    return run.finish()


def gone(pid: int) -> bool:
    return eventually(lambda: identify(pid) is None)


def test_events_one_after_another_share_a_sandbox(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(PID)
    assert invoke(fleet).payload == invoke(fleet).payload
    assert fleet.count(SHOP) == 1


def test_events_at_once_have_a_sandbox_each(make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    fleet = make_fleet(MEET)
    event = json.dumps({"folder": str(meeting), "wanted": 3})
    with ThreadPoolExecutor(3) as threads:
        pids = {outcome.payload for outcome in threads.map(lambda _: invoke(fleet, event=event), range(3))}
    assert len(pids) == 3
    assert fleet.count(SHOP) == 3


def test_more_events_at_once_than_are_reserved_are_refused(
    make_fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    fleet, reserved = make_fleet(MEET), replace(FUNCTION, reserved=1)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(
            invoke, fleet, reserved, event=json.dumps({"folder": str(meeting), "wanted": 2})
        )
        assert eventually(lambda: list(meeting.iterdir()))
        with pytest.raises(Throttled):
            invoke(fleet, reserved)
        (meeting / "second").touch()
        assert not first.result().failed
    assert not invoke(fleet, event=json.dumps({"folder": str(meeting), "wanted": 2})).failed


def test_a_sandbox_that_failed_for_good_is_replaced(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet("import os\ndef handler(event, context):\n    return event.get('x') or os._exit(1)\n")
    assert invoke(fleet).error_type == "Runtime.ExitError"
    assert invoke(fleet, event='{"x": 1}').payload == b"1"


@pytest.mark.slow
def test_a_sandbox_that_died_unseen_costs_no_event(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(
        "import os, signal, time\n"
        "def handler(event, context):\n"
        "    parent = os.getpid()\n"
        "    apart, told = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"  # out of the group that is frozen as soon as the handler has returned
        "        os.write(told, b'1')\n"
        "        time.sleep(0.2)\n"
        "        os.kill(parent, signal.SIGKILL)\n"
        "        os._exit(0)\n"
        "    os.read(apart, 1)\n"
        "    return parent\n"
    )
    pid = int(invoke(fleet).payload)
    assert gone(pid)
    second = invoke(fleet)
    assert not second.failed
    assert int(second.payload) != pid


def test_two_versions_that_share_the_traffic_keep_their_sandboxes(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(PID)
    versions = [FUNCTION, replace(FUNCTION, version="8")] * 3
    assert len({invoke(fleet, each).payload for each in versions}) == 2
    assert fleet.count(SHOP) == 2


def test_a_third_version_takes_over_from_the_one_that_was_called_the_longest_time_ago(
    make_fleet: Callable[..., Fleet],
) -> None:
    fleet = make_fleet(PID)
    called = [FUNCTION, replace(FUNCTION, version="8"), FUNCTION, replace(FUNCTION, version="9")]
    first, second, *_ = [int(invoke(fleet, each).payload) for each in called]
    assert gone(second)
    assert int(invoke(fleet).payload) == first
    assert fleet.count(SHOP) == 2


def test_a_sandbox_that_nobody_needs_for_a_while_ends(make_fleet: Callable[..., Fleet], clock: Clock) -> None:
    fleet = make_fleet(PID, patience=300)
    pid = int(invoke(fleet).payload)
    clock.now = 299
    fleet.sweep()
    assert fleet.count(SHOP) == 1
    clock.now = 301
    fleet.sweep()
    assert fleet.count(SHOP) == 0
    assert gone(pid)


def test_the_sandboxes_of_a_removed_function_end_and_others_stay(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(PID)
    pid = int(invoke(fleet).payload)
    invoke(fleet, replace(FUNCTION, name="blog"))
    fleet.forget(SHOP)
    assert gone(pid)
    assert fleet.count(FunctionKey("us-east-1", "blog")) == 1


def test_many_threads_never_share_a_sandbox(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(
        "busy = []\ndef handler(event, context):\n"
        "    busy.append(1)\n    alone = len(busy) == 1\n    busy.pop()\n    return alone\n"
    )
    answers: list[bytes] = []

    def work() -> None:
        answers.extend(invoke(fleet).payload for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"true"] * 80
    assert fleet.count(SHOP) <= 4
