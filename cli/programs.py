"""The one place of the build rooms where other programs are started, and ended.

A program gets a session of its own, and whatever way its run ends, nothing of it stays: uv starts build
backends, these start compilers, and a Ctrl-C that reached only the first would leave the rest running.

The exception is bytecode.py, whose workers start nothing themselves, read their jobs from standard input and
end with it.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.redaction import redact

_GRACE = 2.0
"""Seconds between asking and forcing."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a program ended. What it said has lost its credentials."""

    code: int
    output: str
    errors: str
    ended: bool = True
    """Whether it came to its end by itself, and in time."""

    @property
    def succeeded(self) -> bool:
        """Whether the program says so."""
        return self.ended and self.code == 0


def run(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], limit: float | None = None
) -> Outcome:
    """Run a program to its end, without a terminal and without input, and return how it went.

    One that has not come to its end after `limit` seconds is brought to it.
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
            # What it had said until then.
            output, errors = process.communicate()
        finally:
            _end(process)
    return Outcome(code=process.returncode, output=redact(output), errors=redact(errors), ended=ended)


def _end(process: "subprocess.Popen[str]") -> None:
    """End what is left of the program's session; after a normal end that is nothing."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process, signal.SIGKILL)


def _signal(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    # The group's number is the first program's: it stays taken while any member lives, even after that one
    # has ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
