"""Apps that stream, and a function that runs one, as the tests of streaming use them."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.running import ARN, REQUEST_ID, Running
from waiting import eventually

from lambdify.adapter.event_sources import http_api
from lambdify.adapter.messages import Request
from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.response_stream import ResponseStream

GET = Request(method="GET", path="/", host="abc.lambda-url.us-east-1.on.aws", client="192.0.2.1")
HANDLER = "lambdify.adapter.streaming.runtime.handler"

WSGI = """
import os, sys, time

def wait_for(name):
    while not os.path.exists(os.path.join(os.environ["TEST_FOLDER"], name)):
        time.sleep(0.01)

def note(name):
    open(os.path.join(os.environ["TEST_FOLDER"], name), "w").close()

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return globals()[environ["PATH_INFO"].strip("/") or "hello"]()

def hello():
    return [b"hello"]
"""

ASGI = """
import asyncio, os

def exists(name):
    return os.path.exists(os.path.join(os.environ["TEST_FOLDER"], name))

async def wait_for(name):
    while not exists(name):
        await asyncio.sleep(0.01)

def note(name, text=""):
    with open(os.path.join(os.environ["TEST_FOLDER"], name), "w") as file:
        file.write(text)

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}

def body(data, more=True):
    return {"type": "http.response.body", "body": data, "more_body": more}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await globals()[scope["path"].strip("/")](receive, send)
"""


BREAKING = {
    "wsgi": WSGI + "def breaks():\n    yield b'half'\n    raise LookupError('the other half')\n",
    "asgi": ASGI
    + "async def breaks(receive, send):\n"
    + "    await send(START)\n"
    + "    await send(body(b'half'))\n"
    + "    raise LookupError('the other half')\n",
}


class Streaming:
    """A function that streams, and the folder through which a test and its app tell each other things."""

    def __init__(self, running: Running, folder: Path, threads: ThreadPoolExecutor) -> None:
        self.running, self.folder, self._threads = running, folder, threads
        self._last: Future[Outcome] | None = None

    def start(self, event: dict[str, Any]) -> tuple[ResponseStream, "Future[Outcome]"]:
        """Hand over an event, after the one before: a sandbox has one at a time."""
        if self._last:
            self._last.result(60)
        stream = ResponseStream()
        under_way = self._threads.submit(
            self.running.sandbox.invoke, REQUEST_ID, json.dumps(event).encode(), f"{ARN}:7", stream
        )
        under_way.add_done_callback(lambda _: stream.end(broken=True))
        self._last = under_way
        return stream, under_way

    def get(
        self, path: str, method: str = "GET"
    ) -> tuple[dict[str, Any], Iterator[bytes], "Future[Outcome]"]:
        """Ask a function URL for a path: the prelude, the pieces that follow, the outcome to be."""
        request = GET._replace(path=path, method=method)
        stream, under_way = self.start(http_api.write_event(request, function_url=True))
        prelude = stream.read_prelude(60)
        assert prelude is not None, under_way.result(60)
        return json.loads(prelude), iter(stream), under_way

    def tell(self, name: str) -> None:
        (self.folder / name).touch()

    def wait_for(self, name: str) -> str:
        path = self.folder / name
        assert eventually(path.exists), f"the app did not write {name}"
        return path.read_text()

    def wait_until_it_waits(self, count: Callable[[], int]) -> int:
        """How far the app has come when it comes no further, within half a second."""
        counted: list[int] = []

        def stays() -> bool:
            counted.append(count())
            return counted[-1] > 0 and counted[-6:] == [counted[-1]] * 6

        assert eventually(stays, every=0.1)
        return counted[-1]

    @property
    def log(self) -> str:
        return "\n".join(self.running.log)
