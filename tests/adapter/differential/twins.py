"""The same app twice: behind a real server, and behind the adapter, each in a process of its own."""

import json
import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.adapter.messages import Headers, Request, Response

APPS = Path(__file__).parent / "apps"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(APPS), "PYTHONDONTWRITEBYTECODE": "1"}
ADDED_BY_SERVERS = {"server", "date", "connection", "transfer-encoding"}


class App(NamedTuple):
    """An app, and the server that it runs behind anywhere else."""

    name: str
    reference: str
    interface: str

    def command(self, listener: int, mount: str) -> list[str]:
        if self.interface == "wsgi":
            options = ["--bind", f"fd://{listener}", "--log-level", "warning", "--keep-alive", "60"]
            options += ["--env", f"SCRIPT_NAME={mount}"]
            return [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", *options, self.reference]
        options = ["--fd", str(listener), "--log-level", "warning", "--no-proxy-headers"]
        options += ["--timeout-keep-alive", "60"]
        options += ["--root-path", mount]
        return [sys.executable, "-m", "uvicorn", "--http", "h11", *options, self.reference]


FLASK = App("flask", "flask_echo:app", "wsgi")
DJANGO_WSGI = App("django", "django_echo:wsgi", "wsgi")
DJANGO_ASGI = App("django_asgi", "django_echo:asgi", "asgi")
FASTAPI = App("fastapi", "fastapi_echo:app", "asgi")


class Function:
    """The app behind the adapter."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __call__(self, event: dict[str, Any]) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class Pair(NamedTuple):
    """One app in both places."""

    app: App
    function: Function
    connections: dict[str, HTTPConnection]
    """To one server for each mount."""

    def serve(self, request: Request) -> Response:
        """What a client gets that puts the request to the server."""
        connection = self.connections[request.mount]
        # gunicorn takes the mount off the path; uvicorn wants a proxy in front of it to do so.
        path = request.mount + request.path if self.app.interface == "wsgi" else request.path
        target = f"{path}?{request.query}" if request.query else path
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in (("host", request.host), *request.headers):
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        kept = tuple(pair for pair in headers if pair[0] not in ADDED_BY_SERVERS)
        return Response(answer.status, kept, answer.read())


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, env=ENVIRONMENT, text=True, **options) as process:
        yield process
        process.terminate()


@contextmanager
def serving(app: App, mount: str) -> Iterator[HTTPConnection]:
    """The app behind its server, below that path."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Inherited by every connection: else each answer of two writes waits for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with running(app.command(listener.fileno(), mount), pass_fds=[listener.fileno()]):
            # The listener takes connections from the start; they wait until the server does.
            connection = HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=60)
            yield connection
            connection.close()


@contextmanager
def both(app: App, mounts: Sequence[str] = ("",)) -> Iterator[Pair]:
    """The app in both places, for as long as that is needed; one server for each mount."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        connections = {mount: stack.enter_context(serving(app, mount)) for mount in mounts}
        invoked = running([sys.executable, str(APPS / "invoke.py"), app.reference], **pipes)
        yield Pair(app, Function(stack.enter_context(invoked)), connections)


def asking_for(response: Response) -> Headers:
    """The header by which the apps are asked for a response."""
    cookies = [value for name, value in response.headers if name == "set-cookie"]
    headers = [pair for pair in response.headers if pair[0] != "set-cookie"]
    reply = {"status": response.status, "headers": headers, "cookies": cookies, "body": response.body.hex()}
    return (("x-reply", b64encode(json.dumps(reply).encode()).decode()),)
