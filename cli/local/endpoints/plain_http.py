"""The app behind https, the person before plain http: what either is told of the other.

On AWS every front end that is served here takes https alone, and production settings count on it: redirects
to https, secure cookies, checks of where a form came from. The local port speaks http, since no browser takes
a certificate of ours without a warning. So the app is told https, and what it says of its own address is put
back, for as long as it is this address and no other:

    to the app      x-forwarded-proto: https; `origin` and `referer` of our own pages begin with https://
    to the client   https://OUR-ADDRESS becomes http://OUR-ADDRESS in headers and in text, as it stands or as
                    JSON escapes it; cookies lose `Secure` where they may; no strict-transport-security

The host with its port stays as the client sent it. A response that was changed says so: x-lambdify-local.
What is compressed, streamed or encoded in other ways is left alone.
"""

import re
from functools import lru_cache

from lambdify.adapter.messages import Headers, Pair, Request, Response
from lambdify.adapter.wire import PORTS

CHANGED = "x-lambdify-local"
"""Header that names what was changed on the way to the client."""
_PAGE_HEADERS = {"origin", "referer"}
_HSTS = "strict-transport-security"
_TEXT = re.compile(r"\s*(text/|application/(json|javascript|xml|[\w.-]+\+(json|xml))\b)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\s*;\s*secure\s*(?=;|$)", re.IGNORECASE)
_NEEDS_SECURE = re.compile(
    r"\s*__(secure|host)-|.*;\s*(samesite\s*=\s*none|partitioned)\s*(;|$)", re.IGNORECASE
)
"""Cookies that no browser takes without `Secure`; with it, they take it from this machine over http, too:
https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy"""


def write_request(request: Request, **changes: str) -> Request:
    """The request as it would have come over https, with other changes that are made on the way."""
    own = re.compile(rf"http://{_whole_address(_address(request))}", re.IGNORECASE)
    headers = request.headers
    if any(name in _PAGE_HEADERS for name, _ in headers):
        headers = tuple(
            [
                (name, own.sub(_to_https, value, 1) if name in _PAGE_HEADERS else value)
                for name, value in headers
            ]
        )
    port = request.port if _has_port(request) else PORTS["https"]
    return request._replace(scheme="https", port=port, headers=headers, **changes)


def read_headers(headers: Headers, request: Request) -> Headers:
    """The headers of a response as a client of plain http can use them; one says what was changed."""
    patterns = _own_url_patterns(_address(request))
    found: list[Pair] = []
    changed: list[str] = []
    for name, value in headers:
        new = patterns[0].sub(r"http\1", value) if "https" in value.lower() else value
        if name == "set-cookie" and not _NEEDS_SECURE.match(value):
            new = _ATTRIBUTE.sub("", new)
        if name == _HSTS or new != value:
            changed.append(name)
        if name != _HSTS:
            found.append((name, new))
    if changed:
        found.append((CHANGED, f"https is http here: {', '.join(dict.fromkeys(changed))}"))
    return tuple(found)


def read_response(response: Response, request: Request) -> Response:
    """The response as a client of plain http can use it."""
    headers, body = response.headers, response.body
    fields = response.fields
    if b"https" in body and "content-encoding" not in fields and _TEXT.match(fields.get("content-type", "")):
        patterns = _own_url_patterns(_address(request))
        new = patterns[1].sub(rb"http\1", body)
        if new != body:
            found = read_headers(headers, request)
            changed = f"{value}, body" if (value := dict(found).get(CHANGED)) else "https is http here: body"
            kept = [pair for pair in found if pair[0] != CHANGED]
            return Response(response.status, (*kept, (CHANGED, changed)), new)
    if not any("https" in value.lower() or name in {"set-cookie", _HSTS} for name, value in headers):
        return response
    return Response(response.status, read_headers(headers, request), body)


def _address(request: Request) -> str:
    """Host and port as the app writes them into its own URLs."""
    return f"{request.host}:{request.port}" if _has_port(request) else request.host


def _has_port(request: Request) -> bool:
    return request.port not in PORTS.values()


def _to_https(found: "re.Match[str]") -> str:
    return f"https{found[0][4:]}"


def _whole_address(address: str) -> str:
    """A pattern for the address and nothing longer."""
    return rf"{re.escape(address)}(?![\w-]|[.:]\w)"


@lru_cache
def _own_url_patterns(address: str) -> tuple["re.Pattern[str]", "re.Pattern[bytes]"]:
    """Patterns for the app's own address with https, whose first group is what stays."""
    pattern = rf"https(:(?:\\?/){{2}}{_whole_address(address)})"
    return re.compile(pattern, re.IGNORECASE), re.compile(pattern.encode(), re.IGNORECASE)
