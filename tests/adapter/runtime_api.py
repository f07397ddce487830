"""A Runtime API of one connection, which a test plays."""

import re
import socket

END = re.compile(rb"\r\n0\r\n([A-Za-z-]+: [^\r]*\r\n)*\r\n$")
"""The last chunk, trailers, an empty line."""
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class RuntimeApi:
    """One connection of a Runtime API."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"

    def accept(self) -> socket.socket:
        self._listening.settimeout(5)
        connection, _ = self._listening.accept()
        connection.settimeout(5)
        return connection

    def read_all(self, answer: bytes = ACCEPTED) -> bytes:
        """All that is sent until the end of the response, which is then answered."""
        received = bytearray()
        with self.accept() as connection:
            while not END.search(received[-10_000:]):
                received += connection.recv(65_536)
            connection.sendall(answer)
        return bytes(received)

    def hang_up_after(self, text: bytes) -> None:
        """Read until that was sent, then reset the connection."""
        received = b""
        connection = self.accept()
        while text not in received:
            received += connection.recv(65_536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
        connection.close()

    def close(self) -> None:
        self._listening.close()


def chunk(data: bytes) -> bytes:
    """A piece of a body, as it is sent."""
    return b"%x\r\n%b\r\n" % (len(data), data)
