"""Runs the function of zips as a process of this machine.

The process has the function's Python in a clean environment, its unpacked code (function.py), and AWS's
runtime client (runtime_client.py).
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions import variables
from lambdify.cli.local.functions.function import FolderLeases, Function
from lambdify.cli.local.functions.output import Output
from lambdify.cli.local.listener import HOST
from lambdify.cli.local.processes import Child, Children, peak_memory

_PATIENCE = 0.5
"""Seconds between asking a process to end and killing it."""


@dataclass(frozen=True, kw_only=True)
class ZipProgram:
    """A function of zips, ready to start."""

    function: Function
    python: Path
    """An interpreter of the function's minor version."""
    runtime: Path
    """The folder with AWS's runtime client and boto3."""
    task_root: Path
    """The folder with the function's code: /var/task on Lambda."""
    layers: Path
    """The folder with its layers, one over the other: /opt on Lambda."""
    endpoint_url: str
    """The URL of AWS's APIs for the function."""
    credentials: Credentials
    """The function's keys there."""
    folder: Path
    """The parent of the processes' folders for temporary files."""
    children: Children
    """The children of the daemon; the process becomes one of them."""
    leases: FolderLeases = field(default_factory=FolderLeases)
    """The folders in use, which the folders of the code join."""
    users: tuple[int, ...] = ()
    """No other users: it runs as ourselves."""
    names: tuple[str, ...] = ()
    """No other names: it is on this machine."""

    def start(self, api: int, stream: str, output: Output) -> "HostProcess":
        """Start the process; `api` is the port of the Runtime API, `stream` the name of the log stream."""
        tmp = Path(tempfile.mkdtemp(dir=self.folder))
        self.leases.acquire(self.task_root, self.layers)
        try:
            child = self.children.start(
                _command(self),
                environ=environment(
                    self.function,
                    task_root=self.task_root,
                    layers=self.layers,
                    runtime=self.runtime,
                    tmp=tmp,
                    api=f"{HOST}:{api}",
                    stream=stream,
                    telemetry=output.telemetry,
                    endpoint_url=self.endpoint_url,
                    credentials=self.credentials,
                ),
                folder=self.task_root,
                output=output.stdout,
                keep_open=(output.telemetry,),
            )
        except BaseException:
            self.leases.release(self.task_root, self.layers)
            raise
        give_back = partial(self.leases.release, self.task_root, self.layers)
        return HostProcess(child, self.children, tmp, give_back)


class HostProcess:
    """A process of this machine, as sandbox.Process has it."""

    def __init__(
        self, child: Child, children: Children, tmp: Path, ended: Callable[[], None] = lambda: None
    ) -> None:
        """`tmp` is the folder for its temporary files; `ended` is called when it was closed."""
        self._child, self._children, self._tmp, self._ended = child, children, tmp, ended

    def freeze(self) -> None:
        """Suspend the process in a moment, unless `thaw` comes first."""
        self._children.suspend_soon(self._child)

    def thaw(self) -> None:
        """Let the process run."""
        self._children.resume(self._child)

    def kill(self) -> None:
        """Kill the process and its group."""
        self._children.send(self._child, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        if not hasattr(os, "waitid"):  # macOS, before Python 3.13
            return self._child.poll() is not None
        # `poll` returns None while another thread waits, even if the process has ended.
        with suppress(ChildProcessError):
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._child.pid, look) is not None
        return True

    def wait(self) -> int:
        """Wait for the process to end; return its return code."""
        return self._children.reap(self._child)

    def wait_for_output(self) -> None:
        """Return at once: all output is in the pipes."""

    def peak_memory(self) -> int:
        """Return the peak memory in MB; 0 where the system does not report it."""
        return peak_memory(self._child.pid)

    def close(self) -> None:
        """End the process, and remove its temporary files."""
        self._children.end(self._child, patience=_PATIENCE)
        self._ended()
        shutil.rmtree(self._tmp, ignore_errors=True)


def _command(program: ZipProgram) -> list[str]:
    """Return the command line, which makes nothing importable that this machine has installed (boot.py)."""
    boot = Path(__file__).with_name("boot.py")
    arguments = [program.layers, program.runtime, program.function.handler]
    return [str(program.python), "-s", "-S", "-P", str(boot), *map(str, arguments)]


def environment(
    function: Function,
    *,
    task_root: Path,
    layers: Path,
    runtime: Path,
    tmp: Path,
    api: str,
    stream: str,
    telemetry: int,
    endpoint_url: str,
    credentials: Credentials,
) -> dict[str, str]:
    """Return the variables of a managed runtime, without any of the developer's.

    `tmp` is the folder for temporary files, `telemetry` the descriptor for the runtime client's log.
    """
    own = dict(function.environment)
    return {
        **variables.write(
            function, api=api, stream=stream, endpoint_url=endpoint_url, credentials=credentials
        ),
        "_HANDLER": function.handler,
        "_LAMBDA_TELEMETRY_LOG_FD": str(telemetry),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "LAMBDA_TASK_ROOT": str(task_root),
        "LANG": own.get("LANG", "en_US.UTF-8"),
        "LD_LIBRARY_PATH": f"{task_root}:{task_root}/lib:{layers}/lib",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{layers}/bin",
        "TZ": own.get("TZ", ":UTC"),
        # Lambda sets neither. HOME keeps `~` away from the developer's home with its .aws folder; TMPDIR
        # gives each sandbox a folder of its own in `tempfile`.
        "HOME": str(tmp),
        "TMPDIR": str(tmp),
    }
