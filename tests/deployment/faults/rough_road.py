"""A road to AWS on which things happen: an HTTP proxy on the loopback between botocore and ministack.

Every call passes here and is told apart by its operation, and by which of them it is. For a chosen one the
road answers in AWS's place, or lets the call through and then loses the answer, or kills whoever made it.
The registry of images is on the same road: ECR's answers name the road as its host, and so engines push here.
"""

import http.client
import os
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

JSON = {"acm", "apigateway", "ecr", "lambda", "logs", "monitoring"}
"""Services whose errors are JSON; "monitoring" is how CloudWatch signs."""

IDLE = 1.0
"""Seconds for which a connection may stand idle; ministack closes it after five."""

Fault = Callable[["Call"], None]


@dataclass
class Call:
    """One request of botocore's, which a fault may answer."""

    operation: str
    """Such as "cloudformation:CreateChangeSet", or "s3:PUT object"."""
    service: str
    handler: "Handler"
    body: bytes

    def answer(self, status: int, code: str, message: str) -> None:
        """Refuse as AWS refuses, in the service's own form."""
        if self.service == "registry":
            body = f'{{"errors": [{{"code": "DENIED", "message": "{message}"}}]}}'
            kind = {"Content-Type": "application/json"}
        elif self.service in JSON:
            body = f'{{"__type": "{code}", "code": "{code}", "message": "{message}"}}'
            kind = {"x-amzn-errortype": code, "Content-Type": "application/json"}
        elif self.service == "s3":
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            kind = {"Content-Type": "application/xml"}
        else:
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
            kind = {"Content-Type": "text/xml"}
        self.handler.reply(status, kind, body.encode())

    def hang_up(self) -> None:
        """End the connection with a reset, without an answer."""
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.close_connection = True
        connection.close()

    def forward(self) -> tuple[int, dict[str, str], bytes]:
        """Let the call happen; what AWS answers."""
        return self.handler.forward(self.body)


def throttled(call: Call) -> None:
    """AWS has no time."""
    codes = {
        "s3": (503, "SlowDown"),
        "lambda": (429, "TooManyRequestsException"),
        "apigateway": (429, "TooManyRequestsException"),
        "logs": (400, "ThrottlingException"),
        "ecr": (400, "ThrottlingException"),
        "acm": (400, "ThrottlingException"),
    }
    call.answer(*codes.get(call.service, (400, "Throttling")), "Rate exceeded")


def broken(call: Call) -> None:
    """AWS has a fault."""
    call.answer(500, "InternalFailure", "We are sorry")


def lost(call: Call) -> None:
    """The connection breaks before AWS has heard anything."""
    call.hang_up()


def unheard(call: Call) -> None:
    """AWS does it, and the connection breaks before the answer is there."""
    call.forward()
    call.hang_up()


def expired(call: Call) -> None:
    """The credentials ran out meanwhile."""
    if call.service in JSON:
        call.answer(403, "ExpiredTokenException", "The security token included in the request is expired")
    else:
        call.answer(400, "ExpiredToken", "The security token included in the request is expired")


def denied(call: Call) -> None:
    """The credentials may not do it."""
    code = "AccessDeniedException" if call.service in JSON else "AccessDenied"
    call.answer(403, code, "User: me is not authorized to perform: some:Action on resource: it")


@dataclass(frozen=True)
class Place:
    """One call of a run of a command: the second DescribeStacks, for one."""

    operation: str
    nth: int
    """Counted from 1."""

    def __str__(self) -> str:
        return f"{self.operation} #{self.nth}"


