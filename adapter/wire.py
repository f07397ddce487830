"""What HTTP looks like on the wire, for everybody who reads or writes events and payloads.

Rules
1. Paths and queries stay percent-encoded in a Request; only the app's side decodes, once
   (https://www.rfc-editor.org/rfc/rfc3986#section-2.4).
2. A mount is split off on a segment boundary: stage `dev` is no part of `/developer`.
3. Header names are lower case, values hold bytes as latin-1; a value that a front end decoded as UTF-8 is
   turned back into its bytes (https://peps.python.org/pep-3333/#unicode-issues).
4. A request has one `cookie` header, last where it had to be put together, and a `content-length` that is
   true.
5. A response header with CR, LF or NUL is refused (https://www.rfc-editor.org/rfc/rfc9110#section-5.5), what
   concerns only one connection is left out, and `content-length` is right or absent.
6. Scheme, port and (at a load balancer) the client are read from the last `x-forwarded-*` value: AWS writes
   that one, what stands before it came from the client.
"""

from binascii import a2b_hex
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from lambdify.adapter import bodies
from lambdify.adapter.errors import MALFORMED, PayloadRefused, ResponseRefused
from lambdify.adapter.messages import Request, Response

Pair = tuple[str, str]
Name = TypeVar("Name", str, bytes)

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
PATH_CHARACTERS = UNRESERVED | frozenset("!$&'()*+,;=:@/")
TOKEN_CHARACTERS = UNRESERVED | frozenset("!#$%&'*+^`|")

CONNECTION_ONLY = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"))
"""https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1"""

NO_CONTENT = (204, 205)
"""https://www.rfc-editor.org/rfc/rfc9110#section-15.3.5"""
BODILESS = (*NO_CONTENT, 304)

PORTS = {"http": 80, "https": 443}


def quote(text: str, safe: frozenset[str] = PATH_CHARACTERS) -> str:
    """Decoded text, percent-encoded; characters of `safe` stay."""
    if safe.issuperset(text):
        return text
    return "".join(c if c in safe else "".join(f"%{byte:02X}" for byte in c.encode()) for c in text)


def unquote(text: str) -> bytes:
    """The bytes that percent-encoded text stands for; a broken escape stays as it is."""
    if "%" not in text:
        return text.encode()
    first, *rest = text.encode().split(b"%")
    decoded = [first]
    for part in rest:
        try:
            decoded.append((a2b_hex(part[:2]) or b"%") + part[2:])
        except ValueError:
            decoded.append(b"%" + part)
    return b"".join(decoded)


def to_ascii(encoded: str) -> str:
    """Percent-encoded text whose sender left non-ASCII characters as they are, with those encoded too."""
    return encoded if encoded.isascii() else "".join(c if c.isascii() else quote(c) for c in encoded)


def decode(encoded: str, encoding: str) -> str:
    """What percent-encoded ASCII stands for, as text of that encoding."""
    return unquote(encoded).decode(encoding, "replace") if "%" in encoded else encoded


def split_query(query: str) -> list[Pair]:
    """Keys and values in order, still encoded; a key without "=" has the value ""."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(key, value) for key, _, value in pairs]


def decode_query(query: str) -> list[Pair]:
    """Keys and values in order, decoded as a form is."""
    return [(_decode_field(key), _decode_field(value)) for key, value in split_query(query)]


def split_mount(path: str, mount: str) -> tuple[str, str]:
    """(mount, rest of the path) if the path lies under the mount, else ("", path)."""
    if mount and path.startswith(mount) and path[len(mount) : len(mount) + 1] in ("", "/"):
        return mount, path[len(mount) :]
    return "", path


def read_headers(fields: dict[str, Any]) -> list[Pair]:
    """The headers of an event or payload, from its multi-value map if it has one."""
    return _read_headers(fields)[0]


def read_query(event: dict[str, Any], encode: Callable[[str], str]) -> str:
    """The query string of an event that has only maps of it, from its multi-value map if it has one."""
    several = event.get("multiValueQueryStringParameters")
    if several is None:
        several = {key: [value] for key, value in (event.get("queryStringParameters") or {}).items()}
    fields = [f"{encode(key)}={encode(value)}" for key, values in several.items() for value in values]
    return "&".join(fields)


def read_response(payload: object, cookies: Iterable[str] = ()) -> Response:
    """The response that AWS would send for what a function returned; PayloadRefused if it would send none."""
    if not isinstance(payload, dict):
        raise PayloadRefused(
            f"a function has to return an object with statusCode, not {type(payload).__name__}"
        )
    try:
        headers = [*read_headers(payload), *(("set-cookie", cookie) for cookie in cookies)]
        body = bodies.read(payload.get("body"), payload.get("isBase64Encoded"))
        return Response(int(payload["statusCode"]), tuple(headers), body)
    except MALFORMED as error:
        raise PayloadRefused(f"what the function returned is not a response: {error!r}") from error


def to_latin1(value: str) -> str:
    """A header value as latin-1, from one that may have been decoded as UTF-8."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode().decode("latin-1")
    return value


