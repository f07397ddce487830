"""A script in the function's Python: an execution environment of `serve`, or the process that forks them.

    python -s -S -P worker.py GIVEN      GIVEN is JSON, see `Given`

It imports the dependencies that it is told to, and then becomes an environment itself, or waits to be asked
for forks of it. An environment is set up as the local cloud's are (local/functions/boot.py). The project is
not a copy here, so it is not read-only by its modes: the audit hook refuses what Python writes, with the
error of Lambda's file system, and the kernel what C code writes.

AWS's runtime client is imported after the fork, since its C part keeps the first address that it is told.
"""

# ruff: noqa: PTH119

import ctypes
import gc
import importlib
import json
import os
import site
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from types import FrameType
from typing import Any, TypedDict

PR_SET_NO_NEW_PRIVS = 38
ENTRIES = ("lambdify.adapter.entry", "lambdify.adapter.streaming.runtime")
"""Modules that load the app when they are imported."""
CLIENT = ("awslambdaric", "runtime_client")
CLOCK_TICK = 2.0
"""Seconds of the coarsest clock of a file system, FAT's."""
WRITABLE = "/tmp"  # noqa: S108 - what Lambda lets a function write to


Ours = dict[str, dict[str, Any]]
"""The names of files of ours, by what they are called in `Given`."""


class Given(TypedDict):
    """What the script is told."""

    ours: dict[str, str]
    """Our files: "boot", the local cloud's first script; "hook", the audit hook; "guard", the kernel's."""
    root: str
    """The project's folder."""
    beside: str
    """The folder with the adapter."""
    layers: str
    runtime: str
    bytecode: str
    """The folder for the bytecode of the project, which cannot be written beside it."""
    learned: str
    """The file that gets the names of the imported dependencies, if it is not there."""
    preload: list[str]
    """The names of modules to import before a fork."""
    control: int
    """The socket that asks for forks; -1 for none."""
    parent: int
    """The process that ends this one."""


class Asked(TypedDict):
    """An environment, as it is asked for."""

    environment: dict[str, str]
    """All its variables, but for the descriptor of the log."""


