"""Commands that run: their output as it comes, their ends, and what ends them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local.proc import is_alive
from waiting import eventually

from lambdify.adapter.commands import process
from lambdify.adapter.commands.frames import NOTHING, STDERR, STDOUT
from lambdify.adapter.commands.process import End, Notice, Running


class Written(list[tuple[int, bytes]]):
    """What a command has written; `on` is called with each frame."""

    def __init__(self, on: Callable[[int, bytes], None] = lambda *_: None) -> None:
        self._on = on

    def __call__(self, kind: int, data: bytes) -> None:
        self.append((kind, data))
        self._on(kind, data)

    def of(self, kind: int) -> bytes:
        return b"".join(data for each, data in self if each == kind)


class Timers(list[Any]):
    """Timers that a test lets go off."""

    def __call__(self, seconds: float, function: Callable[..., None], arguments: tuple[Any, ...]) -> Any:
        timers = self

        class Timer:
            daemon = False

            def start(self) -> None:
                timers.append((seconds, lambda: function(*arguments)))

            def cancel(self) -> None: ...

        return Timer()


def start(*words: str, root: Path, stdin: Any = subprocess.DEVNULL) -> Running:
    return Running(words, root=str(root), environ=os.environ, stdin=stdin)


def run(*words: str, root: Path, written: Written | None = None, **how: Any) -> tuple[End, Written]:
    written = Written() if written is None else written
    return process.run(start(*words, root=root), written, seconds=60, **how), written


def test_stdout_and_stderr_stay_apart_and_the_exit_code_is_the_commands_own(tmp_path):
    end, written = run("sh", "-c", "pwd; echo err >&2; echo out; exit 7", root=tmp_path)
    assert end == End(7)
    assert written.of(STDOUT) == f"{tmp_path}\nout\n".encode()
    assert written.of(STDERR) == b"err\n"


def test_a_signal_is_128_and_its_number(tmp_path):
    assert run("sh", "-c", "kill -SEGV $$", root=tmp_path)[0] == End(139)


def test_what_is_left_in_the_background_ends_with_the_command(tmp_path):
    _, written = run("sh", "-c", "sleep 600 & echo $!", root=tmp_path)
    assert eventually(lambda: not is_alive(int(written.of(STDOUT))))


def test_a_command_that_closes_its_output_is_waited_for(tmp_path):
    closed = "import os, time; os.close(1); os.close(2); time.sleep(0.1); os._exit(3)"
    assert run(sys.executable, "-c", closed, root=tmp_path)[0] == End(3)


def test_silence_is_told(tmp_path):
    reader, writer = os.pipe()
    running = start("sh", "-c", "cat; echo done", root=tmp_path, stdin=reader)
    os.close(reader)

    def listen(kind: int, _: bytes) -> None:
        if kind == NOTHING and written.count((NOTHING, b"")) == 3:
            os.close(writer)

    written = Written(listen)
    assert process.run(running, written, seconds=60, heartbeat=0.01) == End(0)
    assert written.count((NOTHING, b"")) >= 3
    assert written.of(STDOUT) == b"done\n"


ON_TERM = """
import signal, sys, time
def end(*_):
    print("asked to end", flush=True)
    if sys.argv[1] != "ignore":
        sys.exit(int(sys.argv[1]))
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("behaviour", "end"),
    [("0", End(124, "time")), ("3", End(124, "time")), ("75", End(75)), ("ignore", End(124, "time"))],
)
def test_before_the_time_is_over_the_command_is_asked_to_end_and_then_made_to(tmp_path, behaviour, end):
    timers = Timers()

    def listen(kind: int, _: bytes) -> None:
        if kind == NOTHING:
            return  # A sign of life between two lines is no reason to ask twice.
        if written.of(STDOUT) == b"ready\n":
            timers[0][1]()
        if written.of(STDOUT).endswith(b"end\n") and behaviour == "ignore":
            timers[1][1]()

    written = Written(listen)
    words = sys.executable, "-c", ON_TERM, behaviour
    found, _ = run(*words, root=tmp_path, written=written, timer=timers)
    assert found == end
    assert written.of(STDOUT) == b"ready\nasked to end\n"
    assert [seconds for seconds, _ in timers] == [54, 57]


def test_the_time_is_over_by_itself(tmp_path):
    running = start("sleep", "60", root=tmp_path)
    assert process.run(running, Written(), seconds=0.2) == End(124, "time")


@pytest.mark.parametrize(
    ("seconds", "notice"), [(900, Notice(20, 3)), (120, Notice(12, 3)), (5, Notice(0.5, 0.25))]
)
def test_of_a_short_time_the_notice_is_a_part(seconds, notice):
    assert process.give_notice(seconds) == notice


def test_a_program_that_is_not_there_is_no_command(tmp_path):
    with pytest.raises(FileNotFoundError):
        start("no-such-program", root=tmp_path)


def test_a_signal_to_a_command_that_has_ended_is_none(tmp_path):
    running = start("true", root=tmp_path)
    process.run(running, Written(), seconds=60)
    running.send_signal(signal.SIGINT)


def test_where_the_system_tells_of_no_processes_there_are_none(monkeypatch):
    def refuse(_: str) -> list[str]:
        raise FileNotFoundError

    monkeypatch.setattr(os, "listdir", refuse)
    assert list(process._find_children()) == []


def test_processes_that_end_while_they_are_looked_at_are_no_children(monkeypatch):
    monkeypatch.setattr(os, "listdir", lambda _: ["self", "0"])
    assert list(process._find_children()) == []


def test_orphans_are_adopted_on_linux_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    process.adopt_orphans()
