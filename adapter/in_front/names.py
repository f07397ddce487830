"""Names of the stage's own: others lead to the first one, and the path of a domain is the mount.

    www.shop.example/basket?a=1 ──▶ 308 https://shop.example/basket?a=1
    shop.example/books/basket   ──▶ the app, mounted at /books

Rules
1. A redirect keeps method and body: 308 (https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9).
2. An HTTP API does not tell which part of a path is that of its domain (a REST API does: see
   event_sources/rest.py). So it is known beforehand, and taken off on the names that have it alone: on the
   API's own address the same path is the app's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdify.adapter import wire
from lambdify.adapter.messages import Request, Response

if TYPE_CHECKING:
    from lambdify.adapter import asgi, files, wsgi
    from lambdify.adapter.in_front import cdn
    from lambdify.adapter.streaming import Reply

ELSEWHERE = 308


class Server:
    """What knows the names before an app; has the methods of `wsgi.Server`."""

    def __init__(
        self, server: wsgi.Server | asgi.Server | files.Server | cdn.Server | Server, names: str, path: str
    ) -> None:
        """`names` are separated by spaces; others lead to the first. `path` is "" for none."""
        self._server, self._path = server, path
        self._first, *others = names.split()
        self._others = frozenset(others)

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        """Return the app's response, or where else to ask. Raises the app's errors."""
        request = self._mount(request)
        if request.host.lower() in self._others:
            return self._lead(request)
        return self._server.run(request, event, context)

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the app's response as it comes, or where else to ask. Raises the app's errors."""
        request = self._mount(request)
        if request.host.lower() in self._others:
            reply.send_whole(self._lead(request))
            return
        self._server.stream(request, event, context, reply)

    def close(self) -> None:
        """Run the app's shutdown."""
        self._server.close()

    def _mount(self, request: Request) -> Request:
        """Return the request with the path of its domain as the mount."""
        host = request.host.lower()
        if request.mount or not self._path or (host != self._first and host not in self._others):
            return request
        mount, path = wire.split_mount(request.path, self._path)
        return request._replace(mount=mount, path=path) if mount else request

    def _lead(self, request: Request) -> Response:
        path = f"{request.mount}{request.path}" or "/"
        query = f"?{request.query}" if request.query else ""
        location = f"https://{self._first}{path}{query}"
        return Response(ELSEWHERE, (("location", location), ("content-length", "0")))
