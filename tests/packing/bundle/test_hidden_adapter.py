"""What would be imported in place of the adapter is refused before anything is written, whoever brings it."""

import zipfile
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.errors import NameCollision
from lambdify.cli.package import package

APP = "def app(environ, start_response): ...\n"
HIDING = [
    "lambdify/__init__.py",
    "lambdify/__init__.pyc",
    "lambdify/__init__.cpython-311-x86_64-linux-gnu.so",
    "lambdify.py",
    "lambdify.pyc",
    "lambdify.abi3.so",
    "lambdify/adapter/entry.py",
    "lambdify/adapter/more.py",
    "lambdify/adapter.py",
]
HARMLESS = ["lambdify/plugin.py", "lambdify_tools/__init__.py", "own/lambdify/__init__.py", "lambdify.txt"]

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.slow]


def write_wheel(folder: Path, files: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("hijack", "mangum"):
        info = f"{name}-{'0.19' if name == 'mangum' else '1'}.dist-info"
        with zipfile.ZipFile(folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl", "w") as wheel:
            for file in files if name == "hijack" else []:
                wheel.writestr(file, "")
            fields = f"Name: {name}\nVersion: {info.rpartition('.dist')[0].partition('-')[2]}\n"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\n{fields}")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def with_dependency(project, tmp_path):
    """A project that requires a distribution of these files."""

    def make(*files: str, settings: str = "") -> Path:
        write_wheel(tmp_path / "links", list(files))
        lines = f"--no-index\n--find-links {tmp_path / 'links'}\nhijack\n"
        return project(
            {"app.py": APP, "lambdify.toml": f'app = "app:app"\n{settings}', "requirements.txt": lines}
        )

    return make


@pytest.mark.parametrize("form", ["layer", "zip"])
@pytest.mark.parametrize("name", [*HIDING, "hijack-1.data/purelib/lambdify/__init__.py"])
def test_a_distribution_that_brings_one_is_refused_by_name(with_dependency, console, name, form):
    root = with_dependency(name, settings=f'[build]\nform = "{form}"\n')
    with pytest.raises(NameCollision, match="hijack 1 ") as refused:
        package(settings_room.load(root), None, console)
    assert name.rpartition("purelib/")[2] in refused.value.message
    assert not list(root.glob(".lambdify/build/*.zip"))


def test_one_whose_names_only_look_alike_is_packed(with_dependency, console):
    root = with_dependency(*HARMLESS)
    assert package(settings_room.load(root), None, console).layer


@pytest.mark.parametrize("name", [name for name in HIDING if not name.endswith(".pyc")])
@pytest.mark.parametrize("folder", ["", "src/"])
def test_a_file_of_the_project_is_refused_where_it_would_be_imported(project, console, name, folder):
    root = project({f"{folder}app.py": APP, f"{folder}{name}": ""})
    with pytest.raises(NameCollision, match="in place of lambdify's adapter"):
        package(settings_room.load(root), None, console)


def test_a_file_that_is_left_out_hides_nothing(project, console):
    root = project({"app.py": APP, "lambdify/__init__.py": "", ".lambdifyignore": "lambdify/\n"})
    assert package(settings_room.load(root), None, console).app.files
