"""What the tests of the bundle share: writing a project, and a console that can be read."""

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli.build import pythons
from lambdify.cli.build.bundle import Bundle
from lambdify.cli.console import Console

Project = Callable[..., Path]
# Lambda's order: the function's own files come before the layer's.
BOOT = """\
import json, os, sys
task, layer = sys.argv[1:]
sys.path[:0] = [task, os.path.join(layer, "python")]
os.environ["LAMBDA_TASK_ROOT"] = task
from lambdify.adapter import entry
event = {
    "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
    "headers": {"host": "example.org"}, "isBase64Encoded": False,
    "requestContext": {
        "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
        "domainName": "example.org", "stage": "$default", "requestId": "1", "apiId": "abc",
    },
}
payload = entry.handler(event, None)
specs = [spec for module in list(sys.modules.values()) if (spec := getattr(module, "__spec__", None))]
packed = [spec for spec in specs if (spec.origin or "").startswith((task, layer))]
ours = [spec for spec in packed if spec.origin.endswith(".py")]
compiled = [spec.name for spec in ours if not os.path.exists(spec.cached)]
print(json.dumps({"payload": payload, "modules": len(ours), "compiled": compiled}), flush=True)
# As Lambda ends an environment: with a kill.
os._exit(0)
"""


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
def call(tmp_path: Path) -> Callable[[Bundle], dict]:
    """Unpacks a bundle as Lambda does, and gives what its function answers to GET / in a clean process."""

    def call(bundle: Bundle) -> dict:
        for archive, name in ((bundle.app, "task"), (bundle.layer, "opt")):
            (tmp_path / name).mkdir()
            if archive:
                with zipfile.ZipFile(archive.path) as packed:
                    packed.extractall(tmp_path / name)
        python = pythons.find(bundle.target.python)
        command = [python, "-I", "-S", "-B", "-c", BOOT, tmp_path / "task", tmp_path / "opt"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

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
