"""A way to the container engine over TCP, as if it were on another machine, that can be cut."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class EngineProxy:
    """Hands on bytes, in both directions, until it is cut."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._run(self._accept)

    def cut(self) -> None:
        """Close every connection; from now on nothing answers here."""
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(60)

    def _run(self, target, *arguments) -> None:  # type: ignore[no-untyped-def]
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = _connect()
            self._sockets += [client, engine]
            self._run(_hand_on, client, engine)
            self._run(_hand_on, engine, client)


@contextmanager
def engine_proxy() -> Iterator[EngineProxy]:
    """Keep a proxy to the engine of these tests while the block runs."""
    proxy = EngineProxy()
    try:
        yield proxy
    finally:
        proxy.cut()


def _connect() -> socket.socket:
    host = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    if host.scheme == "unix":
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(host.path)
        return engine
    return socket.create_connection((host.hostname, host.port))


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(1 << 16):
            target.sendall(block)
    # One direction can end before the other: the engine answers what we have finished asking.
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
