"""The first script of a sandbox, where the daemon that it belongs to has gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from local.proc import is_alive
from waiting import eventually

WAITS = """
import os
from lambdify.cli.local.functions import boot
daemon = os.getppid()
print(os.getpid(), flush=True)
boot.wait_for_watchdog(daemon, seconds=60)
print("returned", flush=True)
"""
DAEMON = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.fixture
def daemon() -> Iterator[subprocess.Popen[str]]:
    """A process whose child waits for the watchdog; the child's pid is its first line."""
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON, WAITS], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.slow
def test_a_sandbox_waits_to_be_killed_once_its_daemon_has_ended(daemon: subprocess.Popen[str]) -> None:
    # It tells whose its orphaned descendants are.
    assert daemon.stdout
    sandbox = int(daemon.stdout.readline())
    daemon.kill()
    assert not eventually(lambda: not is_alive(sandbox), seconds=1.5)
    os.kill(sandbox, signal.SIGKILL)
    assert daemon.stdout.read() == ""


@pytest.mark.slow
def test_a_sandbox_that_meets_an_error_of_the_runtime_api_does_not_wait_for_a_daemon_that_lives(
    daemon: subprocess.Popen[str],
) -> None:
    assert daemon.stdout
    daemon.stdout.readline()
    assert daemon.stdout.readline() == "returned\n"
