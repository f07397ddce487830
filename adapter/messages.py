"""The shared types: Request, Response, and the Event that an app gets.

Request and Response are plain values. An event source reads and writes them, the WSGI and ASGI sides consume
and produce them, and the local gateway uses both in the other direction. They are tuples with named
positions, since one of each is made for every request. They are written out by hand, since each class that
`NamedTuple` makes takes a tenth of a millisecond of every cold start.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
    from typing import Self, TypeVar

    Key = TypeVar("Key", bound="str | tuple[str, ...]")
    Result = TypeVar("Result")

Pair = tuple[str, str]
Headers = tuple[Pair, ...]
"""Pairs in the order of the wire. Names are in lower case; values hold bytes as latin-1, as in HTTP."""

UNRESERVED = b"abcdefghijklmnopqrstuvwxyz0123456789-._~ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TOKEN_CHARACTERS = UNRESERVED + b"!#$%&'*+^`|"
"""https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2"""

MAX_KEY_LENGTH = 2_000
"""Characters of a key that is remembered; the names of a browser's headers take 300."""


def remember(known: dict[Key, Result], key: Key, result: Result, room: int = 500) -> Result:
    """Cache the result for a key, which is a name or a row of names that comes again and again; return it.

    The cache is cleared when it has `room` entries, and unusually long keys are not cached. So a client that
    makes names up takes no memory, and no time but that of its own requests.

    The caches are plain dicts, which callers look up themselves: a subclass with `__missing__` is half as
    fast.
    """
    if len(known) >= room:
        known.clear()
    if sum(map(len, key)) < MAX_KEY_LENGTH:
        known[key] = result
    return result


class Names:
    """The header names of an event, in lower case, with the positions of important ones.

    It also caches what the WSGI and ASGI sides derive from the names, so that they do it once.
    """

    __slots__ = (
        "cookie",
        "cookies",
        "encoded",
        "framed",
        "hops",
        "host",
        "keys",
        "length",
        "odd",
        "port",
        "proto",
        "row",
        "settled",
        "template",
    )

    def __init__(self, given: tuple[str, ...]) -> None:
        odd = not all(given) or bool(
            "".join(given).encode(errors="surrogatepass").translate(None, TOKEN_CHARACTERS)
        )
        """Whether a name is no token. Lower case could make it one: the Kelvin sign becomes a k."""
        self.row = tuple([name.lower() if not odd or is_token(name) else "" for name in given])
        at = {name: position for position, name in enumerate(self.row)}
        self.cookie = at.get("cookie")
        self.cookies = self.row.count("cookie")
        self.hops = at.get("x-forwarded-for")
        self.host = at.get("host")
        self.length = at.get("content-length")
        self.framed = "transfer-encoding" in at or self.row.count("content-length") > 1
        """Whether several headers give the body's length. Then none counts, since the body here is whole
        (https://www.rfc-editor.org/rfc/rfc9112#section-6.3)."""
        self.odd = odd
        self.settled = self.length is None and self.cookies < 2 and not self.framed and not odd
        """Whether a request without a body can use these headers unchanged."""
        self.port = at.get("x-forwarded-port")
        self.proto = at.get("x-forwarded-proto")
        self.template: dict[str, Any] | None = None
        """For WSGI: an environ to copy, with a key for each header."""
        self.keys: tuple[str, ...] | None = None
        """For WSGI: the keys of the headers; None if some headers share a key, or have none."""
        self.encoded: tuple[bytes, ...] | None = None
        """For ASGI: the names as bytes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self.row == other.row

    def __hash__(self) -> int:
        return hash(self.row)


NAMES: dict[tuple[str, ...], Names] = {}
_names_size = 0
"""The estimated bytes of NAMES, counted: adding them up took six times as long as reading a new row."""


ROOM_FOR_NAMES = 800_000
"""Bytes of all cached rows: enough for some hundred rows of browsers."""


def find_names(given: tuple[str, ...]) -> Names:
    """Return the Names of a row of header names, from the cache if it is there."""
    try:
        return NAMES[given]
    except KeyError:
        names = Names(given)
    size = _estimate_size(given)
    if names.odd or size > ROOM_FOR_NAMES // 10:
        return names
    global _names_size
    _names_size += size
    if _names_size > ROOM_FOR_NAMES:
        NAMES.clear()
        _names_size = size
    NAMES[given] = names
    return names


def _estimate_size(given: tuple[str, ...]) -> int:
    """Estimate the bytes of a row and of all that is derived from it: four texts for each name, and a map."""
    return 4 * sum(map(len, given)) + 280 * len(given) + 1_500


def is_token(name: str) -> bool:
    """Return whether a text can be the name of a header."""
    return bool(name) and not name.encode(errors="surrogatepass").translate(None, TOKEN_CHARACTERS)


def _field(position: int) -> Any:
    return property(itemgetter(position))


class Request(tuple[str, str, str, Names, tuple[str, ...], bytes, str, str, str, int, str, int]):
    """An HTTP request, from whatever kind of event.

    It holds its headers as a row of names and a row of values. Clients and front ends use the same few rows
    of names again and again, so all that depends on the names alone is done once for each row.
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
        client_port: int = 0,
    ) -> Self:
        row, values = tuple(zip(*headers, strict=True)) or ((), ())
        names = find_names(row)
        fields = (method, path, query, names, values, body, mount, scheme, host, port, client, client_port)
        return tuple.__new__(cls, fields)

    method: str = _field(0)
    path: str = _field(1)
    """Percent-encoded, as the client sent it, after `mount`; starts with "/" or is empty."""
    query: str = _field(2)
    """The query string without its "?", still encoded."""
    names: Names = _field(3)
    values: tuple[str, ...] = _field(4)
    body: bytes = _field(5)
    mount: str = _field(6)
    """The part of the path in front of the app (a stage or base path), percent-encoded: "" or "/prod"."""
    scheme: str = _field(7)
    host: str = _field(8)
    """The server's name in the request, without a port; else the front end's. An address has no brackets."""
    port: int = _field(9)
    client: str = _field(10)
    """The client's address, from the part of the event that the client cannot write."""
    client_port: int = _field(11)
    """The client's port; 0 if it is not known."""

    @property
    def headers(self) -> Headers:
        """The headers as pairs. Cookies are one `cookie` header, wherever the event kept them."""
        return tuple(zip(self[3].row, self[4], strict=True))

    def _replace(self, **changes: Any) -> Request:
        """Return a copy with other values in the named fields."""
        return Request(**({name: getattr(self, name) for name in REQUEST_FIELDS} | changes))

    def __repr__(self) -> str:
        return f"Request({', '.join(f'{name}={getattr(self, name)!r}' for name in REQUEST_FIELDS)})"