def main(text: str) -> None:
    """Become an environment, or fork those that are asked for."""
    given: Given = json.loads(text)
    # -S leaves these out with the rest of `site`, but handlers do call exit().
    site.setquit()
    site.setcopyright()
    site.sethelper()
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layers = given["layers"]
    sys.path[:0] = [f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python", given["beside"]]
    sys.path.append(given["runtime"])
    ours = {name: load(path) for name, path in given["ours"].items()}
    if given["control"] < 0:
        become(given, ours)
    sys.dont_write_bytecode = True  # the dependencies are in the cache
    failed = preload(given["preload"])
    gc.freeze()
    control = socket.socket(fileno=given["control"])
    control.sendall(json.dumps({"failed": failed}).encode())
    fork_on_demand(given, ours, control)


def preload(names: list[str]) -> list[str]:
    """Import modules; return those that cannot be imported here, or start threads, which no fork has."""
    failed = []
    threads = count_threads()
    for name in names:
        imported = False
        with suppress(BaseException):  # it may need the app, and end the process without it
            importlib.import_module(name)
            imported = True
        now = count_threads()
        if not imported or now > threads:
            failed.append(name)
        threads = max(threads, now)
    return failed


def count_threads() -> int:
    """Return the number of this process's threads, those of C code too."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208
    except OSError:
        return threading.active_count()


def fork_on_demand(given: Given, ours: Ours, control: socket.socket) -> None:
    """Fork for each message, and answer with the pid, until the other end is closed.

    The fork is a child of a child that ends at once: so it is left to the process that asked, which adopts
    its orphaned descendants.
    """
    while True:
        data, pipes, *_ = socket.recv_fds(control, 65536, 3)
        if not data:
            return
        reading, writing = os.pipe()
        if (between := os.fork()) == 0:
            if pid := os.fork():
                with suppress(OSError):  # it was faster
                    os.setpgid(pid, pid)
                os.write(writing, str(pid).encode())
                os._exit(0)
            os.setpgid(0, 0)
            for each in (reading, writing):
                os.close(each)
            control.close()
            asked: Asked = json.loads(data)
            os.environ.clear()
            os.environ.update(asked["environment"])
            enter(pipes)
            become(given, ours)
            os._exit(0)
        os.waitpid(between, 0)
        pid = int(os.read(reading, 32))
        for each in (reading, writing, *pipes):
            os.close(each)
        control.sendall(json.dumps({"pid": pid}).encode())


def enter(pipes: list[int]) -> None:
    """Take these pipes: for output, the runtime client's log, and input, if there is any."""
    output, telemetry, *stdin = pipes
    for number in stdin:
        os.dup2(number, 0)
        os.close(number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for good
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(telemetry)


def become(given: Given, ours: Ours) -> None:
    """Be an execution environment, which asks for events until it is ended; never returns."""
    root, layers, runtime = given["root"], given["layers"], given["runtime"]
    boot = ours["boot"]
    boot["isolate"](root, layers, runtime, given["beside"])
    os.chdir(root)
    sys.path.insert(0, root)
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.pycache_prefix = given["bytecode"]
    SourceFileLoader.set_data = keep_what_is_settled(SourceFileLoader.set_data)  # type: ignore[method-assign]
    importlib.invalidate_caches()
    if "numpy.random" in sys.modules:  # else each fork would draw the same numbers
        sys.modules["numpy.random"].seed()
    guard(given, ours)
    sys.argv = ["awslambdaric", os.environ["_HANDLER"]]
    from awslambdaric import bootstrap
    from awslambdaric.__main__ import main as serve

    if not os.path.exists(given["learned"]):  # noqa: PTH110
        bootstrap._get_handler = learning(bootstrap._get_handler, given)
    try:
        serve(sys.argv)
    except RuntimeError:  # the client does not reach the Runtime API
        boot["wait_for_watchdog"](given["parent"])
        raise


def keep_what_is_settled(write: Callable[..., None]) -> Callable[..., None]:
    """Return the function by which modules keep bytecode, which leaves out that of young files.

    Bytecode holds the second in which its source was saved, so it would outlive a second save of one length.
    https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    """

    def set_data(self: SourceFileLoader, path: str, data: bytes, **options: Any) -> None:
        if time.time() - int.from_bytes(data[8:12], "little") > CLOCK_TICK:
            write(self, path, data, **options)

    return set_data


def guard(given: Given, ours: Ours) -> None:
    """Have nothing written but below /tmp, by Python, and by C code where the kernel has Landlock."""
    fixed = (given["root"], given["layers"], given["runtime"], given["beside"])
    hook = ours["hook"]["AuditHook"]
    hook(WRITABLE, ("/", *fixed), do_nothing, programs=True, connections=True).install()
    if sys.platform == "linux":
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        ours["guard"]["restrict_files"](system, ["/"], WRITABLE)


def do_nothing(what: str, target: str, frame: FrameType) -> None:
    """Say nothing of what was refused: the app gets an error."""


def learning(find_handler: Callable[[str], Any], given: Given) -> Callable[[str], Any]:
    """Return the client's function; once it has found the handler, the file gets what that has imported."""

    def find(handler: str) -> Any:
        before = dict(os.environ)
        found = find_handler(handler)
        own = f"{given['root']}/"
        names = [
            name
            for name, module in list(sys.modules.items())
            if name not in ENTRIES
            and name.partition(".")[0] not in (*CLIENT, "__main__")
            and not str(getattr(module, "__file__", None) or own).startswith(own)
        ]
        changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
        with open(f"{given['learned']}.{os.getpid()}", "w", encoding="utf-8") as file:
            json.dump({"modules": names, "variables": changed}, file)
        os.rename(file.name, given["learned"])  # noqa: PTH104
        return found

    return find


def load(path: str) -> dict[str, Any]:
    """Return the names of a file of ours, which cannot be imported here."""
    names: dict[str, Any] = {"__name__": f"lambdify.{os.path.basename(path)}"}
    with open(path, encoding="utf-8") as file:
        # Under this name its frames are left out of the app's tracebacks.
        exec(compile(file.read(), f"lambdify/cli/{os.path.basename(path)}", "exec"), names)  # noqa: S102
    return names


if __name__ == "__main__":
    main(*sys.argv[1:])
