"""The handler for commands in a process of its own, beside a Runtime API that a test plays."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

from lambdify.adapter.commands import frames

from .entry_process import ADAPTER
from .runtime_api import ACCEPTED, RuntimeApi

CLIENT = """
class LambdaRuntimeClient:
    def post_invocation_result(self, invoke_id, result_data, content_type="application/json"):
        print("posted", result_data)
"""
CALL = """
import json, sys
from types import SimpleNamespace
from lambdify.adapter.commands import handler
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
event, milliseconds = json.load(sys.stdin)
context = SimpleNamespace(aws_request_id="42", get_remaining_time_in_millis=lambda: milliseconds)
result = handler(event, context)
LambdaRuntimeClient().post_invocation_result("42", json.dumps(result))
"""
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


class Answer(NamedTuple):
    """What a command came to."""

    frames: list[tuple[int, bytes]]
    """What the caller got."""
    task: subprocess.CompletedProcess[str]

    def of(self, kind: int) -> bytes:
        """All that the caller got of a kind."""
        return b"".join(data for each, data in self.frames if each == kind)

    @property
    def end(self) -> dict[str, Any]:
        return json.loads(self.of(frames.END))


class Task:
    """A task root with the adapter and a project's files."""

    def __init__(self, root: Path, api: RuntimeApi) -> None:
        self.root, self._api = root, api
        copytree(ADAPTER, root / "lambdify" / "adapter", ignore=lambda *_: ["__pycache__"])
        (root / "awslambdaric").mkdir()
        (root / "awslambdaric" / "__init__.py").touch()
        (root / "awslambdaric" / "lambda_runtime_client.py").write_text(CLIENT)
        (root / ".lambdify").mkdir()
        self.note()

    def note(self, **bundle: Any) -> None:
        """Write the bundle's note."""
        (self.root / ".lambdify" / "bundle.json").write_text(json.dumps(bundle))

    def run(
        self,
        *words: str,
        script: str = CALL,
        milliseconds: int = 60_000,
        environ: dict[str, str] | None = None,
        play: Callable[[], bytes] | None = None,
        **event: Any,
    ) -> Answer:
        """Run a command, and return what came of it; `play` is what the Runtime API does."""
        with ThreadPoolExecutor(1) as threads:
            listens = not event.get("detached")
            received = threads.submit(play or self._api.read_all) if listens else None
            task = subprocess.run(
                [sys.executable, "-W", "error", "-c", script],
                input=json.dumps([{"words": words, **event}, milliseconds]),
                env={
                    **os.environ,
                    "AWS_LAMBDA_RUNTIME_API": self._api.address,
                    "LAMBDA_TASK_ROOT": str(self.root),
                    "PYTHONPATH": str(self.root),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    **(environ or {}),
                },
                cwd=self.root,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            return Answer(list(read_frames(received.result(60))) if received else [], task)


def read_frames(request: bytes) -> list[tuple[int, bytes]]:
    """The frames in the chunks of a request."""
    body, reader, found = request.partition(b"\r\n\r\n")[2], frames.Reader(), []
    while (size := CHUNK.match(body)) and (length := int(size[1], 16)):
        found += reader.feed(body[size.end() : size.end() + length])
        body = body[size.end() + length + 2 :]
    assert not reader.rest
    return found


class Bucket:
    """One object behind a signed URL, as S3 answers for it."""

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.status = 0
        """What it answers all the time, unless it is 0."""
        self.honours_ranges = True
        self.hosts: set[str] = set()
        """What it was asked as."""
        self.asked = threading.Semaphore(0)
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                bucket.hosts.add(self.headers["Host"])
                status, body = bucket._answer(self.headers.get("Range", ""))
                bucket.asked.release()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/object?X-Amz-Signature=1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _answer(self, wanted: str) -> tuple[int, bytes]:
        content = self.content
        if self.status or content is None:
            return self.status or 404, b""
        if not wanted or not self.honours_ranges:
            return 200, content
        begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        return (206, content[begin:]) if begin < len(content) else (416, b"")

    def type(self, kind: int, data: bytes = b"") -> None:
        """Add a frame."""
        self.content = (self.content or b"") + frames.write(kind, data)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def refuse(api: RuntimeApi) -> bytes:
    """Take a response and refuse it."""
    return api.read_all(ACCEPTED.replace(b"202 Accepted", b"413 Too Large"))
