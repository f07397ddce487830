"""A port of 127.0.0.1, never a name that could mean more, whose connections have a thread each."""

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

HOST = "127.0.0.1"
_RETRY_PAUSE = 0.1
"""Seconds after which the system is asked again for what it has just refused."""
_log = logging.getLogger(__name__)


class Listener:
    """A port that is listened on, until `close`."""

    def __init__(self, serve: Callable[[socket.socket, str], None], port: int = 0) -> None:
        """Listen at once; OSError when the port is taken. Port 0 means any free one.

        `serve` gets each connection, which is its own from then on, and the client's address.
        """
        self._serve = serve
        self._socket = socket.create_server((HOST, port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, name=f"port {self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; connections that are open go on to their end."""
        self._over.set()
        # Closing a socket wakes nobody who waits for it; a client does.
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
            # An answer leaves in one piece: with Nagle's algorithm it could wait for a delayed ACK.
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
            connection.close()  # the client has gone, or has said nothing for long
        except BaseException:
            connection.close()
            raise
