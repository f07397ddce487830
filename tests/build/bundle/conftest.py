"""What the tests of the bundle share: writing a project, and a console that can be read."""

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli.console import Console
from lambdify.cli.packing.bundle.bundle import Bundle

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Writes files, given as {path: text or bytes}, into a project's folder, and gives the folder."""

    def write(files: dict[str, str | bytes], folder: str = "project") -> Path:
        root = tmp_path / folder
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


@pytest.fixture
def story() -> io.StringIO:
    """What the console says."""
    return io.StringIO()


@pytest.fixture
def console(story: io.StringIO) -> Console:
    return Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=story, environ={})


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has filled."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def call(answer_of: Callable[..., dict]) -> Callable[[Bundle], dict]:
    """Unpacks a bundle as Lambda does, and gives what its function answers to GET / in a clean process."""

    def call(bundle: Bundle) -> dict:
        layer = bundle.layer.path if bundle.layer else None
        return answer_of(bundle.app.path, layer, python=bundle.target.python)

    return call


@pytest.fixture
def open_in_browser(tmp_path: Path) -> Callable[..., str]:
    """Opens a page in Chromium, which is to reach no network, and gives the document that it becomes."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        reason = "there is no Chromium on this machine"
        if os.environ.get("LAMBDIFY_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [
        "--window-size=1300,1000",
        "--virtual-time-budget=5000",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]

    def open_page(path: Path, *more: str) -> str:
        command = [browser, *flags, *more, "--dump-dom", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return open_page
