"""The commands' interface to the local cloud: start it, find it, send it requests, end it.

One daemon per home folder (daemon.py) runs ministack, the sandboxes and the gateways. Commands talk to the
daemon through this module only.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdify.cli import errors
from lambdify.cli.errors import DiskFull, LocalCloudDown, LocalCloudFailed
from lambdify.cli.local import processes
from lambdify.cli.local.aws import ministack
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.daemon import state, zones
from lambdify.cli.local.functions.function import PROXY_VARIABLE
from lambdify.cli.local.unix_http import Connection
from lambdify.cli.packing.unpacked import remove_tree
from lambdify.cli.settings import Settings
from lambdify.cli.storage import disk, folders
from lambdify.cli.version import VERSION

if TYPE_CHECKING:
    from lambdify.cli.console import Console

REGION = "us-east-1"
"""The region of a local stage whose settings name none."""
OWN_VARIABLES = frozenset({PROXY_VARIABLE})
"""What `prepare` adds to the environment of a function, which never sees it."""
_START_PATIENCE = ministack.PATIENCE + 30
_STOP_PATIENCE = 10.0
_ANSWER_PATIENCE = 300.0
"""Seconds for a response. The first function of a Python version waits for its runtime client."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A running local cloud."""

    endpoint_url: str
    """Where boto3 finds AWS's APIs."""
    control: Path
    """The socket where the daemon takes requests."""
    credentials: Credentials
    """The keys for AWS's APIs there; the user's own keys are never sent there."""
    pid: int
    version: str
    """The version of the lambdify that started it."""
    home: Path


@dataclass(frozen=True, kw_only=True)
class ServedStage:
    """A stage that is deployed to the local cloud."""

    name: str
    """The name of the stack and the function: "shop-production"."""
    region: str
    url: str
    function: str
    version: str
    """The version that the alias points to."""
    environments: int
    """The number of sandboxes."""


def ensure(console: "Console", *, sleep: Callable[[float], None] = time.sleep) -> Cloud:
    """Return the running local cloud, started if there is none. Raises LocalCloudFailed."""
    running = find(console)
    if running is None:
        with console.step("Starting the local cloud"), state.locked(folders.home()):
            # Another command may have started it while we waited for the lock.
            running = find() or _start(folders.home(), sleep)
    if running.version != VERSION:
        console.warn(
            f"The local cloud that is running was started by lambdify {running.version}; this is "
            f"{VERSION}. `lambdify local stop` ends it, with everything that is deployed to it."
        )
    return running


def find(console: "Console | None" = None) -> Cloud | None:
    """Return the running local cloud; None if there is none. `console` warns of an unreadable state file."""
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
    """Return the running local cloud. Raises LocalCloudDown."""
    running = find(console)
    if running is None:
        raise LocalCloudDown(
            "The local cloud is not running.", hint="`lambdify deploy --local` starts it and deploys to it."
        )
    return running


def variables(cloud: Cloud) -> dict[str, str]:
    """Return the environment variables that point other AWS tools to it, its secret key among them.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    return {
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": cloud.credentials.key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.credentials.secret,
        # The AWS CLI reads only the second one.
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def stop(console: "Console", *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """End the local cloud and everything in it. Return whether one was running."""
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
    """Return the settings as every command with --local uses them.

    They have the variable that makes ministack pass invocations to us, a region, and no AWS profile, since
    local commands must work without one. The database is the one of this machine. One environment is kept
    warm unless the settings say how many: each is a process here, and nobody waits long for a further one.
    """
    here = zones.prepare(settings.on_this_machine)
    return replace(
        here,
        warm=replace(here.warm, concurrency=1) if here.warm.chosen else here.warm,
        region=settings.region or REGION,
        profile="",
        environment={**here.environment, PROXY_VARIABLE: f"unix:{cloud.control}"},
    )


def endpoint(cloud: Cloud, settings: Settings) -> str:
    """Start the gateway of the stage, and return its URL on 127.0.0.1. The function's code is unpacked then.

    Raises PortTaken, NotDeployed, PythonNotFound, LocalCloudFailed.
    """
    arguments = {"name": settings.full_name, "region": settings.region or REGION, "port": settings.local.port}
    url: str = _ask(cloud, "POST", "/endpoint", arguments)["url"]
    return url


def status(cloud: Cloud, *, patience: float = _ANSWER_PATIENCE) -> tuple[ServedStage, ...]:
    """Return the stages that the local cloud serves. Raises LocalCloudDown after `patience` seconds."""
    answer = _ask(cloud, "GET", "/status", patience=patience)
    return tuple(ServedStage(**stage) for stage in answer["stages"])


def _start(home: Path, sleep: Callable[[float], None]) -> Cloud:
    """Start the daemon and wait until it has written its state. If the wait fails, the daemon is ended."""
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
    """Start the daemon in a session of its own, away from Ctrl-C and the terminal's end; return its pid."""
    log = os.open(home / state.LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        # These are absolute, since the daemon does not stay in this folder.
        "LAMBDIFY_HOME": str(home),
        "LAMBDIFY_CACHE": str(folders.cache()),
    }
    try:
        # A Popen of subprocess would have to be waited for, and the daemon outlives this command.
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "lambdify.cli.local.daemon.daemon"],
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            # Ignored signals would be inherited: Python ignores SIGPIPE, and a shell may ignore SIGINT.
            setsigdef=[signal.SIGINT, signal.SIGPIPE],
            setsid=True,
        )
    finally:
        os.close(log)


def _exit_code(pid: int) -> int | None:
    """Return the daemon's exit code; -1 if it is not known any more, None while the daemon runs."""
    with suppress(ChildProcessError):
        ended, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    return None if processes.identify(pid) else -1


def _clear(home: Path, sleep: Callable[[float], None]) -> bool:
    """End the processes that the state names, and remove it. Return whether the daemon had to be killed.

    The daemon, or else its watchdog, ends all other processes, and the watchdog ends last. The state also
    names ministack, for the case that the watchdog was killed.
    """
    found = state.named_processes(home)
    killed = bool(found) and processes.end(found[0], patience=_STOP_PATIENCE, sleep=sleep)
    for each in reversed(found[1:]):
        if not processes.wait(each, patience=_STOP_PATIENCE, sleep=sleep):
            processes.end(each, patience=_STOP_PATIENCE, sleep=sleep)
    # A killed daemon leaves this folder behind.
    remove_tree(home / "functions")
    state.remove(home)
    return killed


def _ask(
    cloud: Cloud,
    method: str,
    path: str,
    arguments: dict[str, Any] | None = None,
    *,
    patience: float = _ANSWER_PATIENCE,
) -> Any:
    """Return the daemon's response. Raises the LambdifyError that the daemon met, and LocalCloudDown."""
    connection = Connection(cloud.control, timeout=patience)
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
