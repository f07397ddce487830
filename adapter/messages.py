"""The nouns everybody shares: what a client asked, what the app answered, and the event as an app gets it.

The first two are plain values. An event source reads and writes them, the WSGI and ASGI sides consume and
produce them, the local gateway uses the same two in the other direction. They are tuples whose positions have
names, since one of each is made for every request; written out here, since each class that `NamedTuple` makes
takes a tenth of a millisecond of every cold start.
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
"""Pairs in the order of the wire. Names are lower case; values hold bytes as latin-1, as HTTP does."""

UNRESERVED = b"abcdefghijklmnopqrstuvwxyz0123456789-._~ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TOKEN_CHARACTERS = UNRESERVED + b"!#$%&'*+^`|"
"""https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2"""

MAX_KEY_LENGTH = 2_000
"""Characters; the names of a browser's headers take 300."""


def remember(known: dict[Key, Result], key: Key, result: Result, room: int = 500) -> Result:
    """What was worked out by a name or a row of names that clients and apps send again and again; kept.

    All of it is forgotten when there is no more room, and what is unusually long is not kept: a client that
    makes names up takes neither memory nor more time than its own requests do.

    Plain dicts, and asked where they are used: a subclass with `__missing__` is half as fast.
    """
    if len(known) >= room:
        known.clear()
    if sum(map(len, key)) < MAX_KEY_LENGTH:
        known[key] = result
    return result


class Names:
    """A row of header names as an event spells them, in lower case, and where in it the ones are that matter.

    What an app's side works out of the names is kept here too, so that one look at them does for all.
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
        """Whether a name is no token. In lower case it might pass for one: the Kelvin sign is a k then."""
        self.row = tuple([name.lower() if not odd or is_token(name) else "" for name in given])
        at = {name: position for position, name in enumerate(self.row)}
        self.cookie = at.get("cookie")
        self.cookies = self.row.count("cookie")
        self.hops = at.get("x-forwarded-for")
        self.host = at.get("host")
        self.length = at.get("content-length")
        self.framed = "transfer-encoding" in at or self.row.count("content-length") > 1
        """Whether there is more than one word on the body's length: then none counts: here the body is whole
        (https://www.rfc-editor.org/rfc/rfc9112#section-6.3)."""
        self.odd = odd
        self.settled = self.length is None and self.cookies < 2 and not self.framed and not odd
        """Whether a request without a body may have these headers as they are."""
        self.port = at.get("x-forwarded-port")
        self.proto = at.get("x-forwarded-proto")
        self.template: dict[str, Any] | None = None
        """For WSGI: an environ to copy, with a place for each header."""
        self.keys: tuple[str, ...] | None = None
        """For WSGI: the keys of those places; None if it is not one for each header."""
        self.encoded: tuple[bytes, ...] | None = None
        """For ASGI."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self.row == other.row

    def __hash__(self) -> int:
        return hash(self.row)


NAMES: dict[tuple[str, ...], Names] = {}


ROOM_FOR_NAMES = 800_000
"""Bytes of all rows that are kept, some hundred of a browser's."""


def find_names(given: tuple[str, ...]) -> Names:
    """What there is to know of a row of names."""
    try:
        return NAMES[given]
    except KeyError:
        names = Names(given)
    if names.odd or _estimate_size(given) > ROOM_FOR_NAMES // 10:
        return names
    if sum(map(_estimate_size, NAMES)) + _estimate_size(given) > ROOM_FOR_NAMES:
        NAMES.clear()
    NAMES[given] = names
    return names


def _estimate_size(given: tuple[str, ...]) -> int:
    """Bytes, about, of a row and all that is worked out of it: four texts for each name, and a map."""
    return 4 * sum(map(len, given)) + 280 * len(given) + 1_500


def is_token(name: str) -> bool:
    """Whether this is the name of a header."""
    return bool(name) and not name.encode(errors="surrogatepass").translate(None, TOKEN_CHARACTERS)


def _field(position: int) -> Any:
    return property(itemgetter(position))


class Request(tuple[str, str, str, Names, tuple[str, ...], bytes, str, str, str, int, str, int]):
    """An HTTP request, whichever event carried it.

    It holds its headers as a row of names and a row of values: clients and front ends use the same few rows
    of names again and again, so what follows from the names alone is worked out once, not for each header.
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
    """The name the client used, without a port, or the front door's own; an address without brackets."""
    port: int = _field(9)
    client: str = _field(10)
    """The client's address, from the part of the event that the client cannot write."""
    client_port: int = _field(11)
    """The client's port; 0 where nobody tells it."""

    @property
    def headers(self) -> Headers:
        """The headers as pairs. Cookies are one `cookie` header, wherever the event kept them."""
        return tuple(zip(self[3].row, self[4], strict=True))

    def _replace(self, **changes: Any) -> Request:
        """The same request, but for what is named."""
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
    """An HTTP response as the app gave it.

    It holds its headers as a map, as most payloads take them, and where a name is repeated as pairs too.
    """

    __slots__ = ()

    def __new__(cls, status: int, headers: Headers = (), body: bytes = b"") -> Self:
        fields = dict(headers)
        return tuple.__new__(cls, (status, fields, headers if len(fields) < len(headers) else (), body))

    status: int = _field(0)
    fields: dict[str, str] = _field(1)
    """Each name with its value, the last one of several. Whoever writes into it takes a copy."""
    repeated: Headers = _field(2)
    """The headers as pairs if a name is repeated: `fields` does not tell all of them. Else empty."""
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
        """The same response, but for what is named."""
        fields: dict[str, Any] = {"status": self[0], "headers": self.headers, "body": self[3]}
        return Response(**(fields | changes))

    def __repr__(self) -> str:
        return f"Response(status={self[0]!r}, headers={self.headers!r}, body={self[3]!r})"


class Event:
    """Lambda's event as an app finds it in environ or scope: read as a dict is, shown to nobody.

    Error reporters print environ with all that is in it: Django's mails and debug page, Sentry, a debugger.
    They know what to hide of a server's environ; the event has the cookies and the body of the request again
    (https://docs.djangoproject.com/en/stable/howto/error-reporting/#filtering-sensitive-information). So it
    is printed, pickled and logged as a word, and is no Mapping by `isinstance`: serialisers walk those.
    `dict(event)` is for those who mean it.
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
        """What stands under the key, else the default."""
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
        return str, (repr(self),)  # what has left the process is no longer the app's alone

    def __copy__(self) -> Event:
        return hide(self._event)

    def __deepcopy__(self, memo: dict[int, Any]) -> Event:
        from copy import deepcopy

        return hide(deepcopy(self._event, memo))


def hide(event: dict[str, Any]) -> Event:
    """The event as an app gets it."""
    hidden = Event()
    hidden._event = event
    return hidden


Event.__slots__ = ()  # type: ignore[assignment]  # the place stays; what walks slots finds none
