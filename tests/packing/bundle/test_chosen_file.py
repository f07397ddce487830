"""The dependency file of an app, from its choice to the function that runs with it, and to the next build."""

import json

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.detection import choice
from lambdify.cli.packing.bundle import bundle as room

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]

APP = """
import {module}

def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [{module}.version.encode()]
"""
ASKING = """
import json
from importlib.metadata import entry_points, version

import web

def app(environ, start_response):
    start_response("200 OK", [("content-type", "application/json")])
    plugins = [each.load().name for each in entry_points(group="shop.plugins")]
    return [json.dumps([version("acme-shop"), plugins, web.version]).encode()]
"""
PROJECT = (
    '[project]\nname = "acme-shop"\nversion = "1.2.3"\ndependencies = ["web==1.0"]\n'
    '[project.entry-points."shop.plugins"]\ncsv = "{module}.plugins:Csv"\n'
    '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
)
PLUGIN = "class Csv:\n    name = 'csv'\n"


@pytest.fixture
def pack(project, index, console, tmp_path, monkeypatch):
    """Packs a project's app as `deploy` would: nothing is told but the files."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    index.add_wheel("web", "1.0")
    index.add_wheel("web", "2.0")
    index.add_wheel("idna", "3.10")

    def pack(files, folder=""):
        root = project({".git/HEAD": "", **files}) / folder
        settings = settings_room.load(root, overrides={"function.python": "3.11"})
        return room.pack(settings, choice.choose_app(settings, console), tmp_path / "out", console)

    return pack


def versions(bundle):
    return {each.name: each.version for each in bundle.dependencies.distributions}


def body(answer):
    return answer["payload"]["body"]


def test_the_file_beside_the_app_is_used_and_named(pack, call, story):
    files = {
        "backend/requirements.txt": "web==1.0\n",
        "backend/shop/__init__.py": "",
        "backend/shop/main.py": APP.format(module="web"),
        "frontend/package.json": "{}",
    }
    bundle = pack(files)
    assert body(call(bundle)) == "1.0"
    assert "dependencies from backend/requirements.txt" in story.getvalue()


def test_the_lock_above_is_kept_to(pack, call, story):
    lock = '{"_meta": {"sources": []}, "default": {"web": {"version": "==1.0"}}}'
    files = {
        "Pipfile": '[packages]\nweb = "*"\n',
        "Pipfile.lock": lock,
        "web_app/app.py": APP.format(module="web"),
    }
    assert body(call(pack(files, "web_app"))) == "1.0"
    assert "dependencies from ../Pipfile.lock" in story.getvalue()


@pytest.mark.parametrize("place", ["src/shop", "shop"])
def test_an_app_knows_its_own_version_and_entry_points(pack, call, place):
    files = {
        "pyproject.toml": PROJECT.format(module="shop"),
        f"{place}/__init__.py": "",
        f"{place}/main.py": ASKING,
        f"{place}/plugins.py": PLUGIN,
    }
    assert json.loads(body(call(pack(files)))) == ["1.2.3", ["csv"], "1.0"]


def test_what_the_app_imports_decides_and_is_read_anew(pack, story):
    pyproject = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["web", "idna"]\n'
    files = {
        "requirements.txt": "web==1.0\n",
        "pyproject.toml": pyproject,
        "app.py": APP.format(module="web"),
    }
    assert versions(pack(files)) == {"web": "1.0"}
    changed = pack({"app.py": f"import idna\n{files['app.py']}"})
    assert versions(changed) == {"web": "2.0", "idna": "3.10"}
    assert "from pyproject.toml, since requirements.txt has no idna, which app.py:1 imports" in " ".join(
        story.getvalue().split()
    )


def test_a_file_that_came_to_be_is_noticed(pack):
    files = {
        "setup.py": "from setuptools import setup\nsetup(install_requires=['web'])\n",
        "app.py": APP.format(module="web"),
    }
    assert versions(pack(files)) == {"web": "2.0"}
    assert versions(
        pack(
            {
                "requirements-prod.txt": "web==1.0\n",
                "Dockerfile": "RUN pip install -r requirements-prod.txt\n",
            }
        )
    ) == {"web": "1.0"}
