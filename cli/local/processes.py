"""Processes of ours: what they are known by, how they are started, and how they end.

Rules:
- A process is known by its pid and its start time together: pids are given out again.
- Every child leads a process group of its own, and is ended as a group, so that what it started goes too.
- What a function starts may leave that group, or lose its parent. On Linux a sandbox adopts all that comes of
  it (boot.py), and the daemon what a sandbox leaves: both are "child subreapers". So what belongs to whom can
  be told to the end, and goes with it. https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
- What the daemon cannot end, because it was killed itself, the watchdog ends (watchdog.py). That goes for
  containers too, which are no children, and which it knows by name.
"""

import math
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lambdify.cli.local import watchdog

SUSPEND_DELAY = 0.02
"""Seconds without work after which a process that rests is stopped."""
_PEAK = re.compile(rb"VmHWM:\s*(\d+) kB")
PR_SET_CHILD_SUBREAPER = 36
_STATE, _START_TIME = 0, 19
"""Fields of /proc/PID/stat after the command's name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that a file may remember."""

    pid: int
    started: str
    """Opaque; differs between two processes that had the same pid."""


def identify(pid: int) -> Process | None:
    """The process with that pid, unless it is gone or only waits for its parent to notice."""
    started = _started_linux(pid) if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    return Process(pid=pid, started=started) if started else None


def is_running(process: Process) -> bool:
    """Whether that very process still runs."""
    return identify(process.pid) == process


