"""A script that starts a program which can do no harm: it connects to nothing, and writes to its /tmp only.

Our own Python runs it with `-I -S` and without variables, since those of the program may name libraries. What
is wanted comes as JSON over stdin: see `Wanted`. The program gets one more argument, JSON again: "report" and
"tmp", and "guarded", what the kernel guards.

    seccomp     no process of the program connects; from Linux 3.5
    Landlock    files are read and written below the given folders only; from Linux 5.13
    namespaces  the folder `tmp` is /tmp, and there is no network; where the kernel lets us make them

The first two need no rights, and bind root too. All are inherited, by C code and by other programs. On other
systems the kernel guards nothing: there only the program's audit hook does (audit_hook.py).

The script stays the parent of all that the program starts, and kills what is left when the program has ended.

https://docs.kernel.org/userspace-api/landlock.html, https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

# ruff: noqa: PTH103, PTH112, PTH208

import ctypes
import fcntl
import json
import os
import platform
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TypedDict

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
KEPT_FLAGS = 2 | 4 | 8 | 1024 | 2048
"""nosuid, nodev, noexec, noatime, nodiratime: a remount has to keep those that the kernel has locked."""
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
SHARED_TMP = "/tmp"  # noqa: S108 - what Lambda lets a function write to

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
ALL_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, TRUNCATE))
"""What a ruleset handles, by the version of Landlock that knows it first."""
SCOPES = ((6, 0b11),)
"""Abstract sockets and signals of processes that are not guarded."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")

