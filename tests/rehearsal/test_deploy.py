"""The rehearsal as `lambdify deploy --local` holds it: the real command, and what is there afterwards."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from packing.inventory.osv_service import REQUESTS, serve
from packing.packages import write_wheel

from lambdify.cli import aws, settings
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.local.daemon import cloud

pytestmark = [pytest.mark.cloud, pytest.mark.slow, pytest.mark.index]

LAMBDIFY = Path(sys.executable).with_name("lambdify")
APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"
NUMBERS = itertools.count()
"""Each project has a name of its own in the one local cloud."""
CANNOT_START = 15
Deploy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a local cloud, which ends with the module."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_HOME", str(folder))
        yield folder
        subprocess.run([LAMBDIFY, "local", "stop"], capture_output=True, timeout=60, check=True)


@pytest.fixture
def deploy(home: Path, tmp_path: Path) -> Deploy:
    """Write the files of a project of its own, and deploy it."""
    root = tmp_path / f"shop-{next(NUMBERS)}"
    root.mkdir()

    def run(files: Mapping[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
        for path, text in {"lambdify.toml": 'app = "app:app"\n', **files}.items():
            (root / path).write_text(text)
        command = [LAMBDIFY, "deploy", "--local", *options]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)

    return run


def account_of(root: Path) -> Account:
    running = cloud.require(Console(quiet=True))
    prepared = cloud.prepare(settings.load(root), running)
    return aws.connect(prepared, endpoint_url=running.endpoint_url, credentials=running.credentials)


def created(root: Path) -> list[str]:
    """What the stage has in its account: the stack, and objects in the bucket."""
    account, chosen = account_of(root), settings.load(root)
    stacks = account.client("cloudformation").describe_stacks()["Stacks"]
    found = [each["StackName"] for each in stacks if each["StackName"] == chosen.full_name]
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        listed = s3.list_objects_v2(Bucket=bucket["Name"], Prefix=chosen.prefix)
        found += [each["Key"] for each in listed.get("Contents", ())]
    return found


def test_an_app_that_cannot_start_ends_the_deployment_before_anything_is_there(
    deploy: Deploy, tmp_path: Path
) -> None:
    done = deploy({"app.py": f"import os\nKEY = os.environ['API_KEY']\n{APP}"})
    assert done.returncode == CANNOT_START
    assert "API_KEY is not set" in done.stderr
    assert "app.py:2" in done.stderr
    assert "importlib" not in done.stderr
    assert "Uploading" not in done.stderr
    (root,) = (each for each in tmp_path.iterdir() if each.is_dir())
    assert created(root) == []


def test_an_advisory_ends_the_deployment_before_anything_is_there_and_so_does_no_answer(
    deploy: Deploy, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path, "requests", "2.19.0")
    with serve(REQUESTS) as osv:
        toml = f'app = "app:app"\n[build]\naudit = "high"\naudit_service = "{osv.url}"\n'
        files = {"app.py": APP, "requirements.txt": f"{wheel}\n", "lambdify.toml": toml}
        done = deploy(files)
        osv.status = 503
        unanswered = deploy(files)
    assert (done.returncode, unanswered.returncode) == (29, 18)
    assert "requests 2.19.0, high, GHSA-x84v-xcm2-53pg (CVE-2018-18074), fixed in 2.20.0" in done.stderr
    assert "Starting the app here first" not in done.stderr + unanswered.stderr
    assert "Uploading" not in done.stderr + unanswered.stderr
    (root,) = (each for each in tmp_path.iterdir() if each.is_dir())
    assert created(root) == []


def test_without_a_rehearsal_it_fails_where_it_is_deployed(deploy: Deploy) -> None:
    done = deploy({"app.py": f"import os\nKEY = os.environ['API_KEY']\n{APP}"}, "--no-rehearsal")
    assert done.returncode == 13
    assert "Starting the app here first" not in done.stderr
    assert "Uploading" in done.stderr


def test_what_cannot_be_told_here_goes_on_to_the_trial(deploy: Deploy) -> None:
    connects = "import socket\nsocket.create_connection(('127.0.0.1', 9))\n"
    done = deploy({"app.py": f"{connects}{APP}"})
    said = "Whether the app starts cannot be told here: it connects to 127.0.0.1:9 while it is imported."
    assert said in done.stderr
    assert "Uploading" in done.stderr
    assert done.returncode == 13


def test_an_app_that_has_started_starts_beside_the_upload_and_the_same_one_not_again(deploy: Deploy) -> None:
    first = deploy({"app.py": APP})
    again = deploy({"app.py": APP})
    changed = deploy({"app.py": f"{APP}# more\n"})
    broken = deploy({"app.py": f"1 / 0\n{APP}"})
    other = deploy({"app.py": APP, "lambdify.toml": 'app = "app:app"\n[environment]\nGREETING = "b"\n'})
    assert [each.returncode for each in (first, again, changed, broken, other)] == [0, 0, 0, 15, 0]
    first_step = "Starting the app here first"
    shown = [first_step in each.stderr for each in (first, again, changed, broken, other)]
    assert shown == [True, False, False, False, True]
    # It was known to fail before the stack was to change.
    assert "ZeroDivisionError" in broken.stderr
    assert "CloudFormation" not in broken.stderr


HIDDEN = """
import hidden

class Hidden:
    def __init__(self):
        self.apps = {"": hidden.web}
    def __call__(self, *args, **kwargs):
        return self.apps[""](*args, **kwargs)

app = Hidden()
"""
ASGI = """
async def web(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
"""


@pytest.mark.parametrize(
    "web",
    [APP.replace("def app", "def web"), ASGI],
    ids=["wsgi", "asgi"],
)
def test_the_function_is_told_the_interface_that_an_app_hides(deploy: Deploy, web: str) -> None:
    files = {"app.py": HIDDEN, "hidden.py": web}
    done = deploy(files)
    assert done.returncode == 0, done.stderr
    assert httpx.get(done.stdout.strip()).text == "hello"
    again = deploy(files)
    assert "Nothing has changed: " in again.stderr


def test_a_rehearsal_of_somebody_else_counts_for_nothing(deploy: Deploy, tmp_path: Path) -> None:
    deploy({"app.py": APP})
    (record,) = tmp_path.glob("*/.lambdify/rehearsals/*.json")
    record.write_text(record.read_text().replace('"untold": ""', '"untold": "x"'))
    again = deploy({"app.py": APP})
    assert "Starting the app here first" in again.stderr
