"""With [build] strategy "docker" no package's code runs on this machine, not even to say what it requires."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.errors import DockerUnavailable
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import find_dependencies

pytestmark = pytest.mark.slow

BACKEND = """
import zipfile
from pathlib import Path

if Path({ran!r}).parent.is_dir():
    Path({ran!r}).touch()
META = "Metadata-Version: 2.1\\nName: tools\\nVersion: 1\\n"
WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder, "tools-1.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(META)
    return info.name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "tools-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, name), "w") as wheel:
        wheel.writestr("tools.py", "")
        for file, text in (("METADATA", META), ("WHEEL", WHEEL), ("RECORD", "")):
            wheel.writestr(f"tools-1.dist-info/{{file}}", text)
    return name
"""
SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
STATIC = '[project]\nname = "tools"\nversion = "1"\n'
DYNAMIC = '[project]\nname = "tools"\ndynamic = ["version", "dependencies"]\n'


@pytest.fixture
def ran(tmp_path) -> Path:
    return tmp_path / "RAN"


@pytest.fixture
def find(tmp_path, ran, monkeypatch):
    """Finds the dependencies of a project that requires a folder whose pyproject.toml says this of it."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "backend.py").write_text(BACKEND.format(ran=str(ran)))
    root = tmp_path / "project"
    (root / "deps").mkdir(parents=True)
    (root / "requirements.txt").write_text("-r deps/all.txt\n")
    (root / "deps" / "all.txt").write_text("../tools\n")

    def find(project: str, **build: object) -> list[tuple[str, str]]:
        (tmp_path / "tools" / "pyproject.toml").write_text(SYSTEM + project)
        settings = settings_room.load(root)
        settings = replace(settings, build=replace(settings.build, **build))
        console = Console(stderr=io.StringIO())
        found = find_dependencies(settings, Target(python="3.11"), (), console)
        return [(each.name, each.version) for each in found.distributions]

    return find


@pytest.mark.docker
@pytest.mark.parametrize("project", [STATIC, DYNAMIC], ids=["that says it", "that computes it"])
def test_it_is_found_and_built_in_the_container(find, ran, build_image, project):
    assert find(project, strategy="docker", image=build_image) == [("tools", "1")]
    assert not ran.exists()


@pytest.mark.parametrize("project", [STATIC, DYNAMIC], ids=["that says it", "that computes it"])
def test_without_an_engine_it_does_not_run_either(find, ran, project, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(DockerUnavailable):
        find(project, strategy="docker")
    assert not ran.exists()


def test_with_another_strategy_it_runs_here(find, ran):
    assert find(DYNAMIC) == [("tools", "1")]
    assert ran.exists()
