"""The rules of HTTP that all readers and writers of events and payloads share.

Rules
1. Paths and queries stay percent-encoded in a Request; only the app's side decodes, once
   (https://www.rfc-editor.org/rfc/rfc3986#section-2.4).
2. A mount is split off on a segment boundary: stage `dev` is no part of `/developer`.
3. Header names are in lower case, values hold bytes as latin-1; a value that a front end decoded as UTF-8 is
   turned back into its bytes (https://peps.python.org/pep-3333/#unicode-issues).
4. Invalid header names are left out. A request has one `cookie` header and the true `content-length`, since
   the body is always whole.
5. A response header with CR, LF or NUL is refused (https://www.rfc-editor.org/rfc/rfc9110#section-5.5),
   hop-by-hop headers are left out, and `content-length` is right or absent.
6. A host header without a valid host (https://www.rfc-editor.org/rfc/rfc9110#section-7.2) is passed on as it
   is, but the server's name is then the front end's.
7. Scheme, port and (at a load balancer) the client come from the last `x-forwarded-*` value, which AWS
   writes; the values before it come from the client.
"""

from __future__ import annotations

from binascii import a2b_hex
from typing import TYPE_CHECKING, Any

from lambdify.adapter import bodies
from lambdify.adapter.messages import NAMES, UNRESERVED, Request, Response, find_names, is_token, remember

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lambdify.adapter.errors import ResponseRefused
    from lambdify.adapter.messages import Headers, Names, Pair

PATH_CHARACTERS = UNRESERVED + b"!$&'()*+,;=:@/"
NAME_CHARACTERS = UNRESERVED + b"!$&'()*+,;=%"

CONNECTION_ONLY = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"))
"""https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1"""

NO_CONTENT = (204, 205)
"""https://www.rfc-editor.org/rfc/rfc9110#section-15.3.5"""
BODILESS = (*NO_CONTENT, 304)

PORTS = {"http": 80, "https": 443}

make = tuple.__new__


def quote(text: str, safe: bytes = PATH_CHARACTERS) -> str:
    """Return decoded text percent-encoded; characters of `safe` stay."""
    encoded = text.encode()
    if not encoded.rstrip(safe):  # all characters are safe, as in most texts
        return text
    return "".join([chr(byte) if byte in safe else f"%{byte:02X}" for byte in encoded])


def unquote(text: str) -> bytes:
    """Return the bytes of percent-encoded text; a broken escape stays as it is."""
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
    """Return percent-encoded text with its non-ASCII characters encoded, too; some senders leave them."""
    return encoded if encoded.isascii() else "".join(c if c.isascii() else quote(c) for c in encoded)


def decode(encoded: str, encoding: str) -> str:
    """Return percent-encoded ASCII decoded, as text of that encoding."""
    return unquote(encoded).decode(encoding, "replace") if "%" in encoded else encoded


def split_mount(path: str, mount: str) -> tuple[str, str]:
    """Return (mount, rest of the path) if the path lies under the mount, else ("", path)."""
    if mount and path.startswith(mount) and path[len(mount) : len(mount) + 1] in ("", "/"):
        return mount, path[len(mount) :]
    return "", path


def read_query(event: dict[str, Any], *, decoded: bool) -> str:
    """Return the query string of an event that has only maps, from its multi-value map if it has one.

    If the front end has `decoded` it, all but the unreserved characters are encoded again.
    """
    several = event.get("multiValueQueryStringParameters")
    if several is None:
        single = event.get("queryStringParameters") or {}
        fields = [key + "=" + value for key, value in single.items()]
    else:
        fields = [key + "=" + value for key, values in several.items() for value in values]
    query = "&".join(fields)
    # If all characters are unreserved, only the separators remain without them.
    if not decoded or len(query.encode().translate(None, UNRESERVED)) < 2 * len(fields):
        return query
    if several is None:
        several = {key: [value] for key, value in single.items()}
    encoded = {quote(key, UNRESERVED): values for key, values in several.items()}
    fields = [f"{key}={quote(value, UNRESERVED)}" for key, values in encoded.items() for value in values]
    return "&".join(fields)


def to_latin1(value: str) -> str:
    """Return a header value as latin-1; it may have been decoded as UTF-8."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode().decode("latin-1")
    return value


def group(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Return a multi-value map: every name with its values in order."""
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in grouped:
            grouped[name].append(value)
        else:
            grouped[name] = [value]
    return grouped


def join(pairs: Collection[Pair], separator: str = ",") -> dict[str, str]:
    """Return a single-value map: every name with its values in one string."""
    joined = dict(pairs)
    if len(joined) == len(pairs):
        return joined
    return {name: separator.join(values) for name, values in group(pairs).items()}


