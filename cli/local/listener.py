"""A listening port of 127.0.0.1 with a thread for each connection.

The address is never a name, which could mean other addresses as well.
"""

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

HOST = "127.0.0.1"
_RETRY_PAUSE = 0.1
"""Seconds until the next `accept` after one that failed."""
_log = logging.getLogger(__name__)


class Listener:
    """A listening port, until `close`."""

    def __init__(self, serve: Callable[[socket.socket, str], None], port: int = 0) -> None:
        """Listen at once; port 0 means any free one. Raises OSError if the port is taken.

        `serve` gets each connection and the client's address; it has to close the connection.
        """
        self._serve = serve
        self._socket = socket.create_server((HOST, port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, name=f"port {self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; open connections stay open."""
        self._over.set()
        # Closing the socket would not end the `accept` of the other thread; a connection does.
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            pass
        self._thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, (client, _) = self._socket.accept()
            except OSError as error:  # too many open files, or a client that has gone already
                _log.warning("port %d: %s", self.port, error)
                self._over.wait(_RETRY_PAUSE)
                continue
            if self._over.is_set():
                connection.close()
                return
            # A response is one write. With Nagle's algorithm it could wait for a delayed ACK.
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"client of {self.port}"
            try:
                threading.Thread(target=self._run, args=(connection, client), name=name, daemon=True).start()
            except RuntimeError as error:  # the system has no more threads
                _log.warning("port %d: %s", self.port, error)
                connection.close()

    def _run(self, connection: socket.socket, client: str) -> None:
        try:
            self._serve(connection, client)
        except (ConnectionError, BlockingIOError):
            connection.close()  # the client has gone, or has sent nothing for too long
        except BaseException:
            connection.close()
            raise
