"""A local cloud with a stage in it, for those who have no business there."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local.proc import descendants, listening
from local.stacks import Deployed

from lambdify.cli.console import Console
from lambdify.cli.local.daemon import cloud as room

SECRET = "the-secret-of-the-app"
APP = f"def handler(event, context):\n    return {SECRET!r}\n"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[room.Cloud]:
    """A local cloud that all tests of the session share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_HOME", str(tmp_path_factory.mktemp("home")))
        yield room.ensure(Console(quiet=True))
        room.stop(Console(quiet=True))


@pytest.fixture(scope="session")
def stage(cloud: room.Cloud, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """A stage with a sandbox that waits for the next event."""
    return Deployed(cloud, tmp_path_factory.mktemp("project"), APP)


@pytest.fixture
def ports(cloud: room.Cloud) -> Callable[[], list[int]]:
    """Every port that something of the cloud listens on now."""
    return lambda: sorted({port for _, port in listening({cloud.pid, *descendants(cloud.pid)})})


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Callable[..., str]:
    """Opens an address in Chromium, in which evil.example leads to this machine; the page that it becomes."""

    def open_page(address: str) -> str:
        # Without a network of its own to compare with, Chromium takes the page for one of this machine.
        command = [chromium, *FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1", "--timeout=20000"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", "--dump-dom"]
        done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return open_page
