"""Child processes: how they are identified, started and ended.

Rules:
- The pid and the start time together identify a process, since the system uses pids again.
- Every child leads its own process group. The group is ended as a whole, with all processes in it. It is also
  a session of its own: Linux sends SIGHUP to a stopped group when the last parent in its session ends, so a
  suspended child would end with a killed daemon, and the watchdog could not tell whose its descendants are.
  https://pubs.opengroup.org/onlinepubs/9799919799/functions/_Exit.html
- A process that a function starts may leave that group or lose its parent. On Linux a sandbox adopts its
  descendants (boot.py), and the daemon adopts those of an ended sandbox: both are "child subreapers". So the
  descendants of a sandbox stay known and are ended with it.
  https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
- If the daemon is killed, the watchdog ends its children (watchdog.py). It also removes the containers, which
  are not children; it knows them by name.
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
from typing import IO, Any, Protocol

from lambdify.cli.local import watchdog

SUSPEND_DELAY = 0.02
"""Seconds without work after which a process is suspended (SIGSTOP)."""
_PEAK = re.compile(rb"VmHWM:\s*(\d+) kB")
PR_SET_CHILD_SUBREAPER = 36
_STATE, _START_TIME = 0, 19
"""Fields of /proc/PID/stat after the command's name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""


@dataclass(frozen=True, kw_only=True)
class Process:
    """The identity of a process, which can be written to a file."""

    pid: int
    started: str
    """The start time, opaque; it differs between two processes that had the same pid."""


def identify(pid: int) -> Process | None:
    """Return the process with that pid; None if there is none, or only a zombie."""
    started = _started_linux(pid) if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    return Process(pid=pid, started=started) if started else None


def is_running(process: Process) -> bool:
    """Return whether exactly this process still runs."""
    return identify(process.pid) == process


