"""What the tests of packing share: `lambdify` as users run it, its zips as Lambda runs them, a package index.

The index is real HTTP with real wheels and sdists, so most of what matters is tested without the network;
what needs packages as the world makes them is marked `index`.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from packing.package_index import Handler, Index

from lambdify.cli import settings as settings_module
from lambdify.cli.console import Console
from lambdify.cli.packing import archive
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels import site_packages
from lambdify.cli.packing.wheels.dependencies import Dependencies, find_dependencies
from lambdify.cli.programs import pythons

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

QUIET = """\
import sys
started = []
sys.addaudithook(lambda event, _: started.append(event) if event in EVENTS else None)
EVENTS = {"subprocess.Popen", "os.fork", "os.exec", "os.posix_spawn", "os.system"}
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.package import package
package(settings.load(Path(sys.argv[1])), None, Console(quiet=True))
heavy = {"packaging", "pathspec", "boto3", "docker", "rich", "ssl", "email", "importlib.metadata"}
print(started, sorted(heavy & set(sys.modules)))
"""

_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "SSL_CERT_FILE",
    "PYTHONPATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_PASSED_ON_BY_PREFIX = ("DOCKER_", "LAMBDIFY_", "COVERAGE_")


@dataclass(frozen=True)
class Lambdify:
    """Runs the command with a home, a cache and a folder for temporary files of its own."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    def start(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> "subprocess.Popen[str]":
        """Start it, behind the words `before`, and come back while it runs."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_BY_PREFIX)
        }
        home = Path.home()
        own = {
            "HOME": str(self.folder),
            "LAMBDIFY_HOME": str(self.folder / "home"),
            "LAMBDIFY_CACHE": str(self.cache),
            "TMPDIR": str(self.temporary),
            # What is not lambdify's is shared: interpreters, and what uv has downloaded.
            "PYENV_ROOT": os.environ.get("PYENV_ROOT") or str(home / ".pyenv"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(home / ".cache" / "uv"),
        }
        return subprocess.Popen(
            [*before, str(Path(sys.executable).with_name("lambdify")), *arguments],
            cwd=cwd,
            env=kept | own | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )

    def __call__(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        with self.start(*arguments, cwd=cwd, env=env, before=before) as process:
            output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@pytest.fixture
def lambdify(tmp_path: Path) -> Lambdify:
    return Lambdify(tmp_path / "lambdify")


@pytest.fixture
def answer_of(tmp_path: Path) -> Callable[..., dict]:
    """`answer_of(app, layer, python="3.13")`: what a function answers to GET /, from its zips alone.

    They are unpacked as Lambda does it, and a clean process of that Python has them on sys.path.
    """

    def answer(app: Path, layer: Path | None, *, python: str) -> dict:
        interpreter = pythons.find(python)
        if interpreter is None:
            pytest.skip(f"this machine has no Python {python}")
        for path, name in ((app, "task"), (layer, "opt")):
            (tmp_path / name).mkdir()
            if path:
                with zipfile.ZipFile(path) as packed:
                    packed.extractall(tmp_path / name)
        command = [interpreter, "-I", "-S", "-B", "-c", BOOT, tmp_path / "task", tmp_path / "opt"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return answer


@pytest.fixture
def for_whom_rights_count() -> tuple[str, ...]:
    """Words to start a command behind: root may read whatever it likes, and these take that from it."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv to change that")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def costs_of() -> Callable[[Path], str]:
    """`costs_of(root)`: packs the project in a process of its own: what that has started, and imported."""

    def run(root: Path) -> str:
        line = [sys.executable, "-c", QUIET, root]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout

    return run


# -------------------------------------------------------------------- projects, and what is packed of them


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
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


# -------------------------------------------------------------------- dependencies, and where they come from


@dataclass(frozen=True)
class Installed:
    """One run of find_dependencies: what it returned, installed somewhere, and what it told."""

    dependencies: Dependencies
    tree: Path
    story: str

    @property
    def versions(self) -> dict[str, str]:
        return {distribution.name: distribution.version for distribution in self.dependencies.distributions}


Install = Callable[..., Installed]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def install(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Install:
    """`install(root, "3.13", *extra, strategy="wheels", ...)`: options are those of [build]."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(shared_cache))

    def run(
        root: Path, python: str = "3.13", *extra: str, architecture: str = "x86_64", **build: object
    ) -> Installed:
        settings = settings_module.load(root)
        settings = replace(settings, build=replace(settings.build, **build))
        tree = tmp_path_factory.mktemp("tree")
        story = io.StringIO()
        target = Target(python=python, architecture=architecture)
        dependencies = find_dependencies(settings, target, extra, Console(stderr=story))
        for distribution in dependencies.distributions:
            for name, entry in site_packages.entries(distribution).items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_bytes(archive.inflate(entry))
        return Installed(dependencies, tree, story.getvalue())

    return run


@contextmanager
def serve(folder: Path) -> Iterator[Index]:
    (folder / "simple").mkdir(parents=True)
    asked: list[str] = []
    answers = threading.Event()
    answers.set()
    handler = partial(Handler, directory=str(folder), asked=asked, answers=answers)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Index(folder, server.server_port, asked=asked, answers=answers)
        answers.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with serve(tmp_path / "index") as served:
        yield served


@pytest.fixture
def other_index(tmp_path: Path) -> Iterator[Index]:
    with serve(tmp_path / "other-index") as served:
        yield served
