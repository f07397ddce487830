"""Real sandboxes for small handlers, and a real local cloud with small stacks."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local.running import CREDENTIALS, FUNCTION, MINOR, Running
from local.stacks import Deployed

from lambdify.cli.console import Console
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.local.functions.process import ZipProgram
from lambdify.cli.local.functions.runtime_client import fetch
from lambdify.cli.local.processes import Children

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.close()


@pytest.fixture(scope="session")
def interpreters() -> dict[str, Path]:
    return {MINOR: Path(sys.executable)}


@pytest.fixture
def make_program(tmp_path: Path, children: Children) -> Callable[..., ZipProgram]:
    """A function with that source as app.py."""

    def make(
        source: str,
        *,
        minor: str = MINOR,
        python: Path | None = None,
        runtime: Path | None = None,
        **changes: Any,
    ) -> ZipProgram:
        function = replace(FUNCTION, python=minor, **changes)
        for name in ("task", "opt", "tmp"):
            (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / "task" / "app.py").write_text(source, encoding="utf-8")
        python = python or Path(sys.executable)
        return ZipProgram(
            function=function,
            python=python,
            runtime=runtime or fetch(python, function.python),
            task_root=tmp_path / "task",
            layers=tmp_path / "opt",
            endpoint_url="http://127.0.0.1:9",
            credentials=CREDENTIALS,
            folder=tmp_path / "tmp",
            children=children,
        )

    return make


@pytest.fixture
def pack_adapter(tmp_path: Path) -> Callable[..., None]:
    """`pack_adapter(show_errors=True)`: the adapter beside app.py, as a bundle has it that says so."""

    def pack(**told: Any) -> None:
        task, packages = tmp_path / "task", tmp_path / "opt" / "python"
        shutil.copytree(REPOSITORY / "adapter", task / "lambdify" / "adapter")
        (task / ".lambdify").mkdir()
        (task / ".lambdify" / "bundle.json").write_text(json.dumps({"app": "app:app", **told}))
        packages.mkdir(parents=True)
        for name in ("mangum", "typing_extensions"):
            origin = Path(importlib.util.find_spec(name).origin)
            shutil.copytree(origin.parent, packages / name) if origin.stem == "__init__" else shutil.copy(
                origin, packages
            )

    return pack


@pytest.fixture
def run(make_program: Callable[..., ZipProgram]) -> Iterator[Callable[..., Running]]:
    """A sandbox of a function with that source as app.py."""
    started: list[Running] = []

    def start(source: str, **changes: Any) -> Running:
        started.append(Running(make_program(source, **changes)))
        return started[-1]

    yield start
    for each in started:
        each.sandbox.close()


@pytest.fixture(scope="session")
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home folder of this run's cloud."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("LAMBDIFY_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def cloud(home: Path, console: Console) -> Iterator[room.Cloud]:
    """A local cloud that all tests of the session share."""
    yield room.ensure(console)
    room.stop(console)


@pytest.fixture
def deploy(cloud: room.Cloud, tmp_path: Path) -> Iterator[Callable[..., Deployed]]:
    """Deploys stacks of one function with that source, and removes them after the test."""
    deployed: list[Deployed] = []

    def make(source: str, **options: Any) -> Deployed:
        deployed.append(Deployed(cloud, tmp_path, source, **options))
        return deployed[-1]

    yield make
    for each in deployed:
        each.remove()
