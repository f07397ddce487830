"""What these tests share: projects, a package index of their own on the loopback, and runs to look at.

The index is real HTTP with real wheels and sdists, so most of what matters is tested without the network;
what needs packages as the world makes them is marked `index`.
"""

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_module
from lambdify.cli.console import Console
from lambdify.cli.packing import archive
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels import site_packages
from lambdify.cli.packing.wheels.dependencies import Dependencies, find_dependencies

from .package_index import Handler, Index


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


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """`project({"requirements.txt": "..."})`: a folder with these files."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return write


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
    handler = partial(Handler, directory=str(folder), asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Index(folder, server.server_port, asked=asked)
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
