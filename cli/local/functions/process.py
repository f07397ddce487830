"""A function of zips as a process of this machine: the function's Python in a clean environment, its code in
folders that were unpacked for it (function.py), AWS's runtime client (runtime.py).
"""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions import variables
from lambdify.cli.local.functions.function import FolderLeases, Function
from lambdify.cli.local.functions.output import Output
from lambdify.cli.local.listener import HOST
from lambdify.cli.local.processes import Children, peak_memory

_PATIENCE = 0.5
"""Seconds between asking a process to end and killing it."""


@dataclass(frozen=True, kw_only=True)
class ZipProgram:
    """Everything that the process is made of."""

    function: Function
    python: Path
    """An interpreter of the function's minor version."""
    runtime: Path
    """The folder with AWS's runtime client and boto3."""
    task_root: Path
    """The function's code: /var/task on Lambda."""
    layers: Path
    """Its layers, one over the other: /opt on Lambda."""
    endpoint_url: str
    """Where boto3 in the function finds AWS."""
    credentials: Credentials
    """What it signs with there."""
    folder: Path
    """Where each process gets a folder for temporary files."""
    children: Children
    """The children of the daemon, of which it becomes one."""
    leases: FolderLeases = field(default_factory=FolderLeases)
    """Where it is noted that the folders of its code are needed."""
    users: tuple[int, ...] = ()
    """It runs as ourselves."""
    names: tuple[str, ...] = ()
    """It is on this machine."""

    def start(self, api: int, stream: str, output: Output) -> "HostProcess":
        """Start it: the Runtime API is at that port, the log stream has that name."""
        tmp = Path(tempfile.mkdtemp(dir=self.folder))
        self.leases.acquire(self.task_root, self.layers)
        try:
            child = self.children.start(
                _command(self),
                environ=_environ(self, f"{HOST}:{api}", stream, tmp, output.telemetry),
                folder=self.task_root,
                output=output.stdout,
                keep_open=(output.telemetry,),
            )
        except BaseException:
            self.leases.release(self.task_root, self.layers)
            raise
        return HostProcess(child, self, tmp)


class HostProcess:
    """A process of this machine, as sandbox.Process has it."""

    def __init__(self, child: "subprocess.Popen[bytes]", program: ZipProgram, tmp: Path) -> None:
        self._child, self._program, self._children, self._tmp = child, program, program.children, tmp

    def freeze(self) -> None:
        """Stop it in a moment, unless it is thawed before."""
        self._children.suspend_soon(self._child)

    def thaw(self) -> None:
        """Let it go on."""
        self._children.resume(self._child)

    def kill(self) -> None:
        """End it and what it started."""
        self._children.send(self._child, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether it has."""
        if not hasattr(os, "waitid"):  # macOS, before Python 3.13
            return self._child.poll() is not None
        # `poll` says no for as long as another thread waits, though the process may have ended by now.
        with suppress(ChildProcessError):
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._child.pid, look) is not None
        return True

    def wait(self) -> int:
        """Its return code, when it has ended."""
        return self._children.reap(self._child)

    def wait_for_output(self) -> None:
        """Nothing to wait for: what it has written is in the pipes."""

    def peak_memory(self) -> int:
        """In MB; 0 where the system does not tell."""
        return peak_memory(self._child.pid)

    def close(self) -> None:
        """End it, and remove its temporary files."""
        self._children.end(self._child, patience=_PATIENCE)
        self._program.leases.release(self._program.task_root, self._program.layers)
        shutil.rmtree(self._tmp, ignore_errors=True)


def _command(program: ZipProgram) -> list[str]:
    """How it is started: with nothing importable that this machine has installed (see boot.py)."""
    boot = Path(__file__).with_name("boot.py")
    arguments = [program.layers, program.runtime, program.function.handler]
    return [str(program.python), "-s", "-S", "-P", str(boot), *map(str, arguments)]


def _environ(program: ZipProgram, api: str, stream: str, tmp: Path, telemetry: int) -> dict[str, str]:
    """The variables of a managed runtime, and none of the developer's."""
    function, root, layers = program.function, program.task_root, program.layers
    own = dict(function.environment)
    return {
        **variables.write(
            function,
            api=api,
            stream=stream,
            endpoint_url=program.endpoint_url,
            credentials=program.credentials,
        ),
        "_HANDLER": function.handler,
        "_LAMBDA_TELEMETRY_LOG_FD": str(telemetry),
        "LAMBDA_RUNTIME_DIR": str(program.runtime),
        "LAMBDA_TASK_ROOT": str(root),
        "LANG": own.get("LANG", "en_US.UTF-8"),
        "LD_LIBRARY_PATH": f"{root}:{root}/lib:{layers}/lib",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{layers}/bin",
        "TZ": own.get("TZ", ":UTC"),
        # Lambda sets neither. Without the first, `~` would be the developer's home with its .aws folder;
        # without the second, all sandboxes would share the machine's /tmp even through `tempfile`.
        "HOME": str(tmp),
        "TMPDIR": str(tmp),
    }
