"""Who is at the other end of a connection on this machine: the kernel knows, whatever the client says."""

import socket
import struct
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

_TABLES = Path("/proc/net/tcp"), Path("/proc/net/tcp6")
"""Of IPv6, for clients that reach an IPv4 address through a socket of that kind, as Java's do."""
_LOCAL, _REMOTE, _USER = 1, 2, 7
"""Columns: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html"""
_PAGE_HEADERS = frozenset({"origin", "referer", "sec-fetch-mode", "sec-fetch-site"})
"""What browsers add to what a page asks for, and no page can take away."""


def user_of_unix(connection: socket.socket) -> int:
    """The user at the other end of a connection through a file."""
    if sys.platform == "darwin":
        # struct xucred: https://github.com/apple-oss-distributions/xnu/blob/main/bsd/sys/ucred.h
        local, credentials = 0, 1
        found: int = struct.unpack_from("II", connection.getsockopt(local, credentials, 76))[1]
        return found
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", packed)[1])


def user_of_tcp(connection: socket.socket) -> int | None:
    """The user at the other end of an IPv4 connection on the loopback; None where nobody can tell.

    -1 stands for nobody: an end that is gone already.
    """
    if not _TABLES[0].exists():
        return None
    theirs, ours = _address(connection.getpeername()), _address(connection.getsockname())
    for table in filter(Path.exists, _TABLES):
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            row = line.split()
            if row[_LOCAL].endswith(theirs) and row[_REMOTE].endswith(ours):
                return int(row[_USER])
    return -1


def is_one_of(connection: socket.socket, users: Collection[int]) -> bool:
    """Whether one of the users is at the other end of an IPv4 connection, as far as one can tell."""
    found = user_of_tcp(connection)
    return found is None or found in users


def comes_from_page(names: Iterable[str]) -> bool:
    """Whether a browser sent headers of these names for a page, and no program of ours."""
    return any(name.lower() in _PAGE_HEADERS for name in names)


def _address(address: tuple[str, int]) -> str:
    """As the kernel writes it, of IPv6 at the end: "0100007F:1F90" is port 8080 of 127.0.0.1."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
