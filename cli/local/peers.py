"""The user at the other end of a connection on this machine, as the kernel reports it."""

import socket
import struct
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

_TABLES = Path("/proc/net/tcp"), Path("/proc/net/tcp6")
"""The second table has clients that reach an IPv4 address through an IPv6 socket, such as Java's."""
_LOCAL, _REMOTE, _USER, _INODE = 1, 2, 7, 9
"""Columns: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html"""
_PAGE_HEADERS = frozenset({"origin", "referer", "sec-fetch-mode", "sec-fetch-site"})
"""Headers that browsers add to the requests of a page, and that no page can remove."""


def user_of_unix(connection: socket.socket) -> int:
    """Return the user id at the other end of a Unix socket."""
    if sys.platform == "darwin":
        # struct xucred: https://github.com/apple-oss-distributions/xnu/blob/main/bsd/sys/ucred.h
        local, credentials = 0, 1
        found: int = struct.unpack_from("II", connection.getsockopt(local, credentials, 76))[1]
        return found
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", packed)[1])


def user_of_tcp(connection: socket.socket) -> int | None:
    """Return the user id at the other end of an IPv4 connection on the loopback.

    Returns None where the system does not tell, and -1 if the other end has gone already.
    """
    if not _TABLES[0].exists():
        return None
    theirs, ours = _address(connection.getpeername()), _address(connection.getsockname())
    for table in filter(Path.exists, _TABLES):
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            row = line.split()
            if row[_LOCAL].endswith(theirs) and row[_REMOTE].endswith(ours):
                # A socket that its process has left is shown as root's, and has no inode.
                return int(row[_USER]) if row[_INODE] != "0" else -1
    return -1


def is_one_of(connection: socket.socket, users: Collection[int]) -> bool:
    """Return whether one of the users is at the other end of an IPv4 connection; True where it is unknown."""
    found = user_of_tcp(connection)
    return found is None or found in users


def comes_from_page(names: Iterable[str]) -> bool:
    """Return whether header names show that a page in a browser made the request."""
    return any(name.lower() in _PAGE_HEADERS for name in names)


def _address(address: tuple[str, int]) -> str:
    """Return the address as the kernel writes it: "0100007F:1F90" is port 8080 of 127.0.0.1.

    In the table of IPv6, it is the end of the address.
    """
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
