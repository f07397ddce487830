"""Seconds on the clock, and of CPU in a process and all that it starts and waits for."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Line = Sequence[str]


class Took(NamedTuple):
    """What a run took, in seconds."""

    wall: float
    cpu: float


def run(lines: Sequence[Line], cwd: Path, environ: Mapping[str, str]) -> Took:
    """Run programs one after the other. Raises RuntimeError with what was said if one fails."""
    cpu, started = 0.0, time.perf_counter()
    for line in lines:
        with subprocess.Popen(
            line,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            said = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(line)}: {said.decode(errors='replace')[-2000:]}")
        cpu += used.ru_utime + used.ru_stime
    return Took(time.perf_counter() - started, cpu)


def best(taken: Sequence[Took]) -> Took:
    """The least of each: what else the machine does can only add."""
    return Took(min(one.wall for one in taken), min(one.cpu for one in taken))
