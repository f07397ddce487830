"""From an empty folder to an app that ran and is gone, as docs/start.md shows it."""

import contextlib
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import terminal
from samples.command import EXECUTABLE, Project, find_processes
from waiting import PATIENCE, eventually

from lambdify.cli.programs import pythons

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

PAGE = Path(__file__).parents[2] / "docs" / "start.md"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    Project(folder=tmp_path, home=folder).run("local", "stop")
    assert find_processes(folder) == []
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def serving(project: Project, told: Path) -> Iterator[str]:
    """The address of `lambdify serve` on a port of its own; what it says goes to a file."""
    with told.open("wb") as output:
        process = subprocess.Popen(
            [EXECUTABLE, "serve", "--port", "0"],
            cwd=project.folder,
            env={**os.environ, "LAMBDIFY_HOME": str(project.home), "CI": "true", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        lines = eventually(
            lambda: [each for each in told.read_text().splitlines() if each.startswith("http:")]
        )
        assert lines, told.read_text()
        yield lines[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=PATIENCE) as response:
        return response.read().decode()


def test_the_recorded_terminal_is_what_a_terminal_shows(tmp_path: Path, home: Path) -> None:
    project = Project(folder=tmp_path, home=home)
    (shown,) = terminal.blocks(PAGE, "As a terminal shows it")
    for line, recorded in terminal.steps(shown):
        if line.startswith("cd "):
            project = Project(folder=project.folder / line.removeprefix("cd "), home=home)
            # On this Python nothing has to be installed.
            (project.folder / ".python-version").write_text(f"{pythons.RUNNING}\n")
            continue
        if line == "lambdify serve":
            with serving(project, tmp_path / "told") as address:
                assert "Middlemarch" in read(f"{address}/books")
                main = project.folder / "main.py"
                main.write_text(main.read_text().replace("Middlemarch", "Romola"))
                assert "Romola" in read(f"{address}/books")
            said = (tmp_path / "told").read_text().splitlines()
        else:
            done = project.run(*line.split()[1:])
            said = [*done.story.splitlines(), *done.answer.splitlines()]
        assert terminal.holds(recorded, said), "\n".join([line, *said])
