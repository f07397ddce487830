"""Processes are told apart from later ones with the same number, and end with all that they started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from local.proc import is_alive, read
from waiting import eventually

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.daemon import state
from lambdify.cli.local.processes import Children, Process, end, identify, is_running, wait

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)
PARENT = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


RUNAWAY = (
    "import subprocess, time; away = subprocess.Popen(['sleep', '600'], start_new_session=True);"
    "print(away.pid, flush=True); time.sleep(600)"
)
DAEMON = f"""
import signal, sys, time
from pathlib import Path
from lambdify.cli.local.processes import Children
children = Children()
child = children.start([sys.executable, "-c", {RUNAWAY!r}], environ={{}}, folder=Path("/"), output=sys.stdout)
print(child.pid, children.watchdog, flush=True)
time.sleep(600)
"""


@pytest.fixture
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.close()


def start(children: Children, script: str, folder: Path) -> "tuple[subprocess.Popen[bytes], str]":
    """A child that runs the script, and the first line that it prints."""
    with (folder / "output").open("wb") as output:
        child = children.start([sys.executable, "-c", script], environ={}, folder=folder, output=output)
    return child, eventually((folder / "output").read_text).strip()


def known(pid: int) -> Process:
    process = identify(pid)
    assert process
    return process


def test_a_process_is_known_by_its_start_too() -> None:
    me = known(os.getpid())
    assert is_running(me)
    assert not is_running(replace(me, started="at another time"))


def test_a_process_that_only_waits_for_its_parent_does_not_run() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identify(child.pid) is None
    child.wait()


def test_what_a_child_started_ends_with_it(children: Children, tmp_path: Path) -> None:
    child, grandchild = start(children, PARENT, tmp_path)
    process = known(int(grandchild))
    children.end(child, patience=60)
    assert wait(process, patience=60)


def test_a_child_that_does_not_listen_is_killed(children: Children, tmp_path: Path) -> None:
    child, _ = start(children, STUBBORN, tmp_path)
    children.end(child, patience=0.1)
    assert child.returncode == -signal.SIGKILL


def test_a_child_that_is_stopped_can_be_ended(children: Children, tmp_path: Path) -> None:
    child, _ = start(children, "print(1, flush=True); import time; time.sleep(60)", tmp_path)
    children.send(child, signal.SIGSTOP)
    children.end(child, patience=60)
    assert child.returncode == -signal.SIGTERM


def test_a_child_that_has_ended_gets_no_signal(children: Children, tmp_path: Path) -> None:
    child, _ = start(children, "print(1)", tmp_path)
    assert children.reap(child) == 0
    children.send(child, signal.SIGKILL)
    children.end(child, patience=1)


@pytest.mark.slow
def test_children_do_not_outlive_the_daemon(tmp_path: Path) -> None:
    children = Children()
    child, grandchild = start(children, PARENT, tmp_path)
    process = known(int(grandchild))
    children.send(child, signal.SIGSTOP)
    children.close()
    assert children.reap(child) == -signal.SIGKILL
    assert wait(process, patience=60)


@pytest.mark.slow
def test_what_a_suspended_child_started_ends_also_where_the_watchdog_comes_late() -> None:
    """Linux sends SIGHUP to a stopped group whose last parent in its session ends: it would end too early."""
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout
        lines = sorted((daemon.stdout.readline().split() for _ in range(2)), key=len)
        (away,), (child, watchdog) = ([int(word) for word in line] for line in lines)
        runaway = known(away)
        os.kill(child, signal.SIGSTOP)
        assert eventually(lambda: read(child, "stat").rpartition(b")")[2].split()[0] == b"T")
        os.kill(watchdog, signal.SIGSTOP)
        daemon.kill()
        daemon.wait()
        try:
            assert eventually(lambda: not is_alive(child), seconds=0.5) is False
            os.kill(watchdog, signal.SIGCONT)
            assert wait(runaway, patience=30)
        finally:
            end(runaway, patience=0)


def test_a_process_that_somebody_else_started_is_asked_then_killed(
    children: Children, tmp_path: Path
) -> None:
    polite, _ = start(children, "print(1, flush=True); import time; time.sleep(60)", tmp_path)
    assert not end(known(polite.pid), patience=60)
    assert polite.wait() == -signal.SIGTERM
    (tmp_path / "output").unlink()
    stubborn, _ = start(children, STUBBORN, tmp_path)
    assert end(known(stubborn.pid), patience=0.1)
    assert stubborn.wait() == -signal.SIGKILL


def test_a_process_that_is_not_the_one_is_left_alone() -> None:
    assert not end(replace(known(os.getpid()), started="at another time"), patience=0)


def test_the_state_is_written_whole_and_read_back(tmp_path: Path) -> None:
    assert state.load(tmp_path) is None
    me = known(os.getpid())
    written = state.State(
        version="1.0",
        endpoint_url="http://a",
        control=tmp_path / "control.sock",
        credentials=Credentials("LAMBDIFYKEY", "secret"),
        daemon=me,
        ministack=me,
        watchdog=me,
    )
    state.write(tmp_path, written)
    assert state.load(tmp_path) == written
    assert written.alive
    assert [path.name for path in tmp_path.iterdir()] == ["cloud.json"]
    state.remove(tmp_path)
    assert state.load(tmp_path) is None
