"""A function that streams, with SnapStart: AWS's client runs the hooks of the app around our import."""

import http.server
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from local.running import REQUEST_ID

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request
from lambdify.cli.local.functions import boot
from lambdify.cli.local.functions.process import ZipProgram

pytestmark = pytest.mark.slow

PREFIX = "/2018-06-01/runtime"
GET = http_api.write_event(Request("GET", "/", client="192.0.2.1"), function_url=True)

WSGI = """
from snapshot_restore_py import register_after_restore, register_before_snapshot

seen = ["import"]
register_before_snapshot(seen.append, "before")
register_after_restore(seen.append, "after")

def app(environ, start_response):
    start_response("200 OK", [])
    yield " ".join(seen).encode()
    yield b" answered"
"""

ASGI = """
from snapshot_restore_py import register_after_restore, register_before_snapshot

seen = ["import"]
register_before_snapshot(seen.append, "before")
register_after_restore(seen.append, "after")

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        seen.append("startup")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": " ".join(seen).encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b" answered"})
"""


class SnapStartApi:
    """A Runtime API where the snapshot is taken as soon as the client is ready for it."""

    def __init__(self) -> None:
        self.said: queue.Queue[tuple[str, bytes]] = queue.Queue()
        """What the client asked for or posted."""
        self.events: queue.Queue[bytes | None] = queue.Queue()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.removeprefix(PREFIX)
                api.said.put((path, b""))
                event = b"" if path == "/restore/next" else api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self._answer(200, event)

            def do_POST(self) -> None:
                body = self._read_chunks() if "chunked" in self.headers.values() else self._read_whole()
                api.said.put((self.path.removeprefix(PREFIX), body))
                self._answer(202, b"")

            def _read_whole(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def _read_chunks(self) -> bytes:
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return body

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")  # else AWS's client crashes
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", REQUEST_ID)
                self.send_header("Lambda-Runtime-Deadline-Ms", "99999999999999")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-0-0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, _: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def hear(self) -> tuple[str, bytes]:
        return self.said.get(timeout=60)

    def close(self) -> None:
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def api() -> Iterator[SnapStartApi]:
    api = SnapStartApi()
    yield api
    api.close()


@pytest.fixture
def start(
    make_program: Callable[..., ZipProgram], pack_adapter: Callable[..., None], api: SnapStartApi
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A process of the function, as Lambda starts it for a snapshot."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str, **changes: Any) -> subprocess.Popen[str]:
        program = make_program(source, **changes)
        pack_adapter()
        environ = {
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server.server_address[1]}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{program.function.python}",
            "LAMBDA_TASK_ROOT": str(program.task_root),
            "PATH": os.environ["PATH"],
        }
        folders = [str(program.layers), str(program.runtime)]
        process = subprocess.Popen(
            [
                program.python,
                "-s",
                "-S",
                "-P",
                boot.__file__,
                *folders,
                "lambdify.adapter.streaming.runtime.handler",
            ],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("source", "seen"),
    [(WSGI, "import before after"), (ASGI, "import startup before after")],
    ids=["wsgi", "asgi"],
)
def test_the_hooks_of_an_app_run_around_the_snapshot_and_its_answers_stream(start, api, source, seen):
    start(source)
    assert api.hear() == ("/restore/next", b"")
    for _ in range(2):  # the environment goes on after its first event, and the hooks ran once
        assert api.hear() == ("/invocation/next", b"")
        api.events.put(json.dumps(GET).encode())
        path, streamed = api.hear()
        assert path == f"/invocation/{REQUEST_ID}/response"
        prelude, _, body = streamed.partition(bytes(8))
        assert json.loads(prelude)["statusCode"] == 200
        assert body.decode() == f"{seen} answered"


def test_a_hook_that_fails_before_the_snapshot_fails_the_init(start, api):
    process = start(WSGI + "register_before_snapshot(lambda: 1 / 0)\n")
    path, error = api.hear()
    assert (path, json.loads(error)["errorType"]) == ("/init/error", "ZeroDivisionError")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 64
    assert "ZeroDivisionError" in output


def test_a_hook_that_fails_after_the_restore_fails_the_restore(start, api):
    process = start(WSGI + "register_after_restore(lambda: 1 / 0)\n")
    assert api.hear() == ("/restore/next", b"")
    path, error = api.hear()
    assert (path, json.loads(error)["errorType"]) == ("/restore/error", "ZeroDivisionError")
    process.communicate(timeout=60)
    assert process.returncode == 65