SECCOMP_MODE_FILTER = 2
LOAD, JUMP_IF_EQUAL, JUMP_IF_ANY, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
"""Instructions of the filter: load a word, compare, return. https://www.kernel.org/doc/Documentation/networking/filter.txt"""
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
ECONNREFUSED, EPERM, ENOSYS = 111, 1, 38
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in what the filter sees of a call; each argument has eight bytes, the lower four first."""
FASTOPEN = 0x20000000
AF_UNIX, AF_NETLINK, SOCK_TYPE, SOCK_STREAM = 1, 16, 0xF, 1
CALLS = {
    "x86_64": (
        0xC000003E,
        {"socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46, "sendmmsg": 307, "ptrace": 101},
    ),
    "aarch64": (
        0xC00000B7,
        {"socket": 198, "connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269, "ptrace": 117},
    ),
}
IO_URING_SETUP, PIDFD_GETFD, X32 = 425, 438, 0x40000000


class Filter(ctypes.Structure):
    """struct sock_filter."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter)))


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathRule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class Wanted(TypedDict):
    """The program, and what it may do."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    """Its working folder, which it may read."""
    readable: list[str]
    """Other folders that it may read."""
    tmp: str
    """The folder that it may write to."""
    report: int
    """The descriptor for what it reports, and for how it ended."""


def main() -> None:
    """Run the program to its end, end what it has left, and report its return code."""
    with open(0, closefd=False) as given:
        wanted: Wanted = json.load(given)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        become(wanted)
    told: dict[str, object] = {"event": "ended"}
    try:
        _, status = os.waitpid(pid, 0)
        told["code"] = os.waitstatus_to_exitcode(status)
    finally:
        told["working"] = is_working(pid)
        if "code" not in told:
            os.kill(pid, signal.SIGKILL)
        end_children()
        times = os.times()
        told["cpu"] = times.children_user + times.children_system
        os.write(wanted["report"], f"\n{json.dumps(told)}\n".encode())


def become(wanted: Wanted) -> None:
    """Become the program, guarded; never returns."""
    guarded: list[str] = []
    folder, tmp = wanted["folder"], wanted["tmp"]
    readable = [folder, *wanted["readable"]]
    if sys.platform == "linux":
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if enter_namespaces(system):
            guarded += ["network"]
            if mount_tmp(system, tmp, readable):
                guarded += ["tmp"]
                tmp = SHARED_TMP
        os.chdir(folder)
        system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        guarded += ["files"] if restrict_files(system, readable, tmp) else []
        guarded += ["connections"] if refuse_connections(system, network="network" not in guarded) else []
    os.chdir(folder)
    told = json.dumps({"guarded": guarded, "report": wanted["report"], "tmp": tmp})
    environment = wanted["environment"] | {"HOME": tmp, "TMPDIR": tmp}
    os.execve(wanted["argv"][0], [*wanted["argv"], told], environment)  # noqa: S606 - the program


def is_working(pid: int) -> bool:
    """Return whether a thread of the process runs, or wants to, rather than waits."""
    states = set()
    for _ in range(10):
        with suppress(FileNotFoundError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8", errors="replace") as file:
                    states.add(file.read().rpartition(")")[2].split()[0])
        if not states:  # it has ended
            break
        time.sleep(0.01)
    return bool(states & {"R", "D"})


def end_children() -> None:
    """Kill all that the program has started and left, with what these have started."""
    while True:
        for child in children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def children() -> list[int]:
    """Return the pids of the children of this process: those that lost their parent are among them."""
    found = []
    with suppress(FileNotFoundError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(name))
    return found


def enter_namespaces(system: ctypes.CDLL) -> bool:
    """Enter namespaces of mounts and of a network of its own. Return whether that worked."""
    user, group = os.geteuid(), os.getegid()
    wanted = CLONE_NEWNS | CLONE_NEWNET
    if system.unshare(wanted) and (user == 0 or system.unshare(wanted | CLONE_NEWUSER)):
        return False
    with suppress(OSError):  # the maps are there already where no namespace of users was needed
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    if system.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
        return False
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
    return True


def mount_tmp(system: ctypes.CDLL, tmp: str, kept: Sequence[str]) -> bool:
    """Make `tmp` the folder /tmp; `kept` stay where they are, read-only. Return whether that worked."""
    shared = os.path.realpath(SHARED_TMP)
    below = [each for each in map(os.path.realpath, kept) if each.startswith(f"{shared}/")]
    inner = [(os.open(each, os.O_PATH), each) for each in below]
    if system.mount(os.fsencode(tmp), os.fsencode(shared), None, MS_BIND, None):
        return False
    for descriptor, place in inner:
        os.makedirs(place, exist_ok=True)
        path, source = os.fsencode(place), f"/proc/self/fd/{descriptor}".encode()
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | (os.fstatvfs(descriptor).f_flag & KEPT_FLAGS)
        if system.mount(source, path, None, MS_BIND, None) or system.mount(None, path, None, flags, None):
            return False
        os.close(descriptor)
    return True


def restrict_files(system: ctypes.CDLL, readable: Iterable[str], tmp: str) -> bool:
    """Have this process and its children read and write nothing else. Return whether the kernel does it."""
    version = system.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    handled = sum(rights for first, rights in ALL_FILE_RIGHTS if version >= first)
    scoped = sum(scopes for first, scopes in SCOPES if version >= first)
    ruleset = Ruleset(handled, 0, scoped)
    size = 24 if version >= 6 else 8
    rules = system.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    if rules < 0:
        return False
    read = EXECUTE | READ_FILE | READ_DIR
    allowed = [(each, read) for each in readable] + [(tmp, handled)]
    for path, rights in [*allowed, *((each, READ_FILE | WRITE_FILE) for each in DEVICES)]:
        with suppress(FileNotFoundError):
            parent = os.open(path, os.O_PATH)
            rule = PathRule(
                rights if os.path.isdir(path) else rights & (EXECUTE | READ_FILE | WRITE_FILE), parent
            )
            system.syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(rule), 0)
            os.close(parent)
    return bool(system.syscall(LANDLOCK_RESTRICT_SELF, rules, 0) == 0)


def refuse_connections(system: ctypes.CDLL, *, network: bool) -> bool:
    """Have the kernel refuse every connection; with `network`, every socket that needs none to send, too."""
    if platform.machine() not in CALLS:
        return False
    lines = connection_filter(*CALLS[platform.machine()], network=network)
    program = Program(len(lines), (Filter * len(lines))(*lines))
    return bool(system.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def connection_filter(architecture: int, calls: dict[str, int], *, network: bool) -> list[Filter]:
    """Return the filter: what is not refused is allowed."""

    def call(number: int, *rest: Filter) -> list[Filter]:
        return [Filter(LOAD, 0, 0, NUMBER), Filter(JUMP_IF_EQUAL, 0, len(rest), number), *rest]

    def refuse(error: int) -> Filter:
        return Filter(RETURN, 0, 0, REFUSE | error)

    def argument(index: int, *, upper: bool = False) -> Filter:
        return Filter(LOAD, 0, 0, ARGUMENTS + 8 * index + 4 * upper)

    any_bit = 0xFFFFFFFF
    lines = [Filter(LOAD, 0, 0, ARCHITECTURE), Filter(JUMP_IF_EQUAL, 1, 0, architecture), refuse(EPERM)]
    if architecture == CALLS["x86_64"][0]:  # its calls with 32-bit pointers have numbers of their own
        lines += [Filter(LOAD, 0, 0, NUMBER), Filter(JUMP_IF_ANY, 0, 1, X32), refuse(EPERM)]
    lines += call(calls["connect"], refuse(ECONNREFUSED))
    lines += call(IO_URING_SETUP, refuse(ENOSYS))
    lines += call(PIDFD_GETFD, refuse(EPERM))
    lines += call(calls["ptrace"], refuse(EPERM))
    # An address, which is a pointer that is not null, or the flag that connects and sends in one call.
    to_address = [
        argument(4),
        Filter(JUMP_IF_ANY, 2, 0, any_bit),
        argument(4, upper=True),
        Filter(JUMP_IF_ANY, 0, 1, any_bit),
    ]
    lines += call(calls["sendto"], *to_address, refuse(ECONNREFUSED))
    lines += call(calls["sendmsg"], argument(2), Filter(JUMP_IF_ANY, 0, 1, FASTOPEN), refuse(ECONNREFUSED))
    lines += call(calls["sendmmsg"], argument(3), Filter(JUMP_IF_ANY, 0, 1, FASTOPEN), refuse(ECONNREFUSED))
    if network:  # a socket without connections is refused: sendmsg may name any address
        allow = Filter(RETURN, 0, 0, ALLOW)
        lines += call(
            calls["socket"],
            argument(0),
            Filter(JUMP_IF_EQUAL, 1, 0, AF_UNIX),
            Filter(JUMP_IF_EQUAL, 0, 1, AF_NETLINK),
            allow,
            argument(1),
            Filter(AND, 0, 0, SOCK_TYPE),
            Filter(JUMP_IF_EQUAL, 1, 0, SOCK_STREAM),
            refuse(ECONNREFUSED),
        )
    return [*lines, Filter(RETURN, 0, 0, ALLOW)]


if __name__ == "__main__":
    main()