def build_request(
    event: dict[str, Any],
    method: str,
    path: str,
    query: str,
    mount: str = "",
    client: str | None = None,
    host: str = "",
    cookies: list[str] | None = None,
) -> Request:
    """Return the Request of an event, from the arguments, which differ by event source, and the common
    fields.

    Without `client`, the client is the last hop of x-forwarded-for. `host` is the front end's name, for
    requests without a valid host header. `cookies` win over the cookie header, which a function URL sends,
    too.
    """
    text = event.get("body")
    body = bodies.read(text, event.get("isBase64Encoded")) if text else b""
    several = event.get("multiValueHeaders")
    if several:
        given, values = _flatten(several)
    else:
        single = event.get("headers") or {}
        if not cookies:
            given, values = tuple(single), tuple(single.values())
        elif "cookie" not in single:
            given, values = (*single, "cookie"), (*single.values(), "; ".join(cookies))
        else:
            given, values = tuple(single), tuple((single | {"cookie": "; ".join(cookies)}).values())
    try:
        names = NAMES[given]  # saves the call for known rows
    except KeyError:
        names = find_names(given)
    if not "".join(values).isascii():
        values = tuple([to_latin1(value) for value in values])
    if body or not names.settled:
        names, values = _normalize_headers(names, values, body, cookies)
    origin = (
        "" if names.proto is None else values[names.proto],
        "" if names.host is None else values[names.host],
        "" if names.port is None else values[names.port],
    )
    try:
        scheme, name, port = ORIGINS[origin]
    except KeyError:
        scheme, name, port = remember(ORIGINS, origin, _find_origin(origin), 100)
    if not name:
        _, name, port = _find_origin((scheme, host, origin[2]))
        name = name or "localhost"
    client_port = 0
    if client is None:
        client, client_port = find_client("" if names.hops is None else values[names.hops])
    if not path.isascii():
        path = to_ascii(path)
    if not query.isascii():
        query = to_ascii(query)
    # The rest of Request.__new__; its work with pairs is done already.
    fields = (method, path, query, names, values, body, mount, scheme, name, port, client, client_port)
    return make(Request, fields)


def build_response(method: str, status: int, headers: Iterable[Pair], body: bytes | None) -> Response:
    """Return the Response of an app. Raises ResponseRefused if it cannot be sent to a client.

    `body` is None if it is still to come; then the app's content-length counts.
    """
    if status == 200 and method != "HEAD" and body is not None:
        length: str | None = str(len(body))
    else:
        length = _find_length(method, status, body)
    if type(headers) is not list:
        headers = list(headers)
    fields: dict[str, str] = {}
    said = ""
    for given, value in headers:
        try:
            fields[LOWERED[given]] = value
        except KeyError:
            if name := _find_name(given):
                fields[name] = value
        said += value
    if not said.isascii() or "\n" in said or "\r" in said or "\0" in said:
        _check_values(headers)
    if len(said) > bodies.ROOM_FOR_HEADERS:
        raise _refuse(f"its headers take {len(said):,} bytes, more than any front end lets through")
    repeated: Headers = ()
    if len(fields) < len(headers):
        pairs = [(_find_name(given), value) for given, value in headers]
        repeated = tuple(
            [
                (name, value)
                for name, value in pairs
                if name and (name != "content-length" or _is_length(value, length))
            ]
        )
        fields = dict(repeated)
        if "content-length" in fields:  # only once, even if the app repeats it
            others = [pair for pair in repeated if pair[0] != "content-length"]
            repeated = (*others, ("content-length", fields["content-length"]))
    elif "content-length" in fields and not (
        fields["content-length"] == length or _is_length(fields["content-length"], length)
    ):
        del fields["content-length"]
    return make(Response, (status, fields, repeated, body if body and length else b""))


def _find_length(method: str, status: int, body: bytes | None) -> str | None:
    """Return the right content-length: None for any number, "" for none. Raises ResponseRefused."""
    if not 200 <= status <= 599:
        raise _refuse(f"{status} is not the status of an answer (200 to 599)")
    if status in NO_CONTENT:
        return ""
    # For HEAD and 304 it is that of a GET: https://www.rfc-editor.org/rfc/rfc9110#section-8.6
    return None if body is None or method == "HEAD" or status == 304 else str(len(body))


def _is_length(value: str, length: str | None) -> bool:
    """Return whether a content-length is right: equal to `length`, or any number if that is None."""
    return value.isascii() and value.isdecimal() if length is None else value == length


