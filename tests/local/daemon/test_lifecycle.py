"""Starting and ending a local cloud: one for each home folder, nothing half started, nothing left."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from local.proc import descendants, is_alive, listening, read
from local.stacks import Deployed
from waiting import eventually

from lambdify.cli.console import Console
from lambdify.cli.errors import CacheInUse, LocalCloudFailed
from lambdify.cli.local import processes
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.local.daemon import state
from lambdify.cli.storage import caches

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at processes through Linux's /proc"),
]

LOOPBACK = "0100007F"
"""127.0.0.1, as /proc/net/tcp writes it."""
SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(60)\n"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console) -> Iterator[Path]:
    """A home folder for a cloud of this test's own."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    room.stop(console)


def test_what_a_cloud_runs_with_is_not_cleared_from_under_it(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    room.ensure(console)
    with pytest.raises(CacheInUse, match="local cloud"):
        caches.clear(tmp_path)
    room.stop(console)
    (runtime,) = [shelf for shelf in caches.find_all(tmp_path) if shelf.name == "runtime"]
    assert caches.clear(tmp_path).entries == runtime.entries == 1, "what the cloud itself ran on"


def everything(cloud: room.Cloud) -> set[int]:
    return {cloud.pid, *descendants(cloud.pid)}


def open_ports(cloud: room.Cloud) -> set[int]:
    return {port for _, port in listening(everything(cloud))}


def test_a_cloud_that_runs_is_found_at_once(own_home: Path, console: Console) -> None:
    assert room.find() is None
    started = room.ensure(console)

    def never(seconds: float) -> None:
        pytest.fail("it was waited for")

    assert room.ensure(console, sleep=never) == room.find() == started


def test_everything_listens_on_the_loopback_only(own_home: Path, console: Console, tmp_path: Path) -> None:
    cloud = room.ensure(console)
    app = Deployed(cloud, tmp_path, "def handler(event, context):\n    return 1\n")
    httpx.get(app.url)
    found = listening(everything(cloud))
    assert {address for address, _ in found} == {LOOPBACK}
    # AWS's APIs, the gateway, and the Runtime API of the one sandbox. Control is no port.
    assert len(found) == 3


def test_stop_leaves_no_process_and_no_port(own_home: Path, console: Console, tmp_path: Path) -> None:
    cloud = room.ensure(console)
    app = Deployed(cloud, tmp_path, "def handler(event, context):\n    return 1\n")
    httpx.get(app.url)
    pids, ports = everything(cloud), open_ports(cloud)
    assert len(pids) >= 4, "daemon, watchdog, ministack, sandbox"
    assert room.stop(console)
    assert not any(map(is_alive, pids))
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    assert room.find() is None
    assert not (own_home / "functions").exists()


def test_stop_ends_a_request_that_is_under_way(own_home: Path, console: Console, tmp_path: Path) -> None:
    cloud = room.ensure(console)
    app = Deployed(cloud, tmp_path, SLEEPER, timeout=60)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(httpx.get, app.url, timeout=60)
        assert eventually(lambda: room.status(cloud)[0].environments == 1)
        pids = everything(cloud)
        begun = time.monotonic()
        room.stop(console)
        assert time.monotonic() - begun < 50, "the request would have taken a minute"
        assert not any(map(is_alive, pids))
        assert asked.exception() or asked.result().status_code == 500


def test_stopping_what_does_not_run_says_so(own_home: Path, console: Console) -> None:
    assert not room.stop(console)


def test_a_killed_daemon_takes_everything_with_it_and_another_can_start(
    own_home: Path, console: Console, tmp_path: Path
) -> None:
    cloud = room.ensure(console)
    app = Deployed(cloud, tmp_path, "def handler(event, context):\n    return 1\n")
    httpx.get(app.url)  # leaves a sandbox that is frozen, which cannot notice anything by itself
    pids = everything(cloud)
    os.kill(cloud.pid, signal.SIGKILL)
    assert eventually(lambda: not any(map(is_alive, pids)))
    assert room.find() is None
    second = room.ensure(console)
    assert second.pid != cloud.pid
    assert httpx.get(f"{second.endpoint_url}/_ministack/health").status_code == 200


def test_after_a_killed_daemon_stop_has_nothing_to_end(own_home: Path, console: Console) -> None:
    cloud = room.ensure(console)
    pids = everything(cloud)
    os.kill(cloud.pid, signal.SIGKILL)
    assert eventually(lambda: not is_alive(cloud.pid))
    assert not room.stop(console)
    assert not any(map(is_alive, pids))
    assert not (own_home / "cloud.json").exists()


def test_a_cloud_whose_ministack_died_ends(own_home: Path, console: Console) -> None:
    cloud = room.ensure(console)
    left = state.load(own_home)
    assert left
    pids = everything(cloud)
    os.killpg(left.ministack.pid, signal.SIGKILL)
    assert eventually(lambda: not any(map(is_alive, pids)))
    assert "ministack ended" in (own_home / state.LOG).read_text()
    assert room.find() is None


def test_a_cloud_whose_home_is_deleted_ends(own_home: Path, console: Console) -> None:
    cloud = room.ensure(console)
    pids = everything(cloud)
    shutil.rmtree(own_home)
    assert eventually(lambda: not any(map(is_alive, pids)))


def test_the_pid_of_a_dead_daemon_may_belong_to_somebody_else_now(own_home: Path, console: Console) -> None:
    room.ensure(console)
    left = state.load(own_home)
    assert left
    room.stop(console)
    other = processes.Process(pid=os.getpid(), started="long ago")
    state.write(own_home, replace(left, daemon=other, ministack=other, watchdog=other))
    assert room.find() is None
    assert not room.stop(console), "and we are still here"


def test_two_commands_at_once_start_one_cloud(own_home: Path) -> None:
    script = (
        "from lambdify.cli.console import Console; from lambdify.cli.local.daemon import cloud; "
        "print(cloud.ensure(Console(quiet=True)).pid)"
    )
    commands = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    pids = [int(command.communicate()[0]) for command in commands]
    assert pids[0] == pids[1]


def test_two_homes_have_two_clouds(
    own_home: Path, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = room.ensure(console)
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "second"))
    second = room.ensure(console)
    try:
        assert not open_ports(first) & open_ports(second)
        room.stop(console)
        assert is_alive(first.pid)
        assert not is_alive(second.pid)
    finally:
        monkeypatch.setenv("LAMBDIFY_HOME", str(own_home))