REQUEST_FIELDS = (
    "method",
    "path",
    "query",
    "headers",
    "body",
    "mount",
    "scheme",
    "host",
    "port",
    "client",
    "client_port",
)


class Response(tuple[int, dict[str, str], Headers, bytes]):
    """An HTTP response of the app.

    It holds its headers as a map, which most payloads need, and if a name is repeated also as pairs.
    """

    __slots__ = ()

    def __new__(cls, status: int, headers: Headers = (), body: bytes = b"") -> Self:
        fields = dict(headers)
        return tuple.__new__(cls, (status, fields, headers if len(fields) < len(headers) else (), body))

    status: int = _field(0)
    fields: dict[str, str] = _field(1)
    """Each name with its value, or the last of several values. Code that changes the map copies it."""
    repeated: Headers = _field(2)
    """All headers as pairs if a name is repeated, since `fields` then lacks some; else empty."""
    body: bytes = _field(3)

    @property
    def headers(self) -> Headers:
        """The headers as pairs. Several `set-cookie` pairs are several cookies: never joined."""
        return self[2] or tuple(self[1].items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Response) and self._as_tuple() == other._as_tuple()

    def __ne__(self, other: object) -> bool:  # a tuple has its own
        return not self == other

    def __hash__(self) -> int:
        return hash(self._as_tuple())

    def _as_tuple(self) -> tuple[int, Headers, bytes]:
        return self[0], self.headers, self[3]

    def _replace(self, **changes: Any) -> Response:
        """Return a copy with other values in the named fields."""
        fields: dict[str, Any] = {"status": self[0], "headers": self.headers, "body": self[3]}
        return Response(**(fields | changes))

    def __repr__(self) -> str:
        return f"Response(status={self[0]!r}, headers={self.headers!r}, body={self[3]!r})"


class Event:
    """Lambda's event as an app finds it in environ or scope: reads like a dict, prints as a word.

    Error reporters print the whole environ: Django's mails and debug page, Sentry, a debugger. They hide the
    secrets of a server's environ, but the event holds the cookies and the body of the request once more
    (https://docs.djangoproject.com/en/stable/howto/error-reporting/#filtering-sensitive-information). So an
    Event is printed, pickled and logged as a word. It is no Mapping for `isinstance`, since serialisers read
    those. `dict(event)` gives the content.
    """

    __slots__ = ("_event",)
    _event: dict[str, Any]

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name != "_event"]

    def __getitem__(self, key: str) -> Any:
        return self._event[key]

    def __contains__(self, key: object) -> bool:
        return key in self._event

    def __iter__(self) -> Iterator[str]:
        return iter(self._event)

    def __len__(self) -> int:
        return len(self._event)

    def __eq__(self, other: object) -> bool:
        return self._event == (other._event if isinstance(other, Event) else other)

    __hash__ = None  # type: ignore[assignment]  # as of a dict

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of the key, else the default."""
        return self._event.get(key, default)

    def keys(self) -> KeysView[str]:
        """As a dict's."""
        return self._event.keys()

    def values(self) -> ValuesView[Any]:
        """As a dict's."""
        return self._event.values()

    def items(self) -> ItemsView[str, Any]:
        """As a dict's."""
        return self._event.items()

    def __repr__(self) -> str:
        from lambdify.adapter import event_sources

        name = getattr(event_sources.find(self._event), "__name__", "")
        return f"<event of {name.rpartition('.')[2]}>" if name else "<event>"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (repr(self),)  # a pickle may leave the process, so it holds no content

    def __copy__(self) -> Event:
        return hide(self._event)

    def __deepcopy__(self, memo: dict[int, Any]) -> Event:
        from copy import deepcopy

        return hide(deepcopy(self._event, memo))


def hide(event: dict[str, Any]) -> Event:
    """Return the event as an app gets it."""
    hidden = Event()
    hidden._event = event
    return hidden


Event.__slots__ = ()  # type: ignore[assignment]  # the slot stays, but code that reads __slots__ finds none