def _find_origin(headers: tuple[str, str, str]) -> tuple[str, str, int]:
    """Return scheme, name and port that the client used, from headers; the name is "" if host is invalid."""
    proto, host, port = headers
    scheme = "http" if last(proto) == "http" else "https"
    name, given = split_authority(host)
    if given is None:
        given = _read_port(last(port))
    return scheme, name, PORTS[scheme] if given is None else given


ORIGINS: dict[tuple[str, str, str], tuple[str, str, int]] = {}


def _flatten(several: dict[str, list[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and values of a multi-value map; a name is repeated for each of its values."""
    try:
        return tuple(several), tuple([value for (value,) in several.values()])
    except ValueError:  # some name is repeated
        pairs = [(name, value) for name, values in several.items() for value in values]
        return tuple([name for name, _ in pairs]), tuple([value for _, value in pairs])


def _normalize_headers(
    names: Names, values: tuple[str, ...], body: bytes, cookies: list[str] | None
) -> tuple[Names, tuple[str, ...]]:
    """Drop invalid headers, correct content-length, and join cookie headers; `cookies` win over those."""
    if names.odd:
        pairs = [pair for pair in zip(names.row, values, strict=True) if pair[0]]
        names, values = find_names(tuple([name for name, _ in pairs])), tuple([value for _, value in pairs])
    if body or names.length is not None or names.framed:
        length = str(len(body))
        if names.framed or names.length is None or values[names.length] != length:
            names, values = _put_last(names, values, "content-length", length)
    if names.cookies > 1:
        several = cookies or [
            value for name, value in zip(names.row, values, strict=True) if name == "cookie"
        ]
        names, values = _put_last(names, values, "cookie", "; ".join(several))
    return names, values


def _put_last(names: Names, values: tuple[str, ...], name: str, value: str) -> tuple[Names, tuple[str, ...]]:
    """Replace all headers of that name by one at the end, and drop transfer-encoding."""
    gone = (name, "transfer-encoding")
    kept = [pair for pair in zip(names.row, values, strict=True) if pair[0] not in gone]
    return find_names((*[name for name, _ in kept], name)), (*[value for _, value in kept], value)


LOWERED: dict[str, str] = {}
"""Cache: names of headers that a response may have, in lower case."""


def _find_name(given: str) -> str:
    """Return the name in lower case; "" for a hop-by-hop header. Raises ResponseRefused if it is invalid."""
    try:
        return LOWERED[given]
    except KeyError:
        name = given.lower()
    if not is_token(given):
        raise _refuse(f"{name[:80]!r} is not the name of a header")
    return "" if name in CONNECTION_ONLY else remember(LOWERED, given, name)


def _check_values(headers: Iterable[Pair]) -> None:
    """Raise ResponseRefused if a value cannot be sent."""
    for name, value in headers:
        if any(character in value for character in "\r\n\0"):
            raise _refuse(f"the header {name.lower()} holds CR, LF or NUL")
        if not value.isascii() and max(value) > "\xff":
            raise _refuse(f"the header {name.lower()} holds characters that are not latin-1")


def _refuse(why: str) -> ResponseRefused:
    from lambdify.adapter.errors import ResponseRefused

    return ResponseRefused(why)


def last(values: str) -> str:
    """Return the last of comma-separated values, which AWS has written."""
    return values.rpartition(",")[2].strip()


def find_client(hops: str) -> tuple[str, int]:
    """Return address and port of the last hop; the port is 0 if the load balancer does not add it."""
    hop = last(hops)
    if hop.startswith("["):
        address, _, port = hop[1:].partition("]")
        return address, _read_port(port[1:]) or 0
    address, _, port = hop.rpartition(":")
    return (address, _read_port(port) or 0) if address and ":" not in address else (hop, 0)


def split_authority(text: str) -> tuple[str, int | None]:
    """Return name and port of "name:port" or "[::1]:port", without the brackets; ("", None) for other text.

    Brackets must hold an address, and only the last label of a name may be empty
    (https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2).
    """
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        valid = _is_address(name) and "]" in text and colon in ("", ":")
    else:
        name, colon, port = text.partition(":")
        labels = name.removesuffix(".").split(".")
        valid = "" not in labels and not name.encode().translate(None, NAME_CHARACTERS)
    number = _read_port(port)
    return (name, number) if valid and (number is not None or not port) else ("", None)


def _read_port(text: str) -> int | None:
    """Return the number; None if it is no port. Python refuses to convert 5,000 digits, so we count them."""
    digits = text.lstrip("0")
    if not text.isascii() or not text.isdecimal() or len(digits) > 5 or int(digits or "0") > 65_535:
        return None
    return int(digits or "0")


def _is_address(text: str) -> bool:
    """Return whether a text is an IPv6 address."""
    import socket  # few clients use such an address, so only they wait for the import

    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return False
    return True
