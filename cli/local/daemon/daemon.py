"""The daemon of a local cloud, one for each home folder: `python -m lambdify.cli.local.daemon.daemon`.

    ministack     a child: AWS's APIs
    sandboxes     children, or containers: the functions
    gateways      threads: the stages' endpoints
    control       a thread: the API for ministack and commands (control.py), on a socket in the home folder

It ends on SIGTERM, when ministack ends, or when its home folder is gone. All of the above ends with it, even
if it is killed (watchdog.py). Nothing is kept: the next cloud starts empty.
"""

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from lambdify.cli import settings
from lambdify.cli.aws import Account, connect
from lambdify.cli.errors import AwsError, LambdifyError
from lambdify.cli.local import credentials
from lambdify.cli.local.aws import ministack
from lambdify.cli.local.aws.lambda_service import LambdaService
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.daemon import state
from lambdify.cli.local.daemon.control import Control
from lambdify.cli.local.endpoints.stages import Served, Stages
from lambdify.cli.local.functions.fleet import FunctionKey
from lambdify.cli.local.listener import HOST
from lambdify.cli.local.processes import Children, identify
from lambdify.cli.local.unix_http import Server
from lambdify.cli.packing.unpacked import remove_tree
from lambdify.cli.storage import caches, disk, folders
from lambdify.cli.version import VERSION

SHUTDOWN_LIMIT = 2.5
"""Seconds for a clean end, which writes logs and asks processes to end. Then the rest is killed."""
SWEEP_INTERVAL = 1.0
"""Seconds between two checks for sandboxes and gateways to end."""
COLLECT_INTERVAL = 5.0
"""Seconds between two removals of unused code."""
_SERVICES = (
    *("apigateway", "apigatewayv2", "cloudformation", "cloudfront", "cloudwatch", "lambda", "logs", "s3"),
)
_log = logging.getLogger("lambdify")


