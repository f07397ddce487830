"""A local cloud ends at once and whole: what a function started goes too, wherever it hid."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local.proc import descendants, is_alive, read
from local.stacks import Deployed
from waiting import eventually

from lambdify.cli.console import Console
from lambdify.cli.local.daemon import cloud as room

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(
        not Path("/proc/self/stat").exists(), reason="looks at processes through Linux's /proc"
    ),
]

HIDES = """
import os, subprocess, sys, time

TWICE = "import os, sys, time\\nif os.fork(): os._exit(0)\\nos.setsid()\\nprint(os.getpid(), flush=True)\\n"
TWICE += "os.close(1)\\ntime.sleep(300)\\n"
HIDDEN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"

def start():
    session = subprocess.Popen([sys.executable, "-c", HIDDEN], start_new_session=True)
    group = subprocess.Popen([sys.executable, "-c", HIDDEN], process_group=0)
    # Its parent is gone at once, and so is every trace of whose it was.
    orphan = subprocess.run([sys.executable, "-c", TWICE], stdout=subprocess.PIPE, env={}, text=True)
    return [session.pid, group.pid, int(orphan.stdout)]

PIDS = start()

def handler(event, context):
    path = event.get("rawPath")
    if path == "/exit":
        os._exit(3)
    if path == "/sleep":
        time.sleep(60)
    return PIDS
"""


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[room.Cloud]:
    """A cloud of this test's own."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    yield room.ensure(Console(quiet=True))
    room.stop(Console(quiet=True))


@pytest.fixture
def hidden(cloud: room.Cloud, tmp_path: Path) -> Iterator[tuple[Deployed, list[int]]]:
    """A stage whose function has hidden three processes, and these."""
    app = Deployed(cloud, tmp_path, HIDES, timeout=60)
    pids: list[int] = httpx.get(app.url, timeout=30).json()
    assert all(map(is_alive, pids))
    yield app, pids
    for pid in filter(is_alive, pids):
        os.kill(pid, signal.SIGKILL)


Hidden = tuple[Deployed, list[int]]


class Listening(Console):
    """A console that notices what somebody is warned of: that the daemon did not end by itself, for one."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.told: list[str] = []

    def warn(self, text: str) -> None:
        self.told.append(text)


def stop_unkilled() -> None:
    """Stop the cloud. Its daemon ends by itself after a few seconds, before the command would kill it."""
    console = Listening()
    assert room.stop(console)
    assert console.told == [], "it was not killed"


def test_stop_ends_what_a_function_hid_without_being_killed(cloud: room.Cloud, hidden: Hidden) -> None:
    everything = {cloud.pid, *descendants(cloud.pid), *hidden[1]}
    stop_unkilled()
    assert not [pid for pid in everything if is_alive(pid)]


def test_a_killed_daemon_takes_what_a_function_hid_with_it(cloud: room.Cloud, hidden: Hidden) -> None:
    os.kill(cloud.pid, signal.SIGKILL)
    assert eventually(lambda: not any(map(is_alive, hidden[1])))


def test_what_a_function_hid_ends_with_its_sandbox(cloud: room.Cloud, hidden: Hidden) -> None:
    app, pids = hidden
    other = Deployed(cloud, app.cloud.home.parent, "def handler(event, context):\n    return 'alive'\n")
    assert httpx.get(other.url).text == "alive"
    assert httpx.get(f"{app.url}/exit", timeout=30).status_code in {500, 502}
    assert eventually(lambda: not any(map(is_alive, pids)))
    assert httpx.get(other.url).text == "alive", "what is of another sandbox stays"
    again = httpx.get(app.url, timeout=30).json()
    assert all(map(is_alive, again))
    app.remove()
    assert eventually(lambda: not any(map(is_alive, again)), seconds=10)


def test_what_a_function_hid_lives_on_between_two_events(hidden: Hidden) -> None:
    app, pids = hidden
    for _ in range(3):
        assert httpx.get(app.url).json() == pids
    assert all(map(is_alive, pids))


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def handler(event, context):
    if event.get("rawPath") == "/sleep":
        time.sleep(60)
    print("x" * 1000)
"""


def test_stop_does_not_wait_for_the_stubborn_nor_for_what_is_under_way(
    cloud: room.Cloud, tmp_path: Path
) -> None:
    app = Deployed(cloud, tmp_path, STUBBORN, timeout=60)
    for _ in range(3):
        httpx.get(app.url)
    with httpx.Client() as client:
        for _ in range(4):
            with pytest.raises(httpx.ReadTimeout):
                client.get(f"{app.url}/sleep", timeout=0.5)
    everything = {cloud.pid, *descendants(cloud.pid)}
    stop_unkilled()
    assert not [pid for pid in everything if is_alive(pid)]


def test_stop_does_not_wait_for_apis_that_hang(cloud: room.Cloud, tmp_path: Path) -> None:
    Deployed(cloud, tmp_path, "def handler(event, context):\n    return 1\n")
    children = {pid: read(pid, "cmdline") for pid in descendants(cloud.pid)}
    for pid in (pid for pid, command in children.items() if b"ministack_bridge" in command):
        os.kill(pid, signal.SIGSTOP)
    stop_unkilled()
    assert not [pid for pid in children if is_alive(pid)]
    assert not (cloud.home / "functions").exists()


def trees(cloud: room.Cloud) -> list[str]:
    return sorted(path.name for path in (cloud.home / "functions").iterdir() if path.name != "tmp")


def versions(app: Deployed) -> list[str]:
    found = app.account.client("lambda").list_versions_by_function(FunctionName=app.name)["Versions"]
    return [each["Version"] for each in found if each["Version"] != "$LATEST"]


def source(number: int) -> str:
    return f"import shared\ndef handler(event, context):\n    return [{number}, shared.NAME]\n"


def test_code_goes_with_its_version_and_a_layer_is_there_once(cloud: room.Cloud, tmp_path: Path) -> None:
    app = Deployed(cloud, tmp_path, source(1), layers={"Layer": {"python/shared.py": "NAME = 'layer'\n"}})
    for number in (1, 2, 3, 4):
        if number > 1:
            app.update(source(number))
        assert httpx.get(app.url).json() == [number, "layer"]
    assert [name.partition("-")[0] for name in trees(cloud)] == ["code"] * 4 + ["layers"]
    assert versions(app) == ["1", "2", "3", "4"]
    client = app.account.client("lambda")
    for version in ("1", "2"):
        client.delete_function(FunctionName=app.name, Qualifier=version)
    assert eventually(lambda: len(trees(cloud)) == 3, seconds=20)
    # Not the newest: its code can be had from nowhere else.
    client.update_alias(FunctionName=app.name, Name="live", FunctionVersion="3")
    assert eventually(lambda: httpx.get(app.url).json() == [3, "layer"])
    app.remove()
    assert eventually(lambda: trees(cloud) == [], seconds=20)


def test_code_that_another_stage_has_too_stays(cloud: room.Cloud, tmp_path: Path) -> None:
    layers = {"Layer": {"python/shared.py": "NAME = 'layer'\n"}}
    one, two = (Deployed(cloud, tmp_path, source(1), layers=layers) for _ in range(2))
    for app in (one, two):
        assert httpx.get(app.url).json() == [1, "layer"]
    assert len(trees(cloud)) == 2
    one.remove()
    assert eventually(lambda: [stage.name for stage in room.status(cloud)] == [two.name], seconds=10)
    other = Deployed(cloud, tmp_path, source(2))
    other.remove()
    assert eventually(lambda: len(trees(cloud)) == 2, seconds=20)
    assert httpx.get(two.url).json() == [1, "layer"]
