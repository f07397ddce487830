"""The first script of a sandbox: sets the interpreter up as Lambda does, then runs AWS's runtime client.

The function's Python runs it as a script with `-s -S -P`, so that nothing installed on this machine is
importable. (-I would ignore PYTHONPATH and other PYTHON* variables, which a function may set on Lambda; the
environment holds none of the developer's.) Arguments: the layers' folder, the runtime's folder, the handler.

This process adopts its orphaned descendants, so that they can be ended with it (processes.py), and so it
waits for that where the daemon has ended. The function's code is read-only by its modes, which do not bind
root. So root gets a mount namespace in which the folders are read-only. Where root may not mount, as in most
containers, it loses CAP_DAC_OVERRIDE instead.

sys.path as the managed runtime has it:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
"""

import os
import site
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 24, 36
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
KEPT_FLAGS = 2 | 4 | 8 | 1024 | 2048
"""nosuid, nodev, noexec, noatime, nodiratime: a remount has to keep those that the kernel has locked."""
MOMENT = 1.0
"""Seconds in which it shows that the daemon has ended."""
PATIENCE = 30.0
"""Seconds that the watchdog may take, which could have been killed, too."""
CAPABILITIES_VERSION = 0x20080522
CAP_DAC_OVERRIDE = 1
"""https://man7.org/linux/man-pages/man7/capabilities.7.html"""


def main(layers: str, runtime: str, handler: str) -> None:
    """Run the runtime client, which asks for events until it is ended; never returns."""
    # -S leaves these out with the rest of `site`, but handlers do call exit().
    site.setquit()
    site.setcopyright()
    site.sethelper()
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    isolate(task_root, layers, runtime)
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path[:0] = [task_root, f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python"]
    sys.path.append(runtime)
    sys.argv = ["awslambdaric", handler]
    from awslambdaric.__main__ import main as serve

    daemon = os.getppid()
    try:
        serve(sys.argv)
    except RuntimeError:  # the client does not reach the Runtime API
        wait_for_watchdog(daemon)
        raise


def wait_for_watchdog(daemon: int, *, seconds: float = PATIENCE) -> None:
    """Wait to be killed by the watchdog if the daemon has ended; return if it has not.

    With this process, what tells whose its orphaned descendants are would be gone: they could not be ended.
    """
    # The daemon's connections end a moment before its children get another parent.
    give_up = time.monotonic() + MOMENT
    while os.getppid() == daemon:
        if time.monotonic() >= give_up:
            return
        time.sleep(0.01)
    time.sleep(seconds)


def isolate(task_root: str, *others: str) -> None:
    """Adopt orphaned descendants, and make the folders read-only for root, too."""
    root = os.geteuid() == 0
    if sys.platform == "linux":
        import ctypes

        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if not root or mount_read_only(system, [task_root, *others]) or drop_dac_override(system):
            # The old working folder is the writable one under the mount; this one is read-only.
            os.chdir(task_root)
            return
    if root:
        print("As root, and here, the function's code can be written, which on Lambda it cannot.")  # noqa: T201


def mount_read_only(system: "ctypes.CDLL", folders: list[str]) -> bool:
    """Mount the folders read-only for this process and its children. Return whether that worked."""
    if system.unshare(CLONE_NEWNS) or system.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
        return False
    for folder in folders:
        path = os.fsencode(folder)
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | (os.statvfs(folder).f_flag & KEPT_FLAGS)
        if system.mount(path, path, None, MS_BIND, None) or system.mount(None, path, None, flags, None):
            return False
    return True


def drop_dac_override(system: "ctypes.CDLL") -> bool:
    """Give up root's right to ignore the modes of files. Return whether that worked."""
    import ctypes

    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    # Effective, permitted and inheritable capabilities: three words for the first 32, three for the rest.
    data = (ctypes.c_uint32 * 6)()
    if system.capget(header, data):
        return False
    for word in range(3):
        data[word] &= ~(1 << CAP_DAC_OVERRIDE)
    # This is for child processes. If it is not permitted, they keep root's capabilities.
    system.prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
    return bool(system.capset(header, data) == 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
