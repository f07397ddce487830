"""cloud.json is whole or counts as none; it is nobody else's to read, and a full disk is said."""

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from waiting import PATIENCE

from lambdify.cli.console import Console
from lambdify.cli.errors import DiskFull
from lambdify.cli.local import processes
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.local.daemon import state

ME = processes.identify(os.getpid())
assert ME
GONE = replace(ME, started="long ago")
WRITTEN = state.State(
    version="1.0",
    endpoint_url="http://127.0.0.1:1",
    control=Path("/nowhere/control.sock"),
    credentials=Credentials("LAMBDIFYKEY", "very-secret"),
    daemon=GONE,
    ministack=GONE,
    watchdog=GONE,
)
OLD = {
    "version": "0.1.0",
    "endpoint_url": "http://127.0.0.1:1",
    "control_url": "http://127.0.0.1:2",
    **{name: asdict(GONE) for name in ("daemon", "ministack", "watchdog")},
}
MISSHAPEN = {
    "empty": "",
    "cut short": '{"version": "1.0", "endp',
    "brace": "{",
    "object": "{}",
    "list": "[]",
    "null": "null",
    "number": "7",
    "text": '"cloud"',
    "of an older version": json.dumps(OLD),
    "of a newer version": json.dumps({"format": 2, "clouds": [OLD]}),
    "of other types": json.dumps({**OLD, "control": 1, "credentials": "x", "daemon": []}),
    "of keys of other types": json.dumps(
        {**OLD, "control": "c", "credentials": {"key_id": 1, "secret": None}}
    ),
    "nested": "[" * 100_000,
    "NULs after a crash": "\0" * 4096,
    "not UTF-8": "\udcff\udcfe",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("lambdify")), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def put(home: Path, text: str) -> None:
    (home / "cloud.json").write_bytes(text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("kind", MISSHAPEN)
def test_a_state_that_cannot_be_read_counts_as_none_and_is_said(home: Path, kind: str) -> None:
    put(home, MISSHAPEN[kind])
    story = io.StringIO()
    assert room.find(Console(stderr=story)) is None
    assert str(home / "cloud.json") in story.getvalue()
    assert "counts as none" in story.getvalue()
    story = io.StringIO()
    assert not room.stop(Console(stderr=story))
    assert "counts as none" in story.getvalue()
    assert not (home / "cloud.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["empty", "brace", "of an older version"])
def test_every_command_goes_on_without_a_state_that_cannot_be_read(
    home: Path, tmp_path: Path, kind: str
) -> None:
    put(home, MISSHAPEN[kind])
    status = run("local", "status")
    assert (status.returncode, status.stdout) == (0, "The local cloud is not running.\n")
    assert status.stderr.count("counts as none") == 1
    for words, code in ((["local", "env"], 51), (["logs", "--local"], 51), (["local", "stop"], 0)):
        done = run(*words)
        assert (done.returncode, "bug" in done.stderr) == (code, False), done.stderr
    assert run("local", "stop").stderr == "", "the second time there is nothing to say"


def test_what_a_state_of_another_shape_still_names_is_ended(home: Path) -> None:
    daemon = subprocess.Popen(["sleep", "60"], process_group=0)
    known = processes.identify(daemon.pid)
    assert known
    put(home, json.dumps({**OLD, "daemon": asdict(known)}))
    assert room.stop(Console(quiet=True))
    assert daemon.wait(PATIENCE) != 0


def test_a_state_is_for_its_owner_and_its_secret_for_nobodys_log(home: Path) -> None:
    state.write(home, WRITTEN)
    assert state.load(home) == WRITTEN
    assert stat.S_IMODE((home / "cloud.json").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["cloud.json"]
    assert "very-secret" not in repr(WRITTEN)


def test_a_home_folder_becomes_private_and_a_folder_of_other_things_stays(tmp_path: Path) -> None:
    for name, mode in (("new", None), ("empty", 0o755), ("used", 0o755)):
        home = tmp_path / name
        if mode:
            home.mkdir()
            home.chmod(mode)
        if name == "used":
            (home / "cloud.lock").touch(mode=0o644)
        with state.locked(home):
            assert stat.S_IMODE(home.stat().st_mode) == 0o700
            assert stat.S_IMODE((home / "cloud.lock").stat().st_mode) == 0o600
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "of somebody else").touch()
    with state.locked(shared):
        assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder on a disk of its own, with little room."""
    home = tmp_path / "home"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(home)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be made: {mounted.stderr.decode()}")
    monkeypatch.setenv("LAMBDIFY_HOME", str(home))
    yield home
    room.stop(Console(quiet=True))
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_state_for_which_there_is_no_room_leaves_the_one_before(small_disk: Path) -> None:
    state.write(small_disk, WRITTEN)
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        state.write(small_disk, replace(WRITTEN, version="2.0" * 10_000))
    assert state.load(small_disk) == WRITTEN
    assert sorted(path.name for path in small_disk.iterdir()) == ["cloud.json", "filler"]


APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"


@pytest.mark.cloud
@pytest.mark.slow
def test_a_full_disk_under_the_cloud_is_said_by_deploy_and_is_no_end(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "hello"
    project.mkdir()
    (project / "app.py").write_text(APP)
    monkeypatch.chdir(project)
    first = run("deploy", "--local", "--yes")
    assert first.returncode == 0, first.stderr
    (project / "app.py").write_text(APP.replace("hello", "again"))
    (project / "large.bin").write_bytes(os.urandom(2_000_000))
    filler = fill(small_disk)
    # Room for the log, and none for the code.
    os.truncate(filler, filler.stat().st_size - 1_000_000)
    failed = run("deploy", "--local", "--yes")
    assert failed.returncode != 0
    assert "The disk is full: No space left on device" in failed.stderr
    assert "MiB for LAMBDIFY_HOME" in failed.stderr
    filler.unlink()
    again = run("deploy", "--local", "--yes")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
@pytest.mark.cloud
def test_a_cloud_that_finds_no_room_does_not_start_and_says_why(small_disk: Path) -> None:
    (small_disk / "cloud.lock").touch()
    fill(small_disk)
    with pytest.raises(DiskFull, match="No space left on device"):
        room.ensure(Console(quiet=True))
    assert room.find() is None
    (small_disk / "filler").unlink()
    assert room.ensure(Console(quiet=True)).pid
