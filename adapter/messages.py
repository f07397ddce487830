"""The two nouns everybody shares: what a client asked, and what the app answered.

Both are plain values. An event source reads and writes them, the WSGI and ASGI sides consume and produce
them, the local gateway uses the same two in the other direction. They are named tuples rather than
dataclasses because one of each is made for every request, and a tuple is made several times faster.
"""

from typing import NamedTuple

Headers = tuple[tuple[str, str], ...]
"""Pairs in the order of the wire. Names are lower case; values hold bytes as latin-1, as HTTP does."""


class Request(NamedTuple):
    """An HTTP request, whichever event carried it."""

    method: str
    path: str
    """Percent-encoded, as the client sent it, after `mount`; starts with "/" or is empty."""
    query: str = ""
    """The query string without its "?", still encoded."""
    headers: Headers = ()
    """Cookies are in here as one `cookie` header, wherever the event kept them."""
    body: bytes = b""
    mount: str = ""
    """The part of the path in front of the app (a stage or base path), percent-encoded: "" or "/prod"."""
    scheme: str = "https"
    host: str = "localhost"
    """The name the client used, without a port."""
    port: int = 443
    client: str = ""
    """The client's address, from the part of the event that the client cannot write."""


class Response(NamedTuple):
    """An HTTP response as the app gave it."""

    status: int
    headers: Headers = ()
    """Several `set-cookie` pairs are several cookies: never joined."""
    body: bytes = b""
