"""A real project with real wheels: packed, unpacked as Lambda does it, and called in a clean process."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.errors import BundleRefused
from lambdify.cli.packing.bundle import bundle as room
from lambdify.cli.packing.bundle.bundle import Bundle

FLASK = {
    "requirements.txt": "flask==3.1.*\n",
    "shop.py": (
        "import markupsafe._speedups\n"
        "from flask import Flask, render_template\n"
        "app = Flask(__name__)\n"
        "@app.get('/')\n"
        "def page():\n"
        "    return render_template('page.html', name='Zoë')\n"
    ),
    "templates/page.html": "<p>Hello {{ name }}</p>",
}
FASTAPI = {
    "requirements.txt": "fastapi\n",
    "src/shop/__init__.py": (
        "from fastapi import FastAPI\n"
        "app = FastAPI()\n"
        "@app.get('/')\n"
        "async def page():\n"
        "    return 'Hello Zoë'\n"
    ),
}
WSGI = Candidate(app="shop:app", framework="flask", interface="wsgi", score=10, evidence=(), path="")
ASGI = Candidate(app="shop:app", framework="fastapi", interface="asgi", score=10, evidence=(), path="src")
pytestmark = [pytest.mark.index, pytest.mark.slow]


@pytest.fixture
def pack(tmp_path, console):
    def pack(root: Path, candidate=WSGI, limit=room.sizes.UNZIPPED_LIMIT, **build) -> Bundle:
        settings = settings_room.load(root)
        settings = replace(settings, build=replace(settings.build, **build))
        return room.pack(settings, candidate, tmp_path / "out", console, limit=limit)

    return pack


def test_a_flask_app_answers_from_its_layer_and_zip_with_nothing_compiled(pack, project, call):
    made = pack(project(FLASK))
    answer = call(made)
    assert answer["payload"]["statusCode"] == 200
    assert answer["payload"]["body"] == "<p>Hello Zoë</p>"
    assert answer["modules"] > 50
    assert answer["compiled"] == []
    assert made.layer.path.name == f"layer-{made.layer.digest[:16]}.zip"


def test_a_fastapi_app_in_a_source_folder_brings_mangum_with_it(pack, project, call):
    made = pack(project(FASTAPI), ASGI)
    assert "mangum" in {distribution.name.lower() for distribution in made.dependencies.distributions}
    assert json.loads(call(made)["payload"]["body"]) == "Hello Zoë"


def test_without_a_layer_all_is_in_one_zip_and_works_the_same(pack, project, call):
    made = pack(project(FLASK), form="zip")
    assert made.layer is None
    answer = call(made)
    assert answer["payload"]["body"] == "<p>Hello Zoë</p>"
    assert answer["compiled"] == []


def test_a_changed_line_changes_the_app_and_not_the_layer(pack, project):
    root = project(FLASK)
    before = pack(root)
    (root / "templates/page.html").write_text("<p>Goodbye {{ name }}</p>")
    after = pack(root)
    assert after.app.digest != before.app.digest
    assert after.layer == before.layer


def test_every_distribution_is_weighed(pack, project):
    made = pack(project(FLASK))
    assert {part.name.split()[0].lower() for part in made.parts} >= {"flask", "werkzeug", "jinja2", "the"}
    assert sum(part.unzipped for part in made.parts) == made.app.unzipped + made.layer.unzipped
    assert sum(part.files for part in made.parts) == made.app.files + made.layer.files


def test_a_refusal_names_the_largest_distributions_and_writes_nothing(pack, project, tmp_path):
    with pytest.raises(BundleRefused) as refused:
        pack(project(FLASK), limit=1_000_000, form="layer")
    assert "Werkzeug" in refused.value.message.replace("werkzeug", "Werkzeug")
    assert ".lambdifyignore" in refused.value.hint
    assert not (tmp_path / "out").exists()


def test_in_one_zip_a_file_of_the_project_wins_over_one_of_a_dependency(pack, project, call):
    app = "import itsdangerous\ndef app(environ, start_response):\n"
    app += "    start_response('200 OK', [])\n    return [itsdangerous.OWNER.encode()]\n"
    own = {"shop.py": app, "itsdangerous/__init__.py": "OWNER = 'the project'\n"}
    made = pack(project({"requirements.txt": "itsdangerous\n", **own}), form="zip")
    with zipfile.ZipFile(made.app.path) as packed:
        assert len(set(packed.namelist())) == len(packed.namelist())
    assert call(made)["payload"]["body"] == "the project"
