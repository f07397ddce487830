"""What a browser got in a conversation, without what differs every time: so two servers can be compared."""

import re
from typing import NamedTuple

from samples.browser import Answer, Browser

VOLATILE = (
    (re.compile(rb'(name="csrfmiddlewaretoken" value=")\w+'), rb"\1..."),
    (re.compile(rb'("added": ")[^"]+'), rb"\1..."),
)
COMPARED = (
    "Content-Type",
    "Content-Disposition",
    "Content-Length",
    "Location",
    "Cache-Control",
    "Vary",
    "X-Frame-Options",
)
"""Not Date, Server and Connection, which are the server's own; not ETag, which holds the time of a file."""
NOT_MODIFIED = 304
"""Some servers give it a Content-Length and some do not; it has no body either way (RFC 9110, 8.6)."""


class Line(NamedTuple):
    """One request and its answer."""

    request: str
    status: int
    headers: dict[str, str | None]
    cookies: list[str]
    """The names and attributes of those that were set."""
    body: bytes


def write_transcript(browser: Browser) -> list[Line]:
    """Everything that the browser asked, and what it got."""
    return [_write_line(answer, browser.site) for answer in browser.history]


def _write_line(answer: Answer, site: str) -> Line:
    body = answer.body
    for pattern, replacement in VOLATILE:
        body = pattern.sub(replacement, body)
    cookies = [_forget_value(cookie) for cookie in answer.headers.get_all("Set-Cookie", [])]
    return Line(
        request=f"{answer.method} {answer.url.removeprefix(site)}",
        status=answer.status,
        headers={name: answer.headers[name] for name in COMPARED if answer.status != NOT_MODIFIED},
        cookies=sorted(cookies),
        body=body,
    )


def _forget_value(cookie: str) -> str:
    """The cookie's name and attributes, but for its date: that follows from Max-Age."""
    name, *attributes = cookie.split("; ")
    kept = [attribute for attribute in attributes if not attribute.lower().startswith("expires=")]
    return "; ".join([name.partition("=")[0], *kept])
