"""An app that asks for its own distribution: version and entry points, as after an installation of it."""

import io
import json
import subprocess
import sys

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import app
from lambdify.cli.packing.requirements.formats import build_system

ASK = (
    "import json, sys; sys.path.insert(0, sys.argv[1]); from importlib import metadata as m; "
    "found = m.distribution(sys.argv[2]); "
    "print(json.dumps([found.version, found.requires, "
    "[(p.group, p.name, p.value) for p in found.entry_points]]))"
)
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
PROJECT = (
    '[project]\nname = "Acme.Shop"\nversion = "1.2.3-rc1"\ndescription = "Sells\\nthings"\n'
    'requires-python = ">=3.11"\ndependencies = ["flask>=3"]\n'
    "[project.optional-dependencies]\npg = [\"pg8000; python_version > '3'\"]\n"
    '[project.scripts]\nshop = "shop.main:run"\n'
    '[project.entry-points."shop.plugins"]\ncsv = "shop.plugins:Csv"\n'
)
BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    version = Path("VERSION").read_text()
    info = Path(folder, f"shop-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: shop\\nVersion: {version}\\n")
    Path("left-behind").write_text("")
    print("said something")
    return info.name
"""
DYNAMIC = '[project]\nname = "shop"\ndynamic = ["version"]\n[project.scripts]\nshop = "shop.main:run"\n'
FAILING = "def prepare_metadata_for_build_wheel(folder):\n    raise ValueError('no tag in git')\n"


@pytest.fixture
def packed(monkeypatch, tmp_path):
    """Packs the app of a project, and gives its members by name, with what was told."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))

    def pack(root, path=""):
        candidate = Candidate(
            app="shop:app", framework="wsgi", interface="wsgi", score=1, evidence=(), path=path
        )
        story = io.StringIO()
        members = app.members(settings_room.load(root), candidate, (), Console(stderr=story))
        found = {member.name: member.content.decode() for member in members}
        return {name: text for name, text in found.items() if ".dist-info/" in name}, story.getvalue()

    return pack


def ask(members, folder, name):
    """What importlib.metadata of a clean process says of a distribution."""
    for path, text in members.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    words = [sys.executable, "-I", "-S", "-c", ASK, folder, name]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("name", ["acme-shop", "Acme.Shop", "acme_shop"])
def test_what_is_written_is_there_under_each_of_its_names(project, packed, tmp_path, name):
    members, story = packed(project({"pyproject.toml": PROJECT + BUILD_SYSTEM}), "src")
    version, requires, points = ask(members, tmp_path / "task", name)
    assert version == "1.2.3rc1"
    assert requires == ["flask>=3", 'pg8000; python_version > "3" and extra == "pg"']
    assert sorted(points) == [
        ["console_scripts", "shop", "shop.main:run"],
        ["shop.plugins", "csv", "shop.plugins:Csv"],
    ]
    assert story == ""


NOT_INSTALLED = {
    "no build system": PROJECT,
    "no project of its own for uv": f"{PROJECT}{BUILD_SYSTEM}[tool.uv]\npackage = false\n",
    "no project of its own for poetry": f"{PROJECT}{BUILD_SYSTEM}[tool.poetry]\npackage-mode = false\n",
    "no project of its own for pdm": f"{PROJECT}{BUILD_SYSTEM}[tool.pdm]\ndistribution = false\n",
    "tools only": "[tool.ruff]\n",
}


@pytest.mark.parametrize("text", NOT_INSTALLED.values(), ids=NOT_INSTALLED)
def test_a_project_that_nobody_installs_has_none(project, packed, text):
    assert packed(project({"pyproject.toml": text})) == ({}, "")


def test_the_nearest_project_counts(project, packed):
    root = project(
        {
            "pyproject.toml": PROJECT + BUILD_SYSTEM,
            "backend/pyproject.toml": PROJECT.replace("Acme.Shop", "other") + BUILD_SYSTEM,
        }
    )
    assert {name.partition("/")[0] for name in packed(root, "backend/src")[0]} == {"other-1.2.3rc1.dist-info"}


@pytest.mark.slow
def test_a_computed_version_comes_from_the_backend_and_again_when_a_file_changed(project, packed, tmp_path):
    root = project(
        {"pyproject.toml": DYNAMIC + BUILD_SYSTEM, "backend.py": BACKEND, "VERSION": "2.0", "shop.py": ""}
    )
    members, _ = packed(root)
    assert ask(members, tmp_path / "task", "shop") == [
        "2.0",
        None,
        [["console_scripts", "shop", "shop.main:run"]],
    ]
    assert not (root / "left-behind").exists(), "a backend runs in a copy"
    assert packed(root)[0] == members
    (root / "VERSION").write_text("2.1")
    assert "shop-2.1.dist-info/METADATA" in packed(root)[0]


def test_a_setup_py_installs_the_project_unless_a_list_is_beside_it(project):
    written = {
        "pkg/setup.py": "",
        "listed/setup.py": "",
        "listed/requirements.txt": "",
        "configured/setup.cfg": "",
    }
    root = project({**written, "pkg/src/shop/app.py": ""})
    found = [build_system.find_project(root, path) for path in ("pkg/src", "listed", "configured")]
    assert found == [root / "pkg", None, None]


@pytest.mark.slow
def test_a_backend_that_fails_is_told_and_ends_nothing(project, packed):
    root = project({"pyproject.toml": DYNAMIC + BUILD_SYSTEM, "backend.py": FAILING})
    members, story = packed(root)
    assert members == {}
    assert "importlib.metadata will not know the project itself" in " ".join(story.split())
    assert "no tag in git" in " ".join(story.split())


def test_no_backend_runs_here_if_the_strategy_is_docker(project, packed):
    root = project(
        {
            "pyproject.toml": DYNAMIC + BUILD_SYSTEM,
            "backend.py": BACKEND,
            "VERSION": "2.0",
            "lambdify.toml": '[build]\nstrategy = "docker"\n',
        }
    )
    members, story = packed(root)
    assert members == {}
    assert "[build] strategy lets no code run here" in " ".join(story.split())
