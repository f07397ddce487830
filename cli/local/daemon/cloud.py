"""The local cloud, as the commands see it: make sure that it runs, find it, ask it, end it.

One daemon per home folder (daemon.py) hosts ministack, the sandboxes and the gateways. This module is the
only door to it: commands never talk to the daemon by themselves.
"""

import errno
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdify.cli import errors
from lambdify.cli.errors import DiskFull, LocalCloudDown, LocalCloudFailed
from lambdify.cli.local import processes
from lambdify.cli.local.aws import ministack
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.daemon import state
from lambdify.cli.local.functions.function import PROXY_VARIABLE, remove_tree
from lambdify.cli.local.unix_http import Connection
from lambdify.cli.settings import Settings
from lambdify.cli.storage import disk, folders

if TYPE_CHECKING:
    from lambdify.cli.console import Console

REGION = "us-east-1"
"""Where a stage lives locally when its settings name no region."""
_START_PATIENCE = ministack.PATIENCE + 30
_STOP_PATIENCE = 10.0
_ANSWER_PATIENCE = 300.0
"""Seconds. The first function of a Python version waits until the runtime client is installed for it."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A local cloud that runs."""

    endpoint_url: str
    """Where boto3 finds AWS's APIs."""
    control: Path
    """The socket where the daemon takes questions."""
    credentials: Credentials
    """What requests to AWS's APIs are signed with; none of the user's own is ever sent there."""
    pid: int
    version: str
    """Of the lambdify that started it."""
    home: Path


@dataclass(frozen=True, kw_only=True)
class ServedStage:
    """A stage that is deployed to the local cloud."""

    name: str
    """Of the stack and the function: "shop-production"."""
    region: str
    url: str
    function: str
    version: str
    """What the alias leads to."""
    environments: int
    """How many sandboxes run."""


def ensure(console: "Console", *, sleep: Callable[[float], None] = time.sleep) -> Cloud:
    """The running local cloud, started if there is none. Raises LocalCloudFailed."""
    running = find(console)
    if running is None:
        with console.step("Starting the local cloud"), state.locked(folders.home()):
            # Another command may have started it while we waited for the lock.
            running = find() or _start(folders.home(), sleep)
    if running.version != version("lambdify"):
        console.warn(
            f"The local cloud that is running was started by lambdify {running.version}; this is "
            f"{version('lambdify')}. `lambdify local stop` ends it, with everything that is deployed to it."
        )
    return running


def find(console: "Console | None" = None) -> Cloud | None:
    """The local cloud that is running now, if any; `console` hears of a state that cannot be read."""
    home = folders.home()
    found = state.load(home)
    if console and state.is_broken(home):
        console.warn(
            f"{home / state.FILE} counts as none: it is incomplete, or another version of lambdify wrote it."
        )
    if found is None or not found.alive:
        return None
    return Cloud(
        endpoint_url=found.endpoint_url,
        control=found.control,
        credentials=found.credentials,
        pid=found.daemon.pid,
        version=found.version,
        home=home,
    )


def require(console: "Console") -> Cloud:
    """The local cloud that is running now. Raises LocalCloudDown."""
    running = find(console)
    if running is None:
        raise LocalCloudDown(
            "The local cloud is not running.", hint="`lambdify deploy --local` starts it and deploys to it."
        )
    return running


