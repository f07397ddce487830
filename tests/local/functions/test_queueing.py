"""Events that come at once: who waits, who gets an environment of its own, and who is refused."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from local.running import ARN, FUNCTION, REQUEST_ID
from waiting import PATIENCE, eventually

from lambdify.cli.errors import PythonNotFound
from lambdify.cli.local.functions.call import Call
from lambdify.cli.local.functions.fleet import LONG_WAIT, Fleet, FunctionKey, Throttled
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.output import Event
from lambdify.cli.local.functions.process import ZipProgram
from lambdify.cli.local.functions.sandbox import Sandbox

QUICK = "import os\ndef handler(event, context):\n    return os.getpid()\n"
MEET = (
    "import os, pathlib, time\n"
    "def handler(event, context):\n"
    "    pathlib.Path(event['folder'], context.aws_request_id).touch()\n"
    "    while len(os.listdir(event['folder'])) < event['wanted']: time.sleep(0.01)\n"
    "    return os.getpid()\n"
)
"""Comes back when so many events have come together."""
SHOP = FunctionKey(FUNCTION.region, FUNCTION.name)


class Team:
    """A fleet, what it wrote to the log, and how events are given to it."""

    def __init__(self, program: ZipProgram, **options: Any) -> None:
        self.log: list[str] = []
        self._program = program
        self.fleet = Fleet(self.start, **options)

    def start(self, function: Function) -> Sandbox:
        return Sandbox(replace(self._program, function=function), self._note)

    def begin(
        self,
        patience: float | None = 10,
        function: Function = FUNCTION,
        event: str = "{}",
        request_id: str = REQUEST_ID,
    ) -> Any:
        return self.fleet.begin(
            function, request_id=request_id, event=event.encode(), arn=ARN, patience=patience or 10
        )

    def invoke(self, number: int, event: str = "{}", function: Function = FUNCTION) -> bytes:
        run = self.begin(function.timeout, function, event, request_id=f"event-{number}")
        outcome = run.finish()
        assert not outcome.failed, outcome
        return outcome.payload

    def _note(self, _: str, event: Event) -> None:
        self.log.append(event.message)


@pytest.fixture
def team(make_program: Callable[..., ZipProgram]) -> Iterator[Callable[..., Team]]:
    teams: list[Team] = []

    def make(source: str, **options: Any) -> Team:
        teams.append(Team(make_program(source), **options))
        return teams[-1]

    yield make
    for each in teams:
        each.fleet.close()


@pytest.fixture
def meeting(tmp_path: Path) -> Path:
    folder = tmp_path / "meeting"
    folder.mkdir()
    return folder


def test_events_beyond_the_limit_of_this_machine_wait_and_are_all_answered(team: Callable[..., Team]) -> None:
    busy = team(QUICK, limit=2)
    with ThreadPoolExecutor(16) as threads:
        pids = set(threads.map(busy.invoke, range(64)))
    assert 1 <= len(pids) <= 2
    assert busy.fleet.count(SHOP) <= 2


@pytest.mark.slow
def test_events_that_wait_for_each_other_all_get_an_environment(
    team: Callable[..., Team], meeting: Path
) -> None:
    busy = team(MEET)
    event = json.dumps({"folder": str(meeting), "wanted": 8})
    with ThreadPoolExecutor(8) as threads:
        pids = set(threads.map(partial(busy.invoke, event=event), range(8)))
    assert len(pids) == busy.fleet.count(SHOP) == 8


def test_short_events_one_after_another_share_one_environment(team: Callable[..., Team]) -> None:
    busy = team(QUICK)
    assert len({busy.invoke(number) for number in range(20)}) == 1


def test_an_event_waits_no_longer_than_its_caller(team: Callable[..., Team], meeting: Path) -> None:
    busy = team(MEET, limit=1)
    first = busy.begin(event=json.dumps({"folder": str(meeting), "wanted": 2}))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        busy.begin(0.2)
    assert time.monotonic() - begun < PATIENCE, "a fleet itself would wait for five minutes"
    (meeting / "second").touch()
    assert not first.finish().failed
    assert not busy.begin(10, event=json.dumps({"folder": str(meeting), "wanted": 2})).finish().failed


def test_whoever_waits_gets_the_environment_that_is_free_first(
    team: Callable[..., Team], meeting: Path
) -> None:
    busy = team(MEET, limit=1)
    event = json.dumps({"folder": str(meeting), "wanted": 2})
    first = busy.begin(event=event)
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(busy.invoke, 2, event)
        (meeting / "second").touch()
        pid = first.finish().payload
        assert second.result(10) == pid


def test_what_is_reserved_counts_all_versions_and_refuses_at_once(
    team: Callable[..., Team], meeting: Path
) -> None:
    busy = team(MEET)
    event = json.dumps({"folder": str(meeting), "wanted": 2})
    first = busy.begin(function=replace(FUNCTION, reserved=1), event=event)
    with pytest.raises(Throttled):
        busy.begin(function=replace(FUNCTION, version="8", reserved=1), event=event)
    (meeting / "second").touch()
    first.finish()
    busy.begin(function=replace(FUNCTION, version="8", reserved=1), event=event).finish()


def test_nothing_reserved_stops_the_function(team: Callable[..., Team]) -> None:
    with pytest.raises(Throttled):
        team(QUICK).begin(function=replace(FUNCTION, reserved=0))


def test_everybody_who_waits_hears_why_none_starts() -> None:
    def fail(_: Function) -> Sandbox:
        raise PythonNotFound("no Python 3.9")

    fleet = Fleet(fail)

    def ask(_: int) -> str:
        with pytest.raises(PythonNotFound) as refused:
            fleet.begin(FUNCTION, request_id="1", event=b"{}", arn=ARN, patience=10)
        return refused.value.message

    with ThreadPoolExecutor(5) as threads:
        assert set(threads.map(ask, range(5))) == {"no Python 3.9"}
    assert fleet.count(SHOP) == 0


def test_the_platforms_lines_are_written_behind_the_answer(team: Callable[..., Team]) -> None:
    quick = team(QUICK)
    told: list[bool] = []
    call = Call(lambda wait: quick.begin(wait), lambda _, outcome: told.append(outcome.failed))
    assert not call.result(10).failed
    assert [line.split()[0] for line in quick.log if line.isupper() or " RequestId: " in line] == ["START"]
    call.finish()
    assert eventually(lambda: told) == [False]
    assert [line.split()[0] for line in quick.log if " RequestId: " in line] == ["START", "END", "REPORT"]


@pytest.mark.slow
def test_a_caller_that_gives_up_leaves_the_event_to_its_end(team: Callable[..., Team], meeting: Path) -> None:
    busy = team(MEET)
    event = json.dumps({"folder": str(meeting), "wanted": 2})
    ended = threading.Event()
    call = Call(lambda wait: busy.begin(wait, event=event), lambda *_: ended.set())
    with pytest.raises(TimeoutError):
        call.result(1)
    (meeting / "second").touch()
    assert ended.wait(10)
    assert any(line.startswith("REPORT") for line in busy.log)


def test_requests_one_after_another_stay_with_one_environment(team: Callable[..., Team]) -> None:
    """Also where the answer is out before the environment is free: the next request is for that one."""
    quick = team(QUICK)
    pids = set()
    with ThreadPoolExecutor(1) as behind:
        done = []
        for _ in range(50):
            call = Call(quick.begin, lambda *_: None)
            pids.add(call.result(10).payload)
            done.append(behind.submit(call.finish))
        for each in done:
            each.result(10)
    assert len(pids) == 1


def test_what_is_asked_alone_stays_with_the_environment_that_answered_last(
    team: Callable[..., Team], meeting: Path
) -> None:
    quick = team(MEET)
    event = json.dumps({"folder": str(meeting), "wanted": 2})
    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(partial(quick.invoke, event=event), range(2)))) == 2
    pids = set()
    with ThreadPoolExecutor(1) as behind:
        for _ in range(50):
            call = Call(partial(quick.begin, event=event), lambda *_: None)
            pids.add(call.result(10).payload)
            behind.submit(call.finish)
    assert len(pids) == 1


@pytest.mark.parametrize("environments", [1, 2])
def test_the_next_request_waits_for_the_environment_that_a_busy_machine_frees_late(
    team: Callable[..., Team], meeting: Path, environments: int
) -> None:
    quick = team(MEET, answered_wait=PATIENCE)
    event = json.dumps({"folder": str(meeting), "wanted": environments})
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(partial(quick.invoke, event=event), range(environments)))
    first = Call(partial(quick.begin, event=event), lambda *_: None)
    pid = first.result(10).payload
    late = threading.Timer(2 * LONG_WAIT, first.finish)
    late.start()
    second = Call(partial(quick.begin, event=event), lambda *_: None)
    assert second.result(10).payload == pid
    second.finish()
    late.join()
    assert quick.fleet.count(SHOP) == environments