def end(process: Process, *, patience: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Ask the process to end, then end its whole group; True when it had to be killed."""
    if not is_running(process):
        return False
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    if wait(process, patience=patience, sleep=sleep):
        return False
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    wait(process, patience=patience, sleep=sleep)
    return True


def wait(process: Process, *, patience: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether the process was gone within `patience` seconds."""
    give_up = time.monotonic() + patience
    while is_running(process):
        if time.monotonic() > give_up:
            return False
        sleep(0.01)
    return True


def adopt_orphans() -> bool:
    """Have this process adopt what loses its parent among its descendants; False where the system cannot."""
    if sys.platform != "linux":
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def peak_memory(pid: int) -> int:
    """The most memory that the process ever used, in MB; 0 where the system does not tell."""
    # Not pathlib, which takes longer than the system does: this is asked for with every event.
    with suppress(OSError), open(f"/proc/{pid}/status", "rb", buffering=0) as file:
        if found := _PEAK.search(file.read(4096)):
            return math.ceil(int(found[1]) / 1024)
    return 0


class Children:
    """The children of the daemon: each in a group of its own, and none that outlives it."""

    def __init__(self, *, adopt: bool = False) -> None:
        """With `adopt`, whatever loses its parent among them becomes a child of ours, and is ended."""
        self._adopts_orphans = adopt and adopt_orphans()
        self._others_allowed = 0
        self._lock = threading.Lock()
        self._alive: set[int] = set()
        """Groups whose leader was not waited for yet: their numbers are theirs."""
        self._idle_since: dict[int, float] = {}
        """Groups that are to be stopped, and since when they have nothing to do."""
        self._suspended: set[int] = set()
        self._suspend_wanted = threading.Event()
        threading.Thread(target=self._suspend_idle, name="rest", daemon=True).start()
        # -I -S: it needs nothing but the standard library, and should start at once.
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py"))],
            stdin=subprocess.PIPE,
            process_group=0,
        )

    @property
    def watchdog(self) -> int:
        """The pid of the process that ends what is left."""
        return self._watchdog.pid

    def start(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        folder: Path,
        output: IO[Any] | int,
        keep_open: Sequence[int] = (),
    ) -> "subprocess.Popen[bytes]":
        """Start a child whose stdout and stderr both go to `output`."""
        # In one go: a child that nobody knows yet could be taken for one that lost its parent.
        with self._lock:
            child = subprocess.Popen(
                command,
                env=environ,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=keep_open,
                process_group=0,
            )
            self._alive.add(child.pid)
            self._notify_watchdog(f"+{child.pid}")
        return child

    def send(self, child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
        """Send a signal to the child's whole group, if the child was not reaped yet."""
        # Gone is fine: whoever waited for it has yet to come to `reap`.
        with self._lock, suppress(ProcessLookupError):
            if child.pid in self._alive:
                os.killpg(child.pid, number)

    def suspend_soon(self, child: "subprocess.Popen[bytes]") -> None:
        """Stop the child's whole group in a moment, if it does not `go_on` before.

        A child that is called again and again is not stopped each time, which would take as long as what it
        does.
        """
        with self._lock:
            if child.pid in self._alive:
                self._idle_since[child.pid] = time.monotonic()
        if not self._suspend_wanted.is_set():
            self._suspend_wanted.set()

    def resume(self, child: "subprocess.Popen[bytes]") -> None:
        """Let the child's group run."""
        with self._lock, suppress(ProcessLookupError):
            self._idle_since.pop(child.pid, None)
            if child.pid in self._suspended and child.pid in self._alive:
                os.killpg(child.pid, signal.SIGCONT)
            self._suspended.discard(child.pid)

    def end(self, child: "subprocess.Popen[bytes]", *, patience: float) -> None:
        """Ask the child to end; kill it if it does not."""
        with self._lock:
            self._idle_since.pop(child.pid, None)
        self.send(child, signal.SIGCONT)
        self.send(child, signal.SIGTERM)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            self.send(child, signal.SIGKILL)
        self.reap(child)

    def reap(self, child: "subprocess.Popen[bytes]") -> int:
        """Wait for the child to end, and end what is left of its group; its return code."""
        _sleep_until_end(child.pid)
        code = child.wait()
        with self._lock:
            if child.pid in self._alive:
                self._alive.remove(child.pid)
                self._idle_since.pop(child.pid, None)
                self._suspended.discard(child.pid)
                # At once, and once: later, another process may have the number.
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                self._notify_watchdog(f"-{child.pid}")
            self._end_adopted()
        return code

    @contextmanager
    def allow_others(self) -> Iterator[None]:
        """Let other children be, which somebody else starts in the block and waits for."""
        with self._lock:
            self._others_allowed += 1
        try:
            yield
        finally:
            with self._lock:
                self._others_allowed -= 1
                self._end_adopted()

    def watch_container(self, container: str) -> None:
        """Have the watchdog remove that container, if nobody is left who could."""
        with self._lock:
            self._notify_watchdog(f"+{container}")

    def unwatch_container(self, container: str) -> None:
        """That container is gone."""
        with self._lock:
            self._notify_watchdog(f"-{container}")

    def close(self) -> None:
        """Let the watchdog go: it ends whatever is left, then itself."""
        assert self._watchdog.stdin
        with self._lock:
            self._watchdog.stdin.close()
        self._watchdog.wait()
        with self._lock:
            self._others_allowed = 0
            self._end_adopted()

    def _end_adopted(self) -> None:
        """End the children that lost their parent; the sandbox that they were of is no more."""
        if not self._adopts_orphans or self._others_allowed:
            return
        known = {*self._alive, self._watchdog.pid}
        while found := {
            pid
            for pid, (_, parent, group) in watchdog.processes().items()
            if parent == os.getpid() and not {pid, group} & known
        }:
            watchdog.end_trees(found)
            for pid in found:
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _suspend_idle(self) -> None:
        while self._suspend_wanted.wait():
            time.sleep(SUSPEND_DELAY)
            with self._lock:
                long_ago = time.monotonic() - SUSPEND_DELAY
                for group in [group for group, since in self._idle_since.items() if since <= long_ago]:
                    del self._idle_since[group]
                    self._suspended.add(group)
                    with suppress(ProcessLookupError):
                        os.killpg(group, signal.SIGSTOP)
                if not self._idle_since:
                    self._suspend_wanted.clear()

    def _notify_watchdog(self, line: str) -> None:
        pipe = self._watchdog.stdin
        assert pipe
        # Closed: the watchdog is ending everything already. Broken: somebody killed it.
        with suppress(BrokenPipeError):
            if not pipe.closed:
                pipe.write(f"{line}\n".encode())
                pipe.flush()


def _sleep_until_end(pid: int) -> None:
    """Where the system can, wait for a child without waking up each time it is stopped or continued."""
    with suppress(AttributeError, OSError):  # not Linux; reaped already
        handle = os.pidfd_open(pid)
        try:
            watch = select.poll()
            watch.register(handle, select.POLLIN)
            watch.poll()
        finally:
            os.close(handle)


def _started_linux(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name is in parentheses and may hold some itself.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[_STATE] in {"Z", "X"} else fields[_START_TIME]


def _started_elsewhere(pid: int) -> str:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
