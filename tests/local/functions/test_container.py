"""A function of a container image: in a container of the real engine, as it would be from zips."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from local.running import ARN, CREDENTIALS, FUNCTION, REQUEST_ID, Running
from local.runtime_image import make_base, write_context
from waiting import eventually

from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.local.functions import engine as room
from lambdify.cli.local.functions.container import ImageProgram
from lambdify.cli.local.functions.engine import Engine
from lambdify.cli.local.functions.sandbox import SandboxGone
from lambdify.cli.local.processes import Children
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.docker import open_engine

pytestmark = [pytest.mark.docker, pytest.mark.slow]

HERE = {"Name": "desk", "KernelVersion": "6.1", "OperatingSystem": "Debian", "SecurityOptions": []}
US = {"hostname": "desk", "kernel": "6.1", "platform": "linux"}
Run = Callable[..., Running]


@pytest.fixture(scope="session")
def client(build_image: str) -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("container-home")


@pytest.fixture(scope="module")
def engine(build_image: str, home: Path, children: Children) -> Iterator[Engine]:
    engine = room.connect(home, children)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def base(build_image: str) -> str:
    return make_base(build_image)


@pytest.fixture
def run(engine: Engine, base: str, client: docker.DockerClient, tmp_path: Path) -> Iterator[Run]:
    """A sandbox of an image with that source as app.py."""
    started: list[Running] = []
    images: list[str] = []

    def start(source: str, **changes: Any) -> Running:
        name = f"lambdify/sandbox-test:{os.getpid()}-{tmp_path.name}-{len(images)}".lower()
        with open_engine("a test needs an image") as builder:
            files = {"app.py": source}
            builder.build_image(
                write_context(f"FROM {base}\nCOPY app.py /var/task/\n", files), name, Target(python="3.11")
            )
        images.append(name)
        function = replace(FUNCTION, handler="", python="", image=name, command=("app.handler",), **changes)
        program = ImageProgram(
            function=function, endpoint_url="http://127.0.0.1:9", credentials=CREDENTIALS, engine=engine
        )
        started.append(Running(program))
        return started[-1]

    yield start
    for each in started:
        each.sandbox.close()
    for name in images:
        client.images.remove(name, force=True)


@pytest.fixture
def containers(client: docker.DockerClient, home: Path) -> Callable[[], list[Any]]:
    """The containers of these tests that are there now."""
    return lambda: client.containers.list(
        all=True, filters={"label": f"{room.HOME}={home}"}, ignore_removed=True
    )


def error(payload: bytes) -> tuple[str, str]:
    body: dict[str, Any] = json.loads(payload)
    return body["errorType"], body["errorMessage"]


def test_it_is_what_it_is_on_lambda_and_stays_for_the_next_event(
    run: Run, containers: Callable[[], list[Any]]
) -> None:
    running = run(
        "import os, tempfile\n"
        "def handler(event, context):\n"
        "    with tempfile.TemporaryFile() as file: file.write(b'x')\n"
        "    try: open('/var/task/new', 'w')\n"
        "    except OSError as error: refused = error.strerror\n"
        "    return [event, dict(os.environ), os.getuid(), os.getgid(), os.getcwd(), refused, str(id(app))]\n"
        "app = object()\n"
    )
    event, seen, *who, app = json.loads(running.invoke('{"n": 1}').payload)
    assert event == {"n": 1}
    assert who == [993, 990, "/var/task", "Read-only file system"]
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_Image"
    assert (seen["GREETING"], seen["AWS_ENDPOINT_URL"]) == ("hello", "http://127.0.0.1:9")
    assert seen["LAMBDA_TASK_ROOT"] == "/var/task"
    assert not {"MINISTACK_LAMBDA_PROXY_URL", "_LAMBDA_TELEMETRY_LOG_FD"} & seen.keys()
    assert json.loads(running.invoke().payload)[-1] == app
    (container,) = containers()
    running.sandbox.close()
    assert containers() == []
    assert container.name.startswith("lambdify-function-")


def test_the_log_tells_each_invocation_as_for_zips(run: Run) -> None:
    running = run(
        "import logging, sys\n"
        "print('importing')\n"
        "def handler(event, context):\n"
        "    print('out'); print('err', file=sys.stderr)\n"
        "    try: 1 / 0\n"
        "    except ZeroDivisionError: logging.exception('no')\n"
    )
    first, second = running.invoke(request_id="1" * 36), running.invoke(request_id="2" * 36)
    assert running.log[0] == "importing"
    one = running.log[running.log.index(f"START RequestId: {'1' * 36} Version: 7") :]
    one, two = one[:6], one[6:]
    for lines, outcome, request_id in ((one, first, "1" * 36), (two, second, "2" * 36)):
        assert lines[0] == f"START RequestId: {request_id} Version: 7"
        assert {"out", "err"} < set(lines[1:4])
        (logged,) = set(lines[1:4]) - {"out", "err"}
        assert "ZeroDivisionError: division by zero" in logged, "the whole trace is one event"
        assert lines[4] == f"END RequestId: {request_id}"
        assert re.search(r"Memory Size: 512 MB\tMax Memory Used: [1-9]\d* MB", lines[5])
        assert outcome.log.endswith(lines[5] + "\n")
    assert "Init Duration" in one[5]
    assert "Init Duration" not in two[5]


def test_in_the_json_format_no_runtime_version_is_told(run: Run) -> None:
    running = run(
        "import logging\ndef handler(event, context):\n    logging.getLogger().warning('two\\nlines')\n",
        log_format="JSON",
    )
    running.invoke()
    records = [json.loads(line) for line in running.log]
    assert [each.get("type") or each["message"] for each in records] == [
        "platform.initStart",
        "platform.start",
        "two\nlines",
        "platform.runtimeDone",
        "platform.report",
    ]
    assert records[0]["record"] == {"initializationType": "on-demand", "phase": "init"}


def test_an_error_at_import_is_told_to_the_first_caller(run: Run) -> None:
    outcome = run("raise RuntimeError('no database')\n").invoke()
    assert error(outcome.payload) == ("RuntimeError", "no database")
    assert not outcome.usable


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("import os; os._exit(3)", "with error: exit status 3"),
        ("import ctypes; ctypes.string_at(0)", "with error: signal: segmentation fault"),
        ("hold = bytearray(400 << 20)", "with error: signal: killed"),
    ],
    ids=["exit", "segfault", "more than its memory"],
)
def test_a_container_that_ends_is_an_exit_error(run: Run, statement: str, reason: str) -> None:
    running = run(f"def handler(event, context):\n    {statement}\n", memory=128, timeout=30)
    outcome = running.invoke()
    assert error(outcome.payload) == (
        "Runtime.ExitError",
        f"RequestId: {REQUEST_ID} Error: Runtime exited {reason}",
    )
    assert not outcome.usable


def test_an_invocation_that_takes_too_long_ends_its_container(run: Run) -> None:
    running = run("import time\ndef handler(event, context):\n    time.sleep(60)\n", timeout=1)
    outcome = running.invoke()
    assert error(outcome.payload)[0] == "Sandbox.Timedout"
    with pytest.raises(SandboxGone):
        running.invoke()


def test_nothing_runs_between_two_events(run: Run, containers: Callable[[], list[Any]]) -> None:
    running = run(
        "import threading, time\n"
        "ticks = []\n"
        "def tick():\n"
        "    while True: ticks.append(time.monotonic()); time.sleep(0.01)\n"
        "threading.Thread(target=tick, daemon=True).start()\n"
        "def handler(event, context):\n"
        "    return max(after - before for before, after in zip(ticks, ticks[1:]))\n"
    )
    running.invoke()
    assert eventually(lambda: [each.status for each in containers()] == ["paused"])
    time.sleep(1)
    assert float(running.invoke().payload) >= 1


def test_a_container_that_was_removed_between_two_events_gives_the_second_one_back(
    run: Run, containers: Callable[[], list[Any]]
) -> None:
    running = run("def handler(event, context):\n    return 1\n")
    running.invoke()
    (container,) = containers()
    container.remove(force=True)
    assert eventually(running.sandbox._process.has_ended)
    with pytest.raises(SandboxGone):
        running.sandbox.invoke(REQUEST_ID, b"{}", f"{ARN}:7")


def test_an_image_that_is_gone_is_named(engine: Engine) -> None:
    with pytest.raises(LocalCloudFailed, match="no longer has the image lambdify/not-there:1"):
        engine.check("lambdify/not-there:1")


# ---------------------------------------------------------------- what is left of a killed daemon

KILLED = """
import os, pathlib, signal, sys
from lambdify.cli.local.functions import engine
from lambdify.cli.local.processes import Children
children = Children()
made = engine.connect(pathlib.Path(sys.argv[1]), children).create(
    sys.argv[2], ["-c", "input()"], {}, memory=128
)
made.start()
made.pause()
print(children.watchdog, flush=True)
if sys.argv[3] == "both": os.kill(children.watchdog, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill(home: Path, image: str, which: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), image, which], stdout=subprocess.PIPE, text=True
    )
    return int(done.stdout)


def test_the_watchdog_of_a_killed_daemon_removes_its_containers(
    base: str, tmp_path: Path, client: docker.DockerClient
) -> None:
    kill(tmp_path, base, "daemon")
    mine = {"label": f"{room.HOME}={tmp_path}"}
    assert eventually(lambda: not client.containers.list(all=True, filters=mine, ignore_removed=True))


def test_where_the_watchdog_was_killed_too_the_next_cloud_does(
    base: str, tmp_path: Path, client: docker.DockerClient, children: Children
) -> None:
    mine = {"label": f"{room.HOME}={tmp_path}"}
    kill(tmp_path, base, "both")
    assert len(client.containers.list(all=True, filters=mine)) == 1
    room.connect(tmp_path, children).close()
    assert client.containers.list(all=True, filters=mine) == []
