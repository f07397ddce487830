"""An app that goes on after its responses, a function and commands: what runs is what is live.

The app is ASGI without a framework, so nothing is to be resolved.
"""

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from commands import own_cloud
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

TOGETHER, WORK = 20, 3.0
APP = """
import asyncio, pathlib, uuid

FOLDER = pathlib.Path({folder!r})
VERSION = {version}

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": str(VERSION).encode()}})
    if scope["path"] == "/letters":
        await asyncio.sleep({work})
        (FOLDER / str(uuid.uuid4())).touch()
"""
JOBS = """
import main
{broken}

def tell(event, context):
    return main.VERSION
"""
SETTINGS = f"""
name = "going"
app = "main:app"
[function]
python = "3.11"
timeout = 20
[warm]
every = "off"
[commands]
timeout = 30
[functions.tell]
handler = "jobs:tell"
[functions.own]
handler = "jobs:tell"
timeout = {int(WORK) + 7}
"""


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """The folder with a file for each letter."""
    return tmp_path_factory.mktemp("sent")


@pytest.fixture(scope="module")
def write(tmp_path_factory, sent):
    """`write(2, broken="...")`: the project's files; its folder comes back."""
    root = tmp_path_factory.mktemp("going")

    def write(version, broken=""):
        (root / "main.py").write_text(APP.format(folder=str(sent), version=version, work=WORK))
        (root / "jobs.py").write_text(JOBS.format(broken=broken))
        (root / "lambdify.toml").write_text(SETTINGS)
        return root

    return write


@pytest.fixture(scope="module")
def lambdify(write, tmp_path_factory):
    with own_cloud.opened(write(1), own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:
        yield run


@pytest.fixture(scope="module")
def url(lambdify):
    done = lambdify("deploy", "--local", "--yes")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def get(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return int(response.read())


def test_twenty_requests_together_do_not_wait_for_each_others_work(url, sent):
    begun = time.monotonic()
    get(f"{url}/letters")
    assert time.monotonic() - begun < WORK
    with ThreadPoolExecutor(TOGETHER) as threads:
        answers = list(threads.map(get, [f"{url}/letters"] * TOGETHER))
    assert answers == [1] * TOGETHER
    assert eventually(lambda: len(list(sent.iterdir())) == TOGETHER + 1)


def test_a_release_that_fails_leaves_requests_functions_and_commands_on_the_live_code(url, lambdify, write):
    def live():
        """The versions that a request, both functions and a command run."""
        code = "import main; print(main.VERSION)"
        command = lambdify("run", "dev", "--local", "--", "python", "-c", code)
        assert command.returncode == 0, command.stderr
        functions = [lambdify("invoke", "--local", "--function", name).stdout for name in ("tell", "own")]
        return {get(url), *map(json.loads, functions), int(command.stdout)}

    assert live() == {1}
    write(2, broken='__import__("os").environ["NO_SUCH_TOKEN"]')
    failed = lambdify("deploy", "--local", "--yes")
    assert failed.returncode == 13, failed.stderr
    assert "NO_SUCH_TOKEN" in failed.stderr
    assert live() == {1}

    write(2)
    assert lambdify("deploy", "--local", "--yes").returncode == 0
    assert live() == {2}
    assert lambdify("rollback", "--local", "--yes").returncode == 0
    assert live() == {1}