def variables(cloud: Cloud) -> dict[str, str]:
    """What leads other AWS tools to it. Holds its secret.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    return {
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": cloud.credentials.key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.credentials.secret,
        # The AWS CLI reads the second one alone.
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def stop(console: "Console", *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """End the local cloud and everything in it; True when there was something to end."""
    home = folders.home()
    find(console)
    if not (home / state.FILE).exists():
        return False
    with console.step("Stopping the local cloud"), state.locked(home):
        was_alive = any(map(processes.is_running, state.named_processes(home)[:1]))
        killed = _clear(home, sleep)
    if killed:
        console.warn("The local cloud did not end when it was asked to, and was killed.")
    return was_alive


def prepare(settings: Settings, cloud: Cloud) -> Settings:
    """The settings as every command with --local uses them.

    Adds the variable that makes ministack hand invocations to us, fixes a region where none is set, and
    drops the AWS profile: local commands must work without one.
    """
    return replace(
        settings,
        region=settings.region or REGION,
        profile="",
        environment={**settings.environment, PROXY_VARIABLE: f"unix:{cloud.control}"},
    )


def endpoint(cloud: Cloud, settings: Settings) -> str:
    """The URL of the stage on 127.0.0.1; its gateway listens from now on, with all that it needs at hand.

    Raises PortTaken, NotDeployed, PythonNotFound, LocalCloudFailed.
    """
    arguments = {"name": settings.full_name, "region": settings.region or REGION, "port": settings.local.port}
    url: str = _ask(cloud, "POST", "/endpoint", arguments)["url"]
    return url


def status(cloud: Cloud) -> tuple[ServedStage, ...]:
    """The stages that the local cloud serves."""
    return tuple(ServedStage(**stage) for stage in _ask(cloud, "GET", "/status")["stages"])


def _start(home: Path, sleep: Callable[[float], None]) -> Cloud:
    """Start the daemon and wait until it has written its state. If the wait fails, nothing has started."""
    if (home / state.FILE).exists():
        _clear(home, sleep)
    pid = _spawn(home)
    try:
        return _await(pid, home, sleep)
    except BaseException:
        if daemon := processes.identify(pid):
            processes.end(daemon, patience=_STOP_PATIENCE)
        raise


def _await(pid: int, home: Path, sleep: Callable[[float], None]) -> Cloud:
    hint = f"Its log is {home / state.LOG}."
    give_up = time.monotonic() + _START_PATIENCE
    while (running := find()) is None:
        if (code := _exit_code(pid)) is not None:
            if code == DiskFull.exit_code:
                with disk.explained():
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(home))
            said = ministack.tail(home / state.LOG)
            raise LocalCloudFailed(f"The local cloud could not be started:\n{said}", hint=hint)
        if time.monotonic() > give_up:
            raise LocalCloudFailed(
                f"The local cloud did not start within {_START_PATIENCE:.0f} s.", hint=hint
            )
        sleep(0.02)
    return running


def _spawn(home: Path) -> int:
    """Start the daemon in a session of its own: a Ctrl-C or the terminal's end is not meant for it."""
    log = os.open(home / state.LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        # Absolute from now on: the daemon does not stay in this folder.
        "LAMBDIFY_HOME": str(home),
        "LAMBDIFY_CACHE": str(folders.cache()),
    }
    try:
        # Not subprocess: a Popen is to be waited for, and this one outlives us.
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "lambdify.cli.local.daemon.daemon"],
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            # The command's own are Python's, which ignores SIGPIPE, and a shell's, which may ignore SIGINT.
            setsigdef=[signal.SIGINT, signal.SIGPIPE],
            setsid=True,
        )
    finally:
        os.close(log)


def _exit_code(pid: int) -> int | None:
    """How the daemon ended, -1 if nobody can tell any more; None while it runs."""
    with suppress(ChildProcessError):
        ended, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    return None if processes.identify(pid) else -1


def _clear(home: Path, sleep: Callable[[float], None]) -> bool:
    """End what the state names, and take it away; True when the daemon had to be killed.

    The daemon ends the rest, or its watchdog does, which is the last to end; ministack is named for the case
    that the watchdog was killed.
    """
    found = state.named_processes(home)
    killed = bool(found) and processes.end(found[0], patience=_STOP_PATIENCE, sleep=sleep)
    for each in reversed(found[1:]):
        if not processes.wait(each, patience=_STOP_PATIENCE, sleep=sleep):
            processes.end(each, patience=_STOP_PATIENCE, sleep=sleep)
    # What a daemon that was killed has left.
    remove_tree(home / "functions")
    state.remove(home)
    return killed


def _ask(cloud: Cloud, method: str, path: str, arguments: dict[str, Any] | None = None) -> Any:
    """The daemon's answer. An error of ours that it met is raised here."""
    connection = Connection(cloud.control, timeout=_ANSWER_PATIENCE)
    try:
        connection.request(method, path, json.dumps(arguments or {}))
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException) as error:
        raise LocalCloudDown(
            f"The local cloud does not answer: {error}",
            hint="`lambdify local stop` ends what is left, `lambdify deploy --local` starts another one.",
        ) from error
    finally:
        connection.close()
    if response.status == http.client.OK:
        return answer
    if "error" in answer:
        raise getattr(errors, answer["error"])(answer["message"], hint=answer["hint"])
    raise LocalCloudFailed(
        "The local cloud met an error of its own.", hint=f"Its log is {cloud.home / state.LOG}."
    )