class Daemon:
    """A local cloud, which is up while `run` runs."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._control = home / "control.sock"
        self._owner, self._function = credentials.make(), credentials.make()
        self._over = threading.Event()
        self._children = Children(adopt=True)

    def stop(self) -> None:
        """Let `run` clean up and end; after SHUTDOWN_LIMIT, end the process without it."""
        if not self._over.is_set():
            self._over.set()
            threading.Thread(target=self._end_after_limit, name="end", daemon=True).start()

    def _end_after_limit(self) -> None:
        time.sleep(SHUTDOWN_LIMIT)
        _log.warning("something did not end within %s s", SHUTDOWN_LIMIT)
        self._children.close()
        self._remove_state()
        os._exit(0)

    def run(self) -> None:
        """Start everything, write the state file, and supervise it to the end."""
        with ExitStack() as stack:
            children = self._children
            stack.callback(children.close)
            # All sandboxes run from the cache, later ones too.
            stack.enter_context(caches.in_use())
            child, port = stack.enter_context(self._ministack(children))
            folder = stack.enter_context(_folder(self._home / "functions"))
            endpoint_url = f"http://{HOST}:{port}"
            connect = connector(endpoint_url, self._owner, self._home)
            service = LambdaService(connect, endpoint_url, self._function, folder, children)
            stack.callback(service.close)
            stages = Stages(connect, service.start)
            stack.callback(stages.close)
            control = Server(self._control, Control(service, self._routes(service, stages)).answer)
            stack.callback(control.close)
            self._write_state(endpoint_url, child.pid, children.watchdog)
            stack.callback(self._remove_state)
            self._supervise(child, service, stages)

    @contextmanager
    def _ministack(self, children: Children) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
        keys = self._owner, self._function
        with socket.socket() as listening:
            listening.bind((HOST, 0))
            port: int = listening.getsockname()[1]
            child = ministack.start(children, self._home, listening, keys, self._control)
        try:
            ministack.wait_until_ready(child, self._home, port, sleep=self._pause)
            yield child, port
        finally:
            children.end(child, patience=1)

    def _pause(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise SystemExit

    def _write_state(self, endpoint_url: str, ministack_pid: int, watchdog_pid: int) -> None:
        daemon, child, watchdog = map(identify, (os.getpid(), ministack_pid, watchdog_pid))
        assert daemon
        assert child
        assert watchdog
        state.write(
            self._home,
            state.State(
                version=VERSION,
                endpoint_url=endpoint_url,
                control=self._control,
                credentials=self._owner,
                daemon=daemon,
                ministack=child,
                watchdog=watchdog,
            ),
        )
        _log.info("AWS at %s, control at %s", endpoint_url, self._control)

    def _owns_state(self) -> bool:
        left = state.load(self._home)
        return left is not None and left.daemon.pid == os.getpid()

    def _remove_state(self) -> None:
        # The state may be another cloud's by now, which commands must be able to find.
        if self._owns_state():
            state.remove(self._home)

    def _supervise(self, child: "subprocess.Popen[bytes]", service: LambdaService, stages: Stages) -> None:
        collected = 0.0
        while not self._over.wait(SWEEP_INTERVAL):
            if child.poll() is not None:
                _log.error("ministack ended:\n%s", ministack.tail(self._home / ministack.LOG))
                return
            if not self._owns_state():
                _log.error("%s no longer says where this cloud is: no command could find it", self._home)
                return
            service.fleet.sweep()
            try:
                for each in stages.sweep():
                    service.fleet.forget(FunctionKey(each.region, each.name))
                if time.monotonic() - collected >= COLLECT_INTERVAL:
                    service.functions.collect()
                    collected = time.monotonic()
            except AwsError as error:
                _log.warning("%s", error.message)  # ministack may be about to end; the next check will see it

    def _routes(
        self, service: LambdaService, stages: Stages
    ) -> dict[tuple[str, str], Callable[[dict[str, Any]], object]]:
        def endpoint(arguments: dict[str, Any]) -> object:
            served = stages.serve(arguments["name"], arguments["region"], arguments["port"])
            service.prepare(served.api.integration)
            return {"url": served.url}

        def status(_: dict[str, Any]) -> object:
            return {"stages": [_describe(each, service) for each in stages.served()]}

        return {("POST", "/endpoint"): endpoint, ("GET", "/status"): status}


def _describe(served: Served, service: LambdaService) -> dict[str, Any]:
    """Return the fields of cloud.ServedStage."""
    function = service.functions.find(served.api.integration)
    return {
        "name": served.name,
        "region": served.region,
        "url": served.url,
        "function": function.name if function else "",
        "version": function.version if function else "",
        "environments": service.fleet.count(FunctionKey(served.region, served.name)),
    }


def connector(endpoint_url: str, keys: Credentials, home: Path) -> Callable[[str], Account]:
    """Return a function from a region to the account behind the endpoint. Each client is made once."""
    lock = threading.Lock()

    @cache
    def make(region: str) -> Account:
        loaded = settings.load(home, overrides={"region": region})
        account = connect(loaded, endpoint_url=endpoint_url, credentials=keys)
        # Threads may share boto3's clients, but only one thread at a time may create them:
        # https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
        for service in _SERVICES:
            account.client(service)
        return account

    def account(region: str) -> Account:
        with lock:
            return make(region)

    return account


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Create an empty folder for the time that the block runs."""
    remove_tree(path)
    path.mkdir(mode=0o700, parents=True)
    try:
        yield path
    finally:
        remove_tree(path)


def main() -> None:
    """Run the daemon of the home folder until it is told to end."""
    # The daemon must not keep files of its parent open, such as a pipe or a lock.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    daemon = Daemon(folders.home())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        # SystemExit means that the daemon was told to end before everything had started.
        with suppress(SystemExit), disk.explained():
            daemon.run()
    except LambdifyError as error:
        # The disk of the log may be full as well. The exit code then says it.
        with suppress(OSError):
            _log.error("%s\n%s", error.message, error.hint)
        _exit(error.exit_code)
    _exit(0)


def _exit(code: int) -> None:
    """End the process now. Python would wait for threads, and that of an invocation may not end soon."""
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    main()