def test_an_interrupted_start_leaves_nothing(own_home: Path, console: Console) -> None:
    calls = 0

    def interrupt(seconds: float) -> None:
        nonlocal calls
        calls += 1
        if calls > 10:
            raise KeyboardInterrupt
        time.sleep(seconds)

    before = descendants(os.getpid())
    with pytest.raises(KeyboardInterrupt):
        room.ensure(console, sleep=interrupt)
    # The daemon was our child, and so were those that it started.
    assert eventually(lambda: descendants(os.getpid()) <= before)
    assert room.find() is None


def test_a_start_that_fails_shows_why(
    own_home: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(own_home / "empty"))
    monkeypatch.setenv("LAMBDIFY_CACHE", str(own_home / "nothing"))
    with pytest.raises(LocalCloudFailed) as caught:
        room.ensure(console)
    assert "What ministack needs could not be installed" in caught.value.message
    assert "the network was disabled" in caught.value.message.lower()
    assert "package index" in caught.value.message


def test_a_cloud_of_another_version_is_pointed_out(own_home: Path, console: Console) -> None:
    running = room.ensure(console)
    left = state.load(own_home)
    assert left
    state.write(own_home, replace(left, version="0.0.1"))
    story = io.StringIO()
    assert room.ensure(Console(stderr=story)).pid == running.pid
    assert "was started by lambdify 0.0.1" in story.getvalue()
    assert "lambdify local stop" in story.getvalue()


def test_nothing_of_the_developers_aws_configuration_reaches_the_cloud(
    own_home: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    cloud = room.ensure(console)
    environs = [read(pid, "environ") for pid in everything(cloud)]
    assert read(cloud.pid, "environ")
    assert not any(b"very-secret" in each for each in environs)


def test_threads_that_ask_at_once_get_the_same_cloud(own_home: Path, console: Console) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(room.ensure(console).pid)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
