"""A bundle as a container image: built on a base image, answering events in a container, and pushed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import docker
import httpx
import pytest
from fixtures.containers import TARGET

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request
from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.errors import BuildError
from lambdify.cli.local.functions.runtime_api import Invocation, RuntimeApi
from lambdify.cli.packing.bundle import bundle, image

APP = Candidate(app="shop:app", framework="flask", interface="wsgi", score=10, evidence=(), path="")
FLASK = (
    "import flask, sys\n"
    "app = flask.Flask(__name__)\n"
    "@app.get('/')\n"
    "def home():\n"
    "    return {'flask': flask.__file__, 'sources': [\n"
    "        m.__name__ for m in sys.modules.values() if getattr(m, '__cached__', None) is None\n"
    "        and __import__('fnmatch').fnmatch(getattr(m, '__file__', None) or '', '/var/task/*.py')]}\n"
)
HANDLER = "lambdify.adapter.entry.handler"

pytestmark = [pytest.mark.docker, pytest.mark.index, pytest.mark.slow]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A Flask app, packed for an image."""
    root = tmp_path_factory.mktemp("shop")
    (root / "shop.py").write_text(FLASK)
    (root / "requirements.txt").write_text("flask==3.1.*\n")
    settings = settings_room.load(root, overrides={"function.python": TARGET.python, "build.form": "image"})
    return bundle.pack(settings, APP, root / "out", Console(quiet=True))


@pytest.fixture(scope="module")
def built(packed, base, engine) -> str:
    name = "lambdify/shop-test:1"
    paths = [archive.path for archive in packed.archives]
    image.build(paths, base, name, TARGET, engine, Console(quiet=True))
    return name


@pytest.fixture
def runtime_api() -> Iterator[RuntimeApi]:
    api = RuntimeApi(freeze=lambda: None, thaw=lambda: None)
    yield api
    api.close()


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


def test_an_image_holds_what_the_zips_hold_where_the_app_is(packed):
    assert packed.form == "image"
    assert packed.layer.path.name.startswith("dependencies-")


def test_the_image_answers_an_event_from_its_own_files(built, runtime_api, client):
    container = client.containers.run(
        built,
        [HANDLER],
        detach=True,
        network_mode="host",
        environment={"AWS_LAMBDA_RUNTIME_API": runtime_api.address},
    )
    try:
        assert runtime_api.receive(30).kind == "ready", container.logs().decode()
        event = json.dumps(http_api.write_event(Request("GET", "/"))).encode()
        runtime_api.hand_over(Invocation("1", event, "arn", 2**42, ""))
        answer = json.loads(runtime_api.receive(30).body)
    finally:
        container.remove(force=True)
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    # What has no bytecode was compiled when it was imported.
    assert body == {"flask": "/var/task/flask/__init__.py", "sources": []}


def test_the_app_is_a_layer_of_its_own_over_the_dependencies(built, packed, base, engine, client, tmp_path):
    before = client.images.get(built).attrs["RootFS"]["Layers"]
    other = tmp_path / "app.zip"
    subprocess.run([sys.executable, "-m", "zipfile", "-c", other, __file__], check=True, capture_output=True)
    name = "lambdify/shop-test:2"
    image.build([packed.layer.path, other], base, name, TARGET, engine, Console(quiet=True))
    after = client.images.get(name).attrs["RootFS"]["Layers"]
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_a_base_that_is_for_another_cpu_is_refused(packed, base, engine):
    arm = replace(TARGET, architecture="arm64")
    with pytest.raises(BuildError, match="is for amd64, the function is for arm64"):
        image.build([packed.app.path], base, "lambdify/shop-test:3", arm, engine, Console(quiet=True))


# -------------------------------------------------------------------- pushing


def test_an_image_is_pushed_to_a_registry_that_asks_for_a_password(tiny, registry, engine, client):
    name = f"{registry.address}/lambdify/shop-dev:abc"
    client.images.get(tiny).tag(name)
    engine.push_image(name, registry.user, registry.password)
    tags = httpx.get(
        f"http://{registry.address}/v2/lambdify/shop-dev/tags/list", auth=(registry.user, registry.password)
    )
    assert "abc" in tags.json()["tags"]  # other tests push to the registry too


def test_a_wrong_password_is_told_without_it(tiny, registry, engine, client):
    name = f"{registry.address}/lambdify/shop-dev:abc"
    client.images.get(tiny).tag(name)
    with pytest.raises(BuildError, match="could not be pushed") as caught:
        engine.push_image(name, registry.user, "not-the-password")
    assert "not-the-password" not in caught.value.message


def test_older_images_of_a_repository_are_forgotten_here(tiny, engine, client):
    for tag in ("old", "new"):
        client.images.get(tiny).tag(f"lambdify/forgotten:{tag}")
    client.images.get(tiny).tag("lambdify/forgotten-not:old")
    engine.forget_images("lambdify/forgotten", but="lambdify/forgotten:new")
    # Not `images.list`, which asks for each once more: other tests remove theirs meanwhile.
    left = {name for each in client.api.images() for name in each["RepoTags"] or () if "forgotten" in name}
    assert left == {"lambdify/forgotten:new", "lambdify/forgotten-not:old"}
