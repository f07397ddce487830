"""A service of AWS's JSON protocol on the loopback, which a test tells what to answer."""

import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]
HANG_UP: Answer = (0, None)
"""The connection is closed without an answer."""


class AwsService:
    """Answers in turn what it was given, and then the last of it again; keeps what it was asked."""

    def __init__(
        self,
        answers: Iterable[Answer | Callable[[dict[str, Any]], Answer]],
        http_version: str = "HTTP/1.0",
    ) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        """Operation or path, headers, arguments."""
        left = list(answers)
        asked = self.asked
        self.opened: list[object] = []
        """The addresses of the connections that were made."""
        opened = self.opened

        class Handler(BaseHTTPRequestHandler):
            protocol_version = http_version
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                opened.append(self.client_address)

            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                arguments = json.loads(body) if body else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.append((headers.get("x-amz-target", self.path), headers, arguments))
                answer = left.pop(0) if len(left) > 1 else left[0]
                status, said = answer(arguments) if callable(answer) else answer
                if not status:
                    self.close_connection = True
                    self.connection.close()
                    return
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
