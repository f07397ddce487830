"""The part of the guard that runs in a guarded program of Python: refuses as Lambda would, and says what.

What Python does is refused here, before the kernel refuses it, so the app gets the error that it would get on
Lambda, and we know what it wanted: https://docs.python.org/3/library/audit_events.html. A program loads this
file by its path and installs the hook before it runs any code of others. It imports almost nothing, since the
program may measure imports.

    writes          EROFS, but in the folder for temporary files; where Lambda's kernel has an earlier error,
                    such as ENOENT, the kernel here gives it
    reads           ENOENT in folders that Lambda does not have
    connections     ECONNREFUSED; names of hosts cannot be looked up
    programs        EPERM where the kernel does not guard them
"""

# ruff: noqa: ARG002, PTH100, PTH112, PTH115, PTH118, PTH120

import errno
import os
import sys
from collections.abc import Callable
from types import FrameType

WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
CHANGES = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
}
"""The arguments of each event that are paths, with the arguments that are the folders that these begin at."""
MAKES = {"os.mkdir", "os.link", "os.symlink"}
LISTS = {"os.listdir", "os.scandir"}
CONNECTIONS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
PROGRAMS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"}
DEVICES = (
    "/dev/null/",
    "/dev/zero/",
    "/dev/full/",
    "/dev/random/",
    "/dev/urandom/",
    "/dev/tty/",
    "/dev/fd/",
    "/proc/self/",
)
LOCAL_HOSTS = (None, "", b"", "localhost", b"localhost")
NO_NAME = -3
"""EAI_AGAIN, as a look-up fails without a network."""

Tell = Callable[[str, str, "FrameType"], None]


class AuditHook:
    """Refuses from its installation on: an audit hook can never be removed."""

    def __init__(
        self, tmp: str, readable: tuple[str, ...], tell: Tell, *, programs: bool, connections: bool = False
    ) -> None:
        """`tmp` is the folder that may be written to, `readable` are those that may be read.

        `tell` gets what was refused ("connect", "write", "program"), its target and the frame that wanted it.
        `programs` lets other programs be started, since the kernel guards them; `connections` lets it
        connect.
        """
        self._tmp = os.path.realpath(tmp)
        # The app itself may lie below /tmp, where it is as read-only as elsewhere.
        self._fixed = tuple(f"{os.path.realpath(each)}/" for each in readable)
        self._visible = (*self._fixed, *(f"{each.rstrip('/')}/" for each in (*readable, tmp, self._tmp)))
        self._tell = tell
        self.refused: list[BaseException] = []
        """The errors of refused connections."""
        self._checks: dict[str, Callable[[str, tuple[object, ...], FrameType], None]] = {
            "open": self._open,
            **dict.fromkeys(LISTS, self._list),
            **dict.fromkeys(CHANGES, self._change),
            **({} if connections else dict.fromkeys(CONNECTIONS, self._connect)),
            **({} if connections else dict.fromkeys(LOOKUPS, self._look_up)),
            **({} if programs else dict.fromkeys(PROGRAMS, self._start)),
        }

    def install(self) -> None:
        """Refuse from now on."""
        checks = self._checks

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if event in checks:
                checks[event](event, arguments, sys._getframe(1))

        sys.addaudithook(hook)

    def _open(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        flags = arguments[2]
        if isinstance(flags, int) and flags & WRITES:
            path = _resolve(arguments[0], -1)
            if path and os.path.isdir(os.path.dirname(path)) and not os.path.isdir(path):
                self._write(path, arguments[0], frame)
        else:
            self._list(event, arguments, frame)

    def _list(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        path = _resolve(arguments[0], -1)
        if path and not f"{path}/".startswith(self._visible) and path != "/":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), arguments[0])

    def _change(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        for at, beginning in CHANGES[event]:
            path = _resolve(arguments[at], -1 if beginning is None else arguments[beginning])
            # What is not there cannot be changed, nor made what is there: the kernel itself says so.
            made = event in MAKES or (event == "os.rename" and at == 1)
            if path and (os.path.isdir(os.path.dirname(path)) if made else os.path.lexists(path)):
                if event in MAKES and os.path.lexists(path):
                    continue
                self._write(path, arguments[at], frame)

    def _write(self, path: str, given: object, frame: FrameType) -> None:
        place = os.path.realpath(path)
        below = f"{place}/"
        own = below.startswith(f"{self._tmp}/") and not below.startswith(self._fixed)
        if not own and not below.startswith(DEVICES):
            self._tell("write", place, frame)
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), given)

    def _connect(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        if arguments[1] is not None:  # else it is connected: one of a pair
            error = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            self._refuse(_describe(arguments[1]), error, frame)

    def _look_up(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        host = arguments[0]
        if host in LOCAL_HOSTS or _is_address(host) or host == os.uname().nodename:
            return
        target = _describe((host, arguments[1] if len(arguments) > 1 else None))
        failed = sys.modules["_socket"].gaierror(NO_NAME, "Temporary failure in name resolution")
        self._refuse(target, failed, frame)

    def _refuse(self, target: str, error: BaseException, frame: FrameType) -> None:
        self._tell("connect", target, frame)
        self.refused.append(error)
        raise error

    def _start(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else str(arguments[0])
        self._tell("program", name, frame)
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)


def _resolve(path: object, beginning: object) -> str:
    """Return the absolute path; "" for what is none, such as the number of an open file."""
    if not isinstance(path, str | bytes):
        return ""
    name = os.fsdecode(path)
    if isinstance(beginning, int) and beginning >= 0 and not name.startswith("/"):
        try:
            return os.path.join(os.readlink(f"/proc/self/fd/{beginning}"), name)
        except OSError:  # no /proc here
            return ""
    return os.path.abspath(name)


def _is_address(host: object) -> bool:
    text = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    return ":" in text or all(part.isdecimal() for part in text.split("."))


def _describe(address: object) -> str:
    """Return "host:port" of an address, or the path of a socket."""
    if isinstance(address, tuple) and len(address) >= 2:
        host = address[0].decode(errors="replace") if isinstance(address[0], bytes) else str(address[0])
        host = f"[{host}]" if ":" in host else host
        return host if address[1] in (None, 0, "") else f"{host}:{address[1]}"
    return os.fsdecode(address) if isinstance(address, str | bytes) else str(address)
