"""A collector on the loopback, for OpenTelemetry's exporters and Sentry's transport."""

import gzip
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from waiting import PATIENCE


class Collector:
    """What was posted to it, by path."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []
        self.asked: list[str] = []
        """The paths of all requests, answered or not."""
        self.answers = threading.Event()
        """While it is not set, whoever posts waits; at first it is set."""
        self.answers.set()
        self.address = ""

    def count(self, path: str, word: bytes) -> int:
        """How often a word stands in what was posted to a path."""
        return sum(body.count(word) for each, body in self.posted if each.startswith(path))

    def posts(self) -> Counter[str]:
        return Counter(path for path, _ in self.posted)


@contextmanager
def collect() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            zipped = self.headers.get("content-encoding") == "gzip"
            collector.asked.append(self.path)
            collector.answers.wait(PATIENCE)
            collector.posted.append((self.path, gzip.decompress(body) if zipped else body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield collector
        collector.answers.set()
        server.shutdown()
        thread.join()
