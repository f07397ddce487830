"""`lambdify package` with an engine that is elsewhere or goes away, and an engine whose user goes away."""

import shutil
import signal
import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import APIError, NotFound
from packing.packages import native_tree, source_tree
from waiting import eventually

from .engine_proxy import engine_proxy

if TYPE_CHECKING:
    from docker.models.containers import ContainerCollection

pytestmark = [pytest.mark.docker, pytest.mark.slow]

WAIT = """
import pathlib, time
from pure_backend import build_wheel as build_pure

def build_wheel(folder, config_settings=None, metadata_directory=None):
    pathlib.Path({marker!r}).write_text("yes")
    time.sleep({seconds})
    return build_pure(folder)
"""
NATIVE_LOOKING = {"x.c": "int x;"}
APP = "def app(environ, start_response):\n    return []\n"


def waiting(marker, seconds):
    """The files of a package that has to be built in a container, and takes its time."""
    tree = source_tree("slow", "1.0")
    tree |= {"pure_backend.py": tree["backend.py"], "backend.py": WAIT.format(marker=marker, seconds=seconds)}
    return {f"slow/{name}": text for name, text in (tree | NATIVE_LOOKING).items()}


@pytest.fixture
def marker():
    """A file that only this test's container has, while the package is built: others use the engine too."""
    return f"/started-{uuid.uuid4().hex}"


@pytest.fixture
def root(project, build_image, marker):
    toml = f'[function]\npython = "3.11"\n[build]\nimage = "{build_image}"\n'
    files = {"app.py": APP, "lambdify.toml": toml, "requirements.txt": "./slow\n", **waiting(marker, 300)}
    return project(files)


@pytest.fixture
def containers(marker):
    """The engine's containers; `containers.building()` is the one of this test, or None."""
    client = docker.from_env()
    yield Containers(client.containers, marker)
    client.close()


@dataclass(frozen=True)
class Containers:
    all: "ContainerCollection"
    marker: str

    def building(self):
        for each in self.all.list(filters={"label": "lambdify=build"}, ignore_removed=True):
            with suppress(APIError):
                if each.exec_run(["test", "-s", self.marker]).exit_code == 0:
                    return each
        return None

    def is_gone(self, container):
        try:
            self.all.get(container.id)
        except NotFound:
            return True
        return False


def left_behind(root):
    """What there is in the project that was not there before, but for what uv resolved, which is kept."""
    ours = [path for path in (root / ".lambdify").rglob("*") if path.is_file()]
    return sorted(path.name for path in ours if path.parent.name != "resolutions")


def test_an_engine_elsewhere_is_given_copies_and_gives_copies_back(root, lambdify, marker, containers):
    (root / "slow" / "backend.py").write_text(waiting(marker, 1)["slow/backend.py"])
    with engine_proxy() as proxy:
        process = lambdify.start("package", cwd=root, env={"DOCKER_HOST": proxy.address})
        container = eventually(containers.building)
        assert container.attrs["Mounts"] == []
        assert not container.attrs["HostConfig"]["Binds"]
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "slow has native sources, and was built without them" in errors
    assert containers.is_gone(container)


def test_an_engine_that_goes_away_is_told_with_the_package_and_nothing_is_left(
    root, lambdify, containers, tmp_path
):
    with engine_proxy() as proxy:
        process = lambdify.start("package", cwd=root, env={"DOCKER_HOST": proxy.address})
        container = eventually(containers.building)
        proxy.cut()
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 22, errors
    assert output == ""
    assert "slow: the container engine went away" in errors
    assert "point DOCKER_HOST at an engine" in errors
    # The engine cannot be asked to remove the container. It sees by itself that nobody is left.
    assert eventually(lambda: containers.is_gone(container))
    assert left_behind(root) == [".gitignore"]
    assert list(lambdify.temporary.iterdir()) == []
    assert list(lambdify.cache.rglob("*.whl")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_container_outlives_who_started_it(root, lambdify, containers, number):
    process = lambdify.start("package", cwd=root)
    container = eventually(containers.building)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert eventually(lambda: containers.is_gone(container))
    else:
        assert process.returncode == 130, errors
        assert containers.is_gone(container)
        assert list(lambdify.temporary.iterdir()) == []
    assert list(lambdify.cache.rglob("*.whl")) == []


@pytest.fixture
def moving_tag(build_image):
    """`moving_tag(1)`: a tag, which moves with each call to an image that differs in that."""
    tag = f"lambdify/test-moving:{uuid.uuid4().hex}"

    def move(number):
        recipe = f"FROM {build_image}\nLABEL moved={number}\n"
        build = ["docker", "build", "--quiet", "--tag", tag, "-"]
        subprocess.run(build, input=recipe, text=True, check=True, capture_output=True)
        return tag

    yield move
    subprocess.run(["docker", "rmi", "--force", tag], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("docker") is None, reason="makes images with the docker command")
def test_a_tag_that_has_moved_means_that_what_was_built_is_built_again(project, index, lambdify, moving_tag):
    index.add_sdist("fast", "1.0", tree=native_tree("fast"))
    settings = f'[function]\npython = "3.11"\n[build]\nimage = "{moving_tag(1)}"\n'
    requirements = f"{index.option}fast\n"
    root = project({"app.py": APP, "lambdify.toml": settings, "requirements.txt": requirements})
    built, unchanged = "Build fast 1.0 in lambdify/test-moving", "Nothing has changed"
    assert built in lambdify("package", cwd=root).stderr
    moving_tag(2)
    # An engine that is away is no reason to build again.
    assert unchanged in lambdify("package", cwd=root, env={"DOCKER_HOST": "tcp://127.0.0.1:1"}).stderr
    assert built in lambdify("package", cwd=root).stderr
