"""Builds that are killed, and builds at the same time: the bytes are those of an undisturbed build."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from packing.wheel_files import write_wheel

PROGRAM = """\
import hashlib, sys
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.packing.bundle import bundle
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
candidate = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")
made = bundle.pack(settings.load(Path(sys.argv[1])), candidate, Path(sys.argv[2]), Console())
for one in made.archives:
    print(one.path.name, hashlib.sha256(one.path.read_bytes()).hexdigest())
"""
APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"
PACKAGES = 6
MODULE = "def work(a, b):\n    return [a, b, {number}]\n\n\n" * 40
KILLS = 12

pytestmark = pytest.mark.slow


class Quiet(SimpleHTTPRequestHandler):
    """A directory listing is a simple repository page: https://peps.python.org/pep-0503/."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "index"
    for number in range(PACKAGES):
        name = f"shop{number}"
        files: dict[str, str | bytes] = {
            f"{name}/module{each}.py": MODULE.format(number=each) for each in range(20)
        }
        write_wheel(folder / name, name, files)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def root(project, index) -> Path:
    names = "".join(f"shop{number}\n" for number in range(PACKAGES))
    modules = {f"own/module{number}.py": MODULE.format(number=number) for number in range(20)}
    return project(
        {"app.py": "app = print\n", **modules, "requirements.txt": f"--index-url {index}\n{names}"}
    )


def start(root: Path, place: Path) -> "subprocess.Popen[str]":
    """A build of the project, with its cache and its zips in `place`."""
    environ = os.environ | {"LAMBDIFY_CACHE": str(place / "cache"), "TMPDIR": str(place)}
    place.mkdir(exist_ok=True)
    line = [sys.executable, "-c", PROGRAM, str(root), str(place / "out")]
    return subprocess.Popen(
        line,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def result(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return said


def test_a_build_after_builds_that_were_killed_gives_the_same_bytes(root, tmp_path):
    began = time.monotonic()
    undisturbed = result(start(root, tmp_path / "undisturbed"))
    took = time.monotonic() - began
    assert undisturbed.count("\n") == 2
    moments = random.Random(20).choices(range(1000), k=KILLS)
    for number, moment in enumerate(moments):
        process = start(root, tmp_path / "killed")
        time.sleep(took * moment / 1000)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # A change, so that there is something to do after a build that was faster than its end.
        (root / "own/module0.py").write_text(f"A = {number}\n")
    (root / "own/module0.py").write_text(MODULE.format(number=0))
    assert result(start(root, tmp_path / "killed")) == undisturbed


def test_builds_at_the_same_time_do_not_disturb_each_other(root, tmp_path):
    undisturbed = result(start(root, tmp_path / "undisturbed"))
    together = [start(root, tmp_path / "together") for _ in range(4)]
    assert [result(process) for process in together] == [undisturbed] * 4
    assert result(start(root, tmp_path / "together")) == undisturbed


def hidden(place: Path) -> list[Path]:
    return [path for path in (place / "cache").rglob(".*") if path.name != ".lock"]


def test_what_a_killed_download_leaves_is_swept_away_by_a_later_run(project, lambdify):
    stalled = threading.Event()

    class Stalling(BaseHTTPRequestHandler):
        """Begins every wheel, and ends none."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"PK")
            stalled.set()
            over.wait(60)

        def log_message(self, *_: object) -> None:
            pass

    over = threading.Event()
    root = project({"app.py": APP})
    with ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/web-1.0-py3-none-any.whl"
        lock = 'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "web"\nversion = "1.0"\n'
        (root / "pylock.toml").write_text(
            f'{lock}wheels = [{{ url = "{url}", hashes = {{ sha256 = "{"0" * 64}" }} }}]\n'
        )
        with lambdify.start("package", cwd=root) as process:
            assert stalled.wait(60)
            process.kill()
        over.set()
        server.shutdown()
        thread.join()
    left = hidden(lambdify.folder)
    assert left
    (root / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "hand"\npackages = []\n')
    assert lambdify("package", cwd=root).returncode == 0
    assert hidden(lambdify.folder) == left, "another run may be at it"
    for path in left:
        for each in (*path.rglob("*"), path):
            os.utime(each, (0, 0))
    (root / "app.py").write_text(f"{APP}\n")
    assert lambdify("package", cwd=root).returncode == 0
    assert hidden(lambdify.folder) == []
