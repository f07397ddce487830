"""A stage whose function is a container image, from `deploy --local` until nothing of it is left."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from local.runtime_image import make_base
from waiting import eventually

from lambdify.cli.console import Console
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.local.functions import engine

pytestmark = [pytest.mark.cloud, pytest.mark.docker, pytest.mark.slow]

APP = """
import os

print("importing")

def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    print("asked for", environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/exit":
        os._exit(1)
    yield b"release "
    yield b"{number}"
"""
TOML = """
name = "{name}"
[function]
python = "3.11"
[build]
form = "image"
base = "{base}"
[http]
endpoint = "function-url"
streaming = true
[release]
smoke = "/"
"""


@dataclass(frozen=True)
class Project:
    """A project in a folder, and the command line in it."""

    folder: Path
    home: Path
    name: str
    client: docker.DockerClient

    def write(self, number: int) -> None:
        """Have the app answer with that number."""
        (self.folder / "main.py").write_text(APP.format(number=number))

    def run(self, *arguments: str, code: int = 0, **environ: str) -> str:
        """What `lambdify ... --local` says on stdout, or of an error."""
        done = subprocess.run(
            [Path(sys.executable).with_name("lambdify"), *arguments, "--local"],
            cwd=self.folder,
            env={**os.environ, "LAMBDIFY_HOME": str(self.home), **environ},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def deploy(self) -> str:
        """The URL."""
        return self.run("deploy", "--yes").strip()

    def containers(self) -> list[Any]:
        mine = {"label": f"{engine.HOME}={self.home}"}
        return list(self.client.containers.list(all=True, filters=mine, ignore_removed=True))

    def images(self) -> list[str]:
        # Not `images.list`, which asks for each once more: other tests remove theirs meanwhile.
        tags = (name for each in self.client.api.images() for name in each["RepoTags"] or ())
        return [name for name in tags if self.name in name]


@pytest.fixture
def project(
    build_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console
) -> Iterator[Project]:
    """A project, with a cloud of its own."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "home"))
    name = f"img{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "lambdify.toml").write_text(TOML.format(name=name, base=make_base(build_image)))
    client = docker.from_env()
    project = Project(folder, tmp_path / "home", name, client)
    project.write(1)
    yield project
    room.stop(console)
    for each in project.images():
        client.images.remove(each, force=True)
    client.close()


def test_the_life_of_a_stage(project: Project) -> None:
    url = project.deploy()
    assert httpx.get(f"{url}/first").text == "release 1"
    assert len(project.images()) == 1
    assert project.run("invoke", "--http", "GET /").endswith("release 1")
    assert json.loads(project.run("invoke", '{"lambdify": "keep-warm"}')) == {"lambdify": "warm"}
    assert eventually(lambda: "asked for /first" in project.run("logs"))
    assert "importing" in project.run("logs")

    project.write(2)
    assert project.deploy() == url
    assert httpx.get(url).text == "release 2"
    project.run("rollback", "--yes")
    assert httpx.get(url).text == "release 1"
    assert [each["number"] for each in json.loads(project.run("releases", "--json"))] == [2, 1]
    assert json.loads(project.run("status", "--json"))["endpoint"] == url

    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{url}/exit").raise_for_status()
    assert httpx.get(url).text == "release 1"

    with (project.folder / "lambdify.toml").open("a") as file:
        file.write("keep = 1\n")
    project.write(3)
    project.deploy()
    assert httpx.get(url).text == "release 3"
    assert len(project.images()) == 1, "an image goes with its release"

    project.run("undeploy", "--yes")
    assert project.images() == []
    assert eventually(lambda: project.containers() == [])


def test_commands_run_in_an_image_and_read_what_is_beyond_an_event(project: Project) -> None:
    with (project.folder / "lambdify.toml").open("a") as file:
        file.write("[commands]\ntimeout = 60\n")
    project.deploy()
    data = os.urandom(5_000_000)
    done = subprocess.run(
        [Path(sys.executable).with_name("lambdify"), "run", "dev", "--local", "--stdin", "sha256sum"],
        cwd=project.folder,
        env={**os.environ, "LAMBDIFY_HOME": str(project.home)},
        input=data,
        capture_output=True,
        check=False,
    )
    assert done.stdout.split()[:1] == [hashlib.sha256(data).hexdigest().encode()], done.stderr


def test_what_ends_the_cloud_ends_its_containers(project: Project, console: Console) -> None:
    url = project.deploy()
    assert httpx.get(url).text == "release 1"
    assert project.containers()
    room.stop(console)
    assert project.containers() == []
    # What was built is still there, so that the next cloud need not build it.
    (image,) = project.images()
    url = project.deploy()
    assert httpx.get(url).text == "release 1"
    assert project.images() == [image]
    running = room.find()
    assert running
    os.kill(running.pid, signal.SIGKILL)
    assert eventually(lambda: project.containers() == [])
    # Another image takes the place of those that earlier clouds have left.
    project.write(2)
    project.deploy()
    (other,) = project.images()
    assert other != image


def test_without_an_engine_nothing_is_built_and_the_way_out_is_named(project: Project) -> None:
    said = project.run("deploy", "--yes", code=22, DOCKER_HOST="tcp://127.0.0.1:1")
    assert "the function is a container image, but no container engine answers" in said
    assert 'form = "layer"' in said
    assert not re.search("Building the image", said)