@dataclass
class Road:
    """What is to happen, and what has passed."""

    target: str
    passed: list[Place] = field(default_factory=list)
    """A place for each call, in their order. The further attempts of a call are at the same place."""
    registry: str = ""
    """The host of an account's images, in whose place the road is."""
    perils: dict[Place, Fault] = field(default_factory=dict)
    """What happens to all attempts of a call."""
    onward: bool = False
    """Whether it goes on happening, to every call after that."""
    everywhere: Fault | None = None
    """What happens to the first attempt of each call."""
    spared: set[str] = field(default_factory=set)
    """Operations that it does not happen to."""
    victim: int = 0
    """Process id of who is killed."""
    url: str = ""
    _going_on: Fault | None = None
    _known: dict[str, Place] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        self.passed, self.perils, self.everywhere, self.spared, self._known = [], {}, None, set(), {}
        self.onward, self._going_on = False, None

    def fault_for(self, operation: str, call_id: str) -> Fault | None:
        """What happens to this attempt; botocore gives those of one call the same id."""
        with self._lock:
            repeated = call_id in self._known
            if not repeated:
                nth = 1 + sum(each.operation == operation for each in self.passed)
                self._known[call_id] = Place(operation, nth)
                self.passed.append(self._known[call_id])
        if fault := self.perils.get(self._known[call_id], self._going_on):
            self._going_on = fault if self.onward else None
            return fault
        return None if repeated or operation in self.spared else self.everywhere

    def kill(self, call: Call) -> None:
        """AWS does it, and whoever asked is dead before the answer is there."""
        call.forward()
        os.kill(self.victim, signal.SIGKILL)
        call.hang_up()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Headers and body are two packets: the second would wait for 40 ms until the first is acknowledged."""
    road: Road
    _onward: http.client.HTTPConnection | None = None
    _used = 0.0
    """When the last answer came on it."""

    def __getattr__(self, name: str) -> object:
        """Every method is treated alike."""
        if name.startswith("do_"):
            return self.pass_on
        raise AttributeError(name)

    def pass_on(self) -> None:
        body = self._read()
        operation, service = self._told_apart(body)
        # An engine's requests have no id; it repeats none of those that are refused.
        call_id = self.headers["amz-sdk-invocation-id"] or uuid4().hex
        fault = self.road.fault_for(operation, call_id)
        call = Call(operation=operation, service=service, handler=self, body=body)
        if fault:
            fault(call)
        else:
            self.reply(*call.forward())

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _told_apart(self, body: bytes) -> tuple[str, str]:
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers.get("Authorization", ""))
        service = scope[1] if scope else "?"
        if target := self.headers.get("X-Amz-Target"):
            return f"{service}:{target.rpartition('.')[2]}", service
        path = urlsplit(self.path)
        if path.path.startswith("/v2/") and not scope:
            what = re.search(r"/(manifests|blobs)/", path.path)
            return f"registry:{self.command} {what[1] if what else ''}", "registry"
        if service not in {"s3", "lambda", "scheduler", "apigateway", "route53"}:
            return f"{service}:{parse_qs(body.decode()).get('Action', ['?'])[0]}", service
        if service == "s3":
            _, _, key = path.path.lstrip("/").partition("/")
            what = re.match(r"[\w-]*", path.query)[0] or ("object" if key else "bucket")
            kind = next((f"{each} " for each in ("release", "image") if f"/{each}s/" in key), "")
            return f"s3:{self.command} {kind}{what}", service
        names = re.sub(r"/(functions|schedules|hostedzone)/[^/]+", r"/\1/NAME", path.path)
        return f"{service}:{self.command} {names}", service

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        here = urlsplit(self.road.url).netloc
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        if self.road.registry and "Authorization" not in headers:
            headers["Host"] = self.road.registry
        connection = self._way_on()
        connection.request(
            self.command, self.path, body or None, {**headers, "Content-Length": str(len(body))}
        )
        answer = connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if self.road.registry:
            content = content.replace(self.road.registry.encode(), here.encode())
        return answer.status, dict(answer.getheaders()), content

    def _way_on(self) -> http.client.HTTPConnection:
        """A connection to AWS: that of the call before, unless it was idle so long that AWS may close it."""
        if self._onward is None or time.monotonic() - self._used > IDLE:
            self._close_onward()
            self._onward = http.client.HTTPConnection(urlsplit(self.road.target).netloc, timeout=60)
        return self._onward

    def _close_onward(self) -> None:
        if self._onward:
            self._onward.close()

    def finish(self) -> None:
        self._close_onward()
        super().finish()

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        length = headers.get("content-length") or headers.get("Content-Length")
        self.send_header("Content-Length", (length or "0") if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "date", "server"}


@contextmanager
def opened(target: str, *, registry: str = "") -> Iterator[Road]:
    """A road to `target`, on a port of the loopback; see `Road.url` and `Road.registry`."""
    road = Road(target=target, registry=registry)
    handler = type("HandlerOfOneRoad", (Handler,), {"road": road})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        road.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield road
        finally:
            server.shutdown()
            thread.join()
