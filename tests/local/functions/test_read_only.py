"""The code of a function can be written by nobody, as on Lambda, and not by root either."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

Run = Callable[..., "object"]

WRITES = """
import os, pathlib, subprocess, sys

HERE = pathlib.Path(__file__).parent
TRIES = {
    "a new file": lambda folder: (folder / "visits.txt").write_text("1"),
    "an old file": lambda folder: (folder / "old.txt").open("a"),
    "its removal": lambda folder: (folder / "old.txt").unlink(),
    "another name": lambda folder: (folder / "old.txt").rename(folder / "new.txt"),
    "a new folder": lambda folder: (folder / "uploads").mkdir(),
    "a link": lambda folder: (folder / "link").symlink_to("old.txt"),
}

def attempt(write, folder):
    try:
        write(folder)
    except OSError as error:
        return error.errno
    return 0

def handler(event, context):
    folders = {"code": HERE, "layers": pathlib.Path(sys.path[2]), "where it is": pathlib.Path()}
    if event.get("runtime"):
        folders["runtime"] = pathlib.Path(sys.path[-1])
    found = {}
    for name, folder in folders.items():
        found |= {f"{what} in {name}": attempt(write, folder) for what, write in TRIES.items()}
    child = "import pathlib, sys; pathlib.Path(sys.argv[1], 'child.txt').write_text('x')"
    command = [sys.executable, "-c", child, str(HERE)]
    found["a child"] = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
    (pathlib.Path(os.environ["TMPDIR"]) / "scratch.txt").write_text("mine")
    return found
"""


def prepare(tmp_path: Path) -> None:
    """Folders as `write_tree` leaves them."""
    for name in ("task", "opt", "opt/python"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "old.txt").write_text("old")
    for name in ("task", "opt", "opt/python"):
        (tmp_path / name / "old.txt").chmod(0o444)


def close_folders(tmp_path: Path) -> None:
    for name in ("opt/python", "opt", "task"):
        (tmp_path / name).chmod(0o555)


def test_code_layers_and_runtime_cannot_be_written(run: Run, tmp_path: Path) -> None:
    prepare(tmp_path)
    running = run(WRITES)
    close_folders(tmp_path)
    # The client and boto3 are shared by all, and lie in the cache.
    event = json.dumps({"runtime": os.getuid() == 0})
    outcome = running.invoke(event)  # type: ignore[attr-defined]
    assert not outcome.failed, outcome
    found = json.loads(outcome.payload)
    written = [what for what, code in found.items() if code == 0]
    assert not written
    if os.getuid() == 0:
        about_files = {code for what, code in found.items() if what != "a child" and "runtime" not in what}
        assert errno.EROFS in about_files
    assert (tmp_path / "task" / "old.txt").read_text() == "old"
    assert not (tmp_path / "task" / "child.txt").exists()


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root has rights to be taken away"
)
@pytest.mark.parametrize(
    ("taken", "said"),
    [("-sys_admin", False), ("-sys_admin,-dac_override,-setpcap", False)],
    ids=["as root in a container", "as root with next to no rights"],
)
def test_where_no_mount_may_be_made_roots_right_to_write_everywhere_goes(
    run: Run, tmp_path: Path, taken: str, said: bool
) -> None:
    prepare(tmp_path)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec setpriv --bounding-set={taken} {sys.executable} "$@"\n')
    python.chmod(0o755)
    running = run(WRITES, python=python)
    close_folders(tmp_path)
    outcome = running.invoke()  # type: ignore[attr-defined]
    assert not outcome.failed, outcome
    found = json.loads(outcome.payload)
    assert not [what for what, code in found.items() if code == 0]
    assert ("can be written" in "".join(running.log)) is said  # type: ignore[attr-defined]


PROJECT = {
    "app.py": "import pathlib\nfrom flask import Flask\napp = Flask(__name__)\n"
    "@app.get('/visit')\ndef visit():\n"
    "    pathlib.Path(__file__).with_name('visits.txt').write_text('1')\n    return 'written'\n",
    "requirements.txt": "flask==3.1.2\n",
}


@pytest.mark.cloud
@pytest.mark.slow
@pytest.mark.index
def test_an_app_that_writes_into_its_folder_fails_here_as_on_lambda(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "writes"
    project.mkdir()
    for name, text in PROJECT.items():
        (project / name).write_text(text)
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(project)
    command = str(Path(sys.executable).with_name("lambdify"))
    try:
        done = subprocess.run([command, "deploy", "--local"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert httpx.get(f"{done.stdout.strip()}/visit").status_code == 500
        logged = subprocess.run([command, "logs", "--local"], capture_output=True, text=True, timeout=60)
        expected = "Read-only file system" if os.getuid() == 0 else "Permission denied"
        assert expected in logged.stdout
    finally:
        subprocess.run([command, "local", "stop"], capture_output=True, timeout=60)
