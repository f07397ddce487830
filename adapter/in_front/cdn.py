"""Requests by way of a CDN: the host and the client that a visitor has, not the endpoint's and the CDN's.

    visitor ──▶ CloudFront ── x-lambdify-cdn: SECRET, x-forwarded-host, x-lambdify-client ──▶ here

An endpoint knows its own host only, so the app would write links to that, and take the form of a page of
shop.example for one of another site. cli/template/cdn.py has CloudFront send the three headers.

Rules
1. Host and client count only beside the secret, which CloudFront adds and nobody outside knows.
   Without it all three are dropped: a visitor of the endpoint itself has written them.
2. The app sees neither the secret nor the header for the client, also not in its event.
3. CloudFront calls a REST API below its stage, and its visitors know nothing of that: there is no mount.
4. Where the CDN has a web ACL, a request without the secret has gone past it, and gets a 403.
"""

from __future__ import annotations

from functools import lru_cache
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdify.adapter import wire
from lambdify.adapter.messages import Request, Response

if TYPE_CHECKING:
    from lambdify.adapter import asgi, files, wsgi
    from lambdify.adapter.in_front import names
    from lambdify.adapter.streaming import Reply

SECRET, HOST, CLIENT = "x-lambdify-cdn", "x-forwarded-host", "x-lambdify-client"
HEADERS = (SECRET, HOST, CLIENT)
HOPS = "x-forwarded-for"
REFUSAL = Response(403, (("content-type", "text/plain; charset=utf-8"),), b"Forbidden")


class Server:
    """What reads these headers before an app; has the methods of `wsgi.Server`."""

    def __init__(
        self,
        server: wsgi.Server | asgi.Server | files.Server | names.Server | Server,
        secret: str,
        *,
        alone: bool = False,
    ) -> None:
        """With `alone`, nobody is let in but the CDN."""
        self._server, self._secret, self._alone = server, secret.encode(), alone

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        """Return the app's response. Raises the app's errors."""
        if self._alone and not comes_by_cdn(request, self._secret):
            return REFUSAL
        return self._server.run(self._settle(request, event), event, context)

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the app's response as it comes. Raises the app's errors."""
        if self._alone and not comes_by_cdn(request, self._secret):
            reply.send_whole(REFUSAL)
            return
        self._server.stream(self._settle(request, event), event, context, reply)

    def close(self) -> None:
        """Run the app's shutdown."""
        self._server.close()

    def _settle(self, request: Request, event: dict[str, Any]) -> Request:
        settled = settle(request, self._secret)
        if settled is not request:
            for fields in (event.get("headers") or {}, event.get("multiValueHeaders") or {}):
                for name in [name for name in fields if name.lower() == SECRET]:
                    del fields[name]
        return settled


def comes_by_cdn(request: Request, secret: bytes) -> bool:
    """Return whether a request has the secret."""
    return compare_digest(dict(request.headers).get(SECRET, "").encode("latin-1"), secret)


def settle(request: Request, secret: bytes) -> Request:
    """Return the request as its visitor sent it to the CDN, without our headers."""
    row = request[3].row
    if SECRET not in row and HOST not in row and CLIENT not in row:
        return request
    places, values = _places(row), request[4]
    said = {name: values[place] for name, place in places.ours}
    headers = [(row[place], values[place]) for place in places.others]
    if not compare_digest(said.get(SECRET, "").encode("latin-1"), secret):
        return request._replace(headers=headers)
    host = said.get(HOST, "")
    name, port = wire.split_authority(host)
    if not name:
        return request._replace(headers=headers)
    headers = [pair for pair in headers if pair[0] not in ("host", HOPS)]
    hops = _without_cdn(dict(request.headers).get(HOPS, ""), request.client)
    return request._replace(
        headers=[("host", host), *headers, *([(HOPS, hops)] if hops else ())],
        mount="",
        host=name,
        port=port or wire.PORTS[request.scheme],
        client=said.get(CLIENT, request.client),
        client_port=0,
    )


def _without_cdn(hops: str, cdn: str) -> str:
    """Return the hops of a request without the last one, if that is the CDN, which the endpoint has added."""
    before, _, last = hops.rpartition(",")
    return before.rstrip() if last.strip() == cdn else hops


class _Places(NamedTuple):
    """Where in a row of names ours are, and the others."""

    ours: tuple[tuple[str, int], ...]
    others: tuple[int, ...]


@lru_cache(64)
def _places(row: tuple[str, ...]) -> _Places:
    ours = tuple((name, place) for place, name in enumerate(row) if name in HEADERS)
    return _Places(ours, tuple(place for place, name in enumerate(row) if name not in HEADERS))