def group(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Every name with its values in order: a multi-value map."""
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def join(pairs: Collection[Pair], separator: str = ",") -> dict[str, str]:
    """Every name with its values in one string: a single-value map."""
    joined = dict(pairs)
    if len(joined) == len(pairs):
        return joined
    return {name: separator.join(values) for name, values in group(pairs).items()}


def build_request(
    event: dict[str, Any],
    *,
    method: str,
    path: str,
    query: str,
    mount: str = "",
    client: str | None = None,
    host: str = "localhost",
    cookies: list[str] | None = None,
) -> Request:
    """The Request of an event, from what its source alone knows and from what all events have alike.

    `client` is the last hop of x-forwarded-for where the event names none, `host` counts where there is no
    host header, and `cookies` counts before the cookie header, which a function URL sends as well.
    """
    text = event.get("body")
    body = bodies.read(text, event.get("isBase64Encoded")) if text else b""
    pairs, found = _read_headers(event)
    length = str(len(body)) if body or "content-length" in found else ""
    if found.get("content-length", "") != length:
        pairs = [*_leave_out("content-length", pairs, found), ("content-length", length)]
    if cookies is None and len(found) < len(pairs):  # some name is repeated
        cookies = [value for name, value in pairs if name == "cookie"]
    if cookies:
        pairs = [*_leave_out("cookie", pairs, found), ("cookie", "; ".join(cookies))]
    scheme, host, port = _find_origin(
        found.get("x-forwarded-proto", ""), found.get("host") or host, found.get("x-forwarded-port", "")
    )
    return Request(
        method,
        path if path.isascii() else to_ascii(path),
        query if query.isascii() else to_ascii(query),
        tuple(pairs),
        body,
        mount,
        scheme,
        host,
        port,
        _last(found.get("x-forwarded-for", "")) if client is None else client,
    )


def _leave_out(name: str, pairs: list[Pair], found: dict[str, str]) -> list[Pair]:
    return [pair for pair in pairs if pair[0] != name] if name in found else pairs


@lru_cache(maxsize=100)  # a function has few names
def _find_origin(scheme: str, host: str, port: str) -> tuple[str, str, int]:
    """Scheme, name and port that the client used, from the headers that say them."""
    scheme = "http" if _last(scheme) == "http" else "https"
    name, given = _split_host(host)
    port = given or _last(port)
    return scheme, name, int(port) if port.isdecimal() else PORTS[scheme]


def forward(request: Request) -> list[Pair]:
    """The headers of a request as AWS's front ends hand them on: with its host and x-forwarded-*.

    Once forwarded, a request stays the same when it is forwarded again.
    """
    usual = request.port == PORTS[request.scheme]
    hops = [value for name, value in request.headers if name == "x-forwarded-for"]
    if request.client and _last(",".join(hops)) != request.client:
        hops.append(request.client)
    added = {
        "host": request.host if usual else f"{request.host}:{request.port}",
        "x-forwarded-for": ", ".join(hops),
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": request.scheme,
    }
    kept = [pair for pair in request.headers if pair[0] not in added]
    return kept + [pair for pair in added.items() if pair[1]]


def build_response(method: str, status: int, headers: Iterable[Pair], body: bytes | None) -> Response:
    """The Response for what an app gave, or ResponseRefused if no client may be sent that.

    With None for a body that is still to come, content-length is taken at its word.
    """
    if not 200 <= status <= 599:
        raise ResponseRefused(f"{status} is not the status of an answer (200 to 599)")
    # Of HEAD and 304, content-length tells what a GET would bring (RFC 9110, 8.6); with 204 it may not stand.
    length: str | None = ""
    if status not in NO_CONTENT:
        length = None if body is None or method == "HEAD" or status == 304 else str(len(body))
    checked = []
    for given, value in headers:
        name = _check_name(given)
        if not (value.isascii() and value.isprintable()):
            _check_value(name, value)
        if name and (name != "content-length" or length is None or length == value):
            checked.append((name, value))
    return Response(status, tuple(checked), body if body and length else b"")


class Names(dict[str, Name]):
    """What becomes of each header name, worked out once: clients and front ends use the same few again and
    again. Only the first thousand are kept, since a client can make up names.
    """

    def __init__(self, work_out: Callable[[str], Name]) -> None:
        super().__init__()
        self._work_out: Callable[[str], Name] = work_out

    def __missing__(self, name: str) -> Name:
        result = self._work_out(name)
        if len(self) < 1_000:
            self[name] = result
        return result


LOWER = Names(str.lower)


def _read_headers(fields: dict[str, Any]) -> tuple[list[Pair], dict[str, str]]:
    """The headers in order, and by name; the latter may be the map in `fields` itself."""
    several = fields.get("multiValueHeaders")
    if several:
        pairs = [(LOWER[name], value) for name, values in several.items() for value in values]
        found = dict(pairs)
    else:
        found = fields.get("headers") or {}
        pairs = list(found.items())
        # One look at all names and one at all values, since there is hardly ever anything to do.
        names = "".join(found)
        if names != names.lower():
            pairs = [(name.lower(), value) for name, value in pairs]
            found = dict(pairs)
    if not "".join(found.values()).isascii() or len(found) < len(pairs):
        pairs = [(name, to_latin1(value)) for name, value in pairs]
        found = dict(pairs)
    return pairs, found


@lru_cache(maxsize=500)  # apps use the same few names again and again
def _check_name(name: str) -> str:
    """The name in lower case, or "" for one that concerns only one connection."""
    lower = name.lower()
    if not lower or not TOKEN_CHARACTERS.issuperset(lower):
        raise ResponseRefused(f"{lower[:80]!r} is not the name of a header")
    return "" if lower in CONNECTION_ONLY else lower


def _check_value(name: str, value: str) -> None:
    if any(character in value for character in "\r\n\0"):
        raise ResponseRefused(f"the header {name} holds CR, LF or NUL")
    if not value.isascii() and max(value) > "\xff":
        raise ResponseRefused(f"the header {name} holds characters that are not latin-1")


def _decode_field(field: str) -> str:
    return unquote(field.replace("+", " ")).decode("utf-8", "replace")


def _last(values: str) -> str:
    return values.rpartition(",")[2].strip()


def _split_host(host: str) -> tuple[str, str]:
    """Name and port of "name:port" or "[::1]:port"; the port may be ""."""
    name, _, port = host.rpartition(":")
    return (name, port) if port.isdecimal() and not name.endswith(":") else (host, "")
