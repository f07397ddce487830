"""An ASGI guard in front of ministack, which checks no signatures: requests need the keys of this cloud.

Every program on this machine, and every page in its browser, can reach 127.0.0.1. Whoever may create a
function there runs code as the user who started the cloud. So a request has to be signed (signatures.py), has
to name this machine (hosts.py), and must not come from a page. Responses have no CORS headers, so pages of
other sites cannot read them.

The module runs in ministack's environment (ministack_bridge.py), so it uses the standard library only.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from lambdify.cli.local import hosts
from lambdify.cli.local.aws import signatures
from lambdify.cli.local.aws.signatures import Head, Refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PUBLIC_PATHS = frozenset({"/_ministack/health", "/_ministack/ready"})
"""Paths without keys: whether ministack is up is no secret."""
_CORS = b"access-control-"
_SERVICE = re.compile(r"Credential=[^,]*/([^/,]+)/aws4_request")
_XML = {"cloudfront", "route53", "s3"}


class Guard:
    """Passes requests that are signed with a known key on to the ASGI app, and refuses the rest."""

    def __init__(
        self,
        app: App,
        keys: Mapping[str, str],
        *,
        names: Collection[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`keys` are secrets by key id; `names` are further names of this machine, as containers use them."""
        self._app, self._keys, self._names, self._clock = app, keys, names, clock

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # messages of a websocket are not signed
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        head = _read(scope)
        try:
            self._check_origin(head)
            if head.method == "GET" and head.path in PUBLIC_PATHS:
                await self._app(scope, receive, _without_cors(send))
                return
            found = signatures.read(head)
            secret = self._find_secret(found.key_id)
            # The body is read only for a known key, so that others cannot fill the memory.
            body = await _read_body(receive)
            signatures.verify(head, found, body, secret, self._clock())
        except Refused as refused:
            await _refuse(send, head, refused)
            return
        await self._app(scope, _replay(body, receive), _without_cors(send))

    def _find_secret(self, key_id: str) -> str:
        if key_id not in self._keys:
            raise Refused("InvalidAccessKeyId", "The key is not one of this local cloud.")
        return self._keys[key_id]

    def _check_origin(self, head: Head) -> None:
        named = head.values("host")
        if len(named) != 1 or not hosts.is_ours(named[0], self._names):
            raise Refused("AccessDenied", f"{', '.join(named)} is no name of this machine.")
        if head.values("origin"):
            raise Refused("AccessDenied", "Pages may not call AWS's APIs.")


def _read(scope: Message) -> Head:
    path = scope.get("raw_path") or scope["path"].encode()
    return Head(
        scope["method"],
        path.decode("latin-1"),
        scope.get("query_string", b"").decode("latin-1"),
        # Clients sign the UTF-8 bytes of a header.
        [(name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]],
    )


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _read_body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("IncompleteBody", "The request ended before its body did.")
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return the app's `receive`: it gives the body at once, then what follows."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _without_cors(send: Send) -> Send:
    async def shielded(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", ()) if not pair[0].lower().startswith(_CORS)]
            message = {**message, "headers": kept}
        await send(message)

    return shielded


async def _refuse(send: Send, head: Head, refused: Refused) -> None:
    kind, body = _write_error(head, refused)
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", refused.code.encode()),
        # The rest of an unread body must not be taken for the next request.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.FORBIDDEN, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head.method == "HEAD" else body})


def _write_error(head: Head, refused: Refused) -> tuple[str, bytes]:
    """Return content type and body of a refusal, in the protocol of the request: JSON, query or XML."""
    service = _SERVICE.search(head.value("authorization"))
    if service and service[1] not in _XML and "x-www-form-urlencoded" not in head.value("content-type"):
        fields = {"__type": refused.code, "message": refused.message, "Message": refused.message}
        return "application/x-amz-json-1.0", json.dumps(fields).encode()
    error = f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
    if "x-www-form-urlencoded" in head.value("content-type"):
        return "text/xml", f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()
    return "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{error}</Error>'.encode()
