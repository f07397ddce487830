"""Translates between the app, which sees https, and the client, which speaks plain http.

On AWS all front ends that are served here use https, and production settings rely on it: redirects to https,
secure cookies, checks of a form's origin. The local port speaks http, since browsers warn of a certificate of
our own. So requests say https to the app, and in responses the app's own address, and no other, becomes http:

    to the app      x-forwarded-proto: https; `origin` and `referer` of our own pages begin with https://
    to the client   https://OUR-ADDRESS becomes http://OUR-ADDRESS in headers and in text, as it stands or as
                    JSON escapes it; cookies lose `Secure` where they may; no strict-transport-security

The host with its port stays as the client sent it. The header x-lambdify-local names the changes in a
response. Bodies that are compressed, streamed or encoded in another way stay as they are.
"""

import re
from functools import lru_cache

from lambdify.adapter.messages import Headers, Pair, Request, Response
from lambdify.adapter.wire import PORTS

CHANGED = "x-lambdify-local"
"""The header that names the changes in a response."""
_PAGE_HEADERS = {"origin", "referer"}
_HSTS = "strict-transport-security"
TEXT = re.compile(r"\s*(text/|application/(json|javascript|xml|[\w.-]+\+(json|xml))\b)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\s*;\s*secure\s*(?=;|$)", re.IGNORECASE)
_NEEDS_SECURE = re.compile(
    r"\s*__(secure|host)-|.*;\s*(samesite\s*=\s*none|partitioned)\s*(;|$)", re.IGNORECASE
)
"""Cookies that browsers accept only with `Secure`. From this machine they accept `Secure` over http, too:
https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy"""


def write_request(request: Request, **changes: str) -> Request:
    """Return the request as if it came over https, with other `changes` to its fields."""
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
    """Return the headers of a response for a client of plain http; CHANGED names the changes."""
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
    """Return the response for a client of plain http."""
    headers, body = response.headers, response.body
    fields = response.fields
    if b"https" in body and "content-encoding" not in fields and TEXT.match(fields.get("content-type", "")):
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
    """Return host and port as the app writes them into its own URLs."""
    return f"{request.host}:{request.port}" if _has_port(request) else request.host


def _has_port(request: Request) -> bool:
    return request.port not in PORTS.values()


def _to_https(found: "re.Match[str]") -> str:
    return f"https{found[0][4:]}"


def _whole_address(address: str) -> str:
    """Return a pattern for the address that does not match the beginning of a longer one."""
    return rf"{re.escape(address)}(?![\w-]|[.:]\w)"


@lru_cache
def _own_url_patterns(address: str) -> tuple["re.Pattern[str]", "re.Pattern[bytes]"]:
    """Return patterns for the app's own https URLs, as text and as bytes; the first group stays."""
    pattern = rf"https(:(?:\\?/){{2}}{_whole_address(address)})"
    return re.compile(pattern, re.IGNORECASE), re.compile(pattern.encode(), re.IGNORECASE)
