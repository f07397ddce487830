"""The only module outside of `local` that starts other programs, and ends them.

A program gets a session of its own, and all its processes are ended when its run ends, in any way: uv starts
build backends, these start compilers, and a Ctrl-C that reached only the first would leave the rest running.

The exception is packing/bundle/bytecode.py, whose workers start no programs, read their jobs from standard
input and end with it.
"""

import os
import re
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdify.cli.redaction import redact

_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_PAUSE = 0.1
"""Seconds between two looks at a program that says nothing."""
_LONGEST_LINE = 10_000
"""Bytes after which a line is handed on, whether it has ended or not."""
_LINE_END = re.compile(rb"[\r\n]+")
"""A carriage return, too: that is how a program redraws its line of progress."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a program ended. Credentials in its output are replaced."""

    code: int
    output: str
    errors: str
    ended: bool = True
    """Whether it ended by itself, within the time limit."""

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.ended and self.code == 0


def run(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], limit: float | None = None
) -> Outcome:
    """Run a program to its end, without a terminal and without input, and return the outcome.

    It is stopped after `limit` seconds. Raises FileNotFoundError if there is no such program.
    """
    ended = True
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            ended = False
            _end(process)
            # The output up to then.
            output, errors = process.communicate()
        finally:
            _end(process)
    return Outcome(code=process.returncode, output=redact(output), errors=redact(errors), ended=ended)


def follow(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], show: Callable[[str], None]
) -> int:
    """Run a program to its end, without a terminal and without input, and return its exit code.

    `show` gets each line of its output, stdout and stderr together, as it comes; credentials in it are
    replaced. What the program has started and left is ended with it. Raises FileNotFoundError if there is no
    such program.
    """
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            for line in _lines(process):
                show(redact(line.decode(errors="replace")))
        finally:
            _end(process)
    return process.returncode


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Yield the lines that a process writes until it ends; what it has left may hold its output open."""
    assert process.stdout
    begun = b""
    while True:
        ended = process.poll() is not None
        if not select.select([process.stdout], [], [], 0 if ended else _PAUSE)[0]:
            if ended:
                break
            continue
        piece = os.read(process.stdout.fileno(), 65536)
        if not piece:
            process.wait()
            break
        *whole, begun = _LINE_END.split(begun + piece)
        if len(begun) > _LONGEST_LINE:
            whole, begun = [*whole, begun], b""
        yield from filter(None, whole)
    if begun:
        yield begun


def _end(process: "subprocess.Popen[Any]") -> None:
    """End all processes that are left of the program's session; after a normal end there are none."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process, signal.SIGKILL)


def _signal(process: "subprocess.Popen[Any]", number: signal.Signals) -> None:
    # The group's number is that of its first process. No other group gets it while any member lives, even if
    # the first one has ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
