"""lambdify init: what it says of the folder that it was called in, and how the project is called."""

import pytest

from lambdify.cli import settings
from lambdify.cli.init import init

FOLDERS = {
    "a Flask app": {"app.py": "from flask import Flask\napp = Flask(__name__)\n"},
    "nothing": {"README.md": "A shop.\n"},
    "a Streamlit script": {"app.py": "import streamlit as st\nst.title('Shop')\n"},
    "a plain handler": {"main.py": "def handler(event, context):\n    return 1\n"},
    "a Chalice app": {"app.py": "from chalice import Chalice\napp = Chalice(app_name='shop')\n"},
    "an aiohttp app": {"main.py": "from aiohttp import web\napp = web.Application()\n"},
    "a factory that needs an argument": {
        "shop.py": "from flask import Flask\n\ndef create_app(config):\n    return Flask(config)\n"
    },
}


def test_it_says_what_was_found_or_why_nothing_was(tmp_path, console, story, golden):
    said = []
    for name, files in FOLDERS.items():
        root = tmp_path / name.replace(" ", "-")
        root.mkdir()
        for file, text in files.items():
            (root / file).write_text(text)
        before = story.tell()
        init(root, console)
        said.append(f"{name}\n{story.getvalue()[before:].replace(str(root), '/home/anna/shop')}")
    golden("init.txt", "\n".join(said))


NAMES = {
    "[project]": ('[project]\nname = "Shop"\n', "shop"),
    "[tool.poetry]": ('[tool.poetry]\nname = "Corner_Shop"\n', "corner-shop"),
    "both": ('[project]\nname = "one"\n[tool.poetry]\nname = "two"\n', "one"),
    "neither": ("[tool.black]\nline-length = 88\n", "kiosk"),
    "no name": ("[project]\nversion = '1'\n[tool.poetry]\npackages = []\n", "kiosk"),
    "no table": ("tool = 1\n", "kiosk"),
    "no text": ("[tool.poetry]\nname = 1\n", "kiosk"),
}


@pytest.mark.parametrize(("text", "name"), NAMES.values(), ids=NAMES)
def test_the_project_is_called_as_pyproject_toml_says_for_deploy_and_for_init(tmp_path, console, text, name):
    root = tmp_path / "kiosk"
    root.mkdir()
    (root / "pyproject.toml").write_text(text)
    assert settings.load(root).name == name
    init(root, console)
    assert settings.load(root).name == name


def test_init_calls_a_project_as_deploy_does_after_the_folder_above_backend(tmp_path, console):
    root = tmp_path / "kiosk" / "backend"
    root.mkdir(parents=True)
    before = settings.load(root).name
    init(root, console)
    assert settings.load(root).name == before == "kiosk"
