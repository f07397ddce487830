"""The two nouns everybody shares: what a client asked, and what the app answered.

Both are plain values. An event source reads and writes them, the WSGI and ASGI sides consume and produce
them, the local gateway uses the same two in the other direction. They are tuples whose positions have names,
since one of each is made for every request; written out here, since each class that `NamedTuple` makes takes
a tenth of a millisecond of every cold start.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

Pair = tuple[str, str]
Headers = tuple[Pair, ...]
"""Pairs in the order of the wire. Names are lower case; values hold bytes as latin-1, as HTTP does."""

Rows = tuple[tuple[str, ...], tuple[str, ...]]
"""The same headers as a row of names and a row of values."""

NO_ROWS: Rows = ((), ())


def _field(position: int) -> Any:
    return property(itemgetter(position))


class Request(tuple[str, str, str, Rows, bytes, str, str, str, int, str]):
    """An HTTP request, whichever event carried it.

    It holds its headers as rows: clients and front ends use the same few rows of names again and again, so
    what follows from the names alone is worked out once (`wire.Known`), and not for each header again.
    """

    __slots__ = ()

    def __new__(
        cls,
        method: str,
        path: str,
        query: str = "",
        headers: Iterable[Pair] = (),
        body: bytes = b"",
        mount: str = "",
        scheme: str = "https",
        host: str = "localhost",
        port: int = 443,
        client: str = "",
    ) -> Self:
        rows = tuple(zip(*headers, strict=True)) or NO_ROWS
        return tuple.__new__(cls, (method, path, query, rows, body, mount, scheme, host, port, client))

    method: str = _field(0)
    path: str = _field(1)
    """Percent-encoded, as the client sent it, after `mount`; starts with "/" or is empty."""
    query: str = _field(2)
    """The query string without its "?", still encoded."""
    rows: Rows = _field(3)
    body: bytes = _field(4)
    mount: str = _field(5)
    """The part of the path in front of the app (a stage or base path), percent-encoded: "" or "/prod"."""
    scheme: str = _field(6)
    host: str = _field(7)
    """The name the client used, without a port."""
    port: int = _field(8)
    client: str = _field(9)
    """The client's address, from the part of the event that the client cannot write."""

    @property
    def headers(self) -> Headers:
        """The headers as pairs. Cookies are one `cookie` header, wherever the event kept them."""
        return tuple(zip(*self.rows, strict=True))

    def _replace(self, **changes: Any) -> Request:
        """The same request, but for what is named."""
        return Request(**({name: getattr(self, name) for name in REQUEST_FIELDS} | changes))

    def __repr__(self) -> str:
        return f"Request({', '.join(f'{name}={getattr(self, name)!r}' for name in REQUEST_FIELDS)})"


REQUEST_FIELDS = ("method", "path", "query", "headers", "body", "mount", "scheme", "host", "port", "client")


class Response(tuple[int, Headers, bytes]):
    """An HTTP response as the app gave it."""

    __slots__ = ()

    def __new__(cls, status: int, headers: Headers = (), body: bytes = b"") -> Self:
        return tuple.__new__(cls, (status, headers, body))

    status: int = _field(0)
    headers: Headers = _field(1)
    """Several `set-cookie` pairs are several cookies: never joined."""
    body: bytes = _field(2)

    def _replace(self, **changes: Any) -> Response:
        """The same response, but for what is named."""
        fields: dict[str, Any] = {"status": self[0], "headers": self[1], "body": self[2]}
        return Response(**(fields | changes))

    def __repr__(self) -> str:
        return f"Response(status={self[0]!r}, headers={self[1]!r}, body={self[2]!r})"
