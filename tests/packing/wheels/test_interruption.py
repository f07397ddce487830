"""Ctrl-C while something is being built: nothing of ours stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from packing.packages import source_tree
from waiting import eventually

PROGRAM = """
import sys
from pathlib import Path

from lambdify.cli import settings
from lambdify.cli.packing.wheels.dependencies import find_dependencies
from lambdify.cli.packing.target import Target
from lambdify.cli.console import Console
find_dependencies(settings.load(Path(sys.argv[1])), Target(python="3.11"), (), Console())
"""
WAIT = """
import os, pathlib, sys, time
pathlib.Path({path!r}).write_text(str(os.getpid()))
time.sleep(300)
"""


def start(root: Path, tmp_path: Path) -> "subprocess.Popen[bytes]":
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary), "LAMBDIFY_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", PROGRAM, str(root)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_the_build_backend_that_uv_started_ends_too(project, tmp_path):
    started = tmp_path / "started"
    files = {**source_tree("slow", "1.0"), "backend.py": WAIT.format(path=str(started))}
    root = project({f"slow/{name}": text for name, text in files.items()} | {"requirements.txt": "./slow\n"})
    process = start(root, tmp_path)
    assert eventually(started.is_file)
    backend = int(eventually(started.read_text))
    assert alive(backend)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert eventually(lambda: not alive(backend))
    assert list((tmp_path / "temporary").iterdir()) == []
