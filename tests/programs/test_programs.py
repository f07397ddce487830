"""Starting other programs, and ending them."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from local.proc import is_alive
from waiting import eventually

from lambdify.cli.programs import run

PARENT = """
import subprocess, sys, pathlib
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""


def gone_soon(pid):
    return eventually(lambda: not is_alive(pid))


def test_how_a_program_went(tmp_path):
    outcome = run(
        [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"],
        cwd=tmp_path,
        environment=os.environ,
    )
    assert (outcome.code, outcome.output, outcome.errors) == (3, "out\n", "err\n")
    assert not outcome.succeeded


@pytest.mark.slow
def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path):
    pid_file = tmp_path / "pid"
    command = [sys.executable, "-u", "-c", f"print('begun')\n{PARENT}", str(pid_file)]
    outcome = run(command, cwd=tmp_path, environment=os.environ, limit=3)
    assert (outcome.ended, outcome.succeeded, outcome.output) == (False, False, "begun\n")
    assert gone_soon(int(pid_file.read_text()))


def test_what_a_program_says_has_no_credentials(tmp_path):
    code = "print('https://user:word@host/x')"
    outcome = run([sys.executable, "-c", code], cwd=tmp_path, environment=os.environ)
    assert outcome.output == "https://***@host/x\n"


def test_a_program_has_no_terminal_and_no_input_to_wait_for(tmp_path):
    code = "import sys; print(repr(sys.stdin.read())); open('/dev/tty')"
    outcome = run([sys.executable, "-c", code], cwd=tmp_path, environment=os.environ)
    assert outcome.output == "''\n"
    assert "OSError" in outcome.errors


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks processes up in /proc")
def test_an_interrupt_ends_the_program_and_what_it_started_even_what_does_not_want_to(tmp_path):
    pid_file = tmp_path / "pid"

    def interrupt():
        eventually(lambda: pid_file.is_file() and pid_file.read_text())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    command = [sys.executable, "-c", PARENT, str(pid_file)]
    with pytest.raises(KeyboardInterrupt):
        run(command, cwd=tmp_path, environment=os.environ)
    assert gone_soon(int(pid_file.read_text()))