def end(process: Process, *, patience: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Send SIGTERM, and after `patience` seconds SIGKILL to the whole group. Return whether it was killed."""
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
    """Wait until the process has ended. Return False if it has not within `patience` seconds."""
    give_up = time.monotonic() + patience
    while is_running(process):
        if time.monotonic() > give_up:
            return False
        sleep(0.01)
    return True


def adopt_orphans() -> bool:
    """Make this process the parent of its orphaned descendants. Return False where the system cannot."""
    if sys.platform != "linux":
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def peak_memory(pid: int) -> int:
    """Return the peak memory of the process in MB; 0 where the system does not report it."""
    # This runs with every event, and pathlib would take longer than the system call.
    with suppress(OSError), open(f"/proc/{pid}/status", "rb", buffering=0) as file:
        if found := _PEAK.search(file.read(4096)):
            return math.ceil(int(found[1]) / 1024)
    return 0


class Child(Protocol):
    """A child as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int:
        """Its pid, and the number of its process group."""

    def poll(self) -> int | None:
        """Return the return code; None if it has not ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the return code. Raises subprocess.TimeoutExpired."""


class Fork:
    """A child that another child has started, and left to us. Only Linux has such children."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._lock = threading.Lock()
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the return code; None if it has not ended."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the return code. Raises subprocess.TimeoutExpired."""
        if self._code is None and not _sleep_until_end(self.pid, timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        with self._lock:
            if self._code is None:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            return self._code


class Children:
    """The children of the daemon. Each has its own process group, and none outlives the daemon."""

    def __init__(self, *, adopt: bool = False) -> None:
        """With `adopt`, orphaned descendants become children of this process, and are ended."""
        self._adopts_orphans = adopt and adopt_orphans()
        self._others_allowed = 0
        self._lock = threading.Lock()
        self._alive: set[int] = set()
        """Groups whose leader was not waited for yet, so that no other group can have the number."""
        self._idle_since: dict[int, float] = {}
        """Groups to suspend, with the time since which they are idle."""
        self._suspended: set[int] = set()
        self._suspend_wanted = threading.Event()
        threading.Thread(target=self._suspend_idle, name="rest", daemon=True).start()
        # -I -S: it needs the standard library only, and should start fast.
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py"))],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def watchdog(self) -> int:
        """The pid of the watchdog."""
        return self._watchdog.pid

    def start(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        folder: Path,
        output: IO[Any] | int,
        keep_open: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> "subprocess.Popen[bytes]":
        """Start a child and return it; `output` gets its stdout and stderr."""
        # The lock covers both steps: a child that is not registered yet would be taken for an orphan.
        with self._lock:
            child = subprocess.Popen(
                command,
                env=environ,
                cwd=folder,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=keep_open,
                start_new_session=True,
            )
            self._alive.add(child.pid)
            self._notify_watchdog(f"+{child.pid}")
        return child

    def take(self, start: Callable[[], int]) -> Fork:
        """Return the child whose pid `start` returns: a leader of a group that has become ours."""
        with self._lock:
            child = Fork(start())
            self._alive.add(child.pid)
            self._notify_watchdog(f"+{child.pid}")
        return child

    def send(self, child: Child, number: signal.Signals) -> None:
        """Send a signal to the child's whole group, unless the child was reaped."""
        # The process may be gone already, when another thread has waited for it and not yet called `reap`.
        with self._lock, suppress(ProcessLookupError):
            if child.pid in self._alive:
                os.killpg(child.pid, number)

    def suspend_soon(self, child: Child) -> None:
        """Suspend the child's whole group after SUSPEND_DELAY, unless `resume` comes first.

        The delay spares a busy child the signals, which would take as long as its work.
        """
        with self._lock:
            if child.pid in self._alive:
                self._idle_since[child.pid] = time.monotonic()
        if not self._suspend_wanted.is_set():
            self._suspend_wanted.set()

    def resume(self, child: Child) -> None:
        """Let the child's group run (SIGCONT)."""
        with self._lock, suppress(ProcessLookupError):
            self._idle_since.pop(child.pid, None)
            if child.pid in self._suspended and child.pid in self._alive:
                os.killpg(child.pid, signal.SIGCONT)
            self._suspended.discard(child.pid)

    def end(self, child: Child, *, patience: float) -> None:
        """Send SIGTERM to the child's group, and after `patience` seconds SIGKILL; then reap it."""
        with self._lock:
            self._idle_since.pop(child.pid, None)
        self.send(child, signal.SIGCONT)
        self.send(child, signal.SIGTERM)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            self.send(child, signal.SIGKILL)
        self.reap(child)

    def reap(self, child: Child) -> int:
        """Wait for the child to end, kill the rest of its group, and return the child's return code."""
        _sleep_until_end(child.pid)
        code = child.wait()
        with self._lock:
            if child.pid in self._alive:
                self._alive.remove(child.pid)
                self._idle_since.pop(child.pid, None)
                self._suspended.discard(child.pid)
                # The group is killed right now and only once: later, another process may have the number.
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                self._notify_watchdog(f"-{child.pid}")
            self._end_adopted()
        return code

    @contextmanager
    def allow_others(self) -> Iterator[None]:
        """Do not end unknown children while the block runs: its code starts some, and waits for them."""
        with self._lock:
            self._others_allowed += 1
        try:
            yield
        finally:
            with self._lock:
                self._others_allowed -= 1
                self._end_adopted()

    def watch_container(self, container: str) -> None:
        """Have the watchdog remove the container if the daemon is killed."""
        with self._lock:
            self._notify_watchdog(f"+{container}")

    def unwatch_container(self, container: str) -> None:
        """Tell the watchdog that the container was removed."""
        with self._lock:
            self._notify_watchdog(f"-{container}")

    def close(self) -> None:
        """Close the watchdog's pipe, and wait: the watchdog ends all that is left, then itself."""
        assert self._watchdog.stdin
        with self._lock:
            self._watchdog.stdin.close()
        self._watchdog.wait()
        with self._lock:
            self._others_allowed = 0
            self._end_adopted()

    def _end_adopted(self) -> None:
        """End the children that were adopted: the sandbox that they belonged to has ended."""
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
        # A closed pipe means that `close` has begun; a broken one, that somebody killed the watchdog.
        with suppress(BrokenPipeError):
            if not pipe.closed:
                pipe.write(f"{line}\n".encode())
                pipe.flush()


def _sleep_until_end(pid: int, seconds: float | None = None) -> bool:
    """Wait for a child, on Linux without waking up each time it is stopped or continued.

    Return whether it has ended, or was never to be waited for here.
    """
    with suppress(AttributeError, OSError):  # not Linux; reaped already
        handle = os.pidfd_open(pid)
        try:
            watch = select.poll()
            watch.register(handle, select.POLLIN)
            return bool(watch.poll(None if seconds is None else math.ceil(seconds * 1000)))
        finally:
            os.close(handle)
    return True


def _started_linux(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The command's name is in parentheses and may contain parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[_STATE] in {"Z", "X"} else fields[_START_TIME]


def _started_elsewhere(pid: int) -> str:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
