"""Health check: one GET request to the endpoint, as a visitor would send it.

Rules:
- The request is real: it may start an environment, and it is in the log and in the metrics.
- Redirects are not followed: a redirect is an answer too, and it may lead to another server.
- No answer is a result, not an error.
"""

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdify.cli.settings import Settings
from lambdify.cli.version import VERSION

TIMEOUT = 30.0
"""Seconds: as long as an HTTP API waits, so that a slow start does not count as no answer."""
FIRST_SERVER_ERROR = 500
"""The lowest status that means a failure of the server."""
LOCALHOST = {"127.0.0.1", "localhost"}


@dataclass(frozen=True, kw_only=True)
class Health:
    """The result of the request."""

    path: str
    ok: bool
    """Whether the status is the one of [release] status, or below 500 if [release] smoke names no path."""
    status: int
    """0 if there was no answer."""
    milliseconds: int
    """Time until the first byte of the answer."""
    problem: str
    """Why there was no answer; "" if there was one."""


def check(endpoint: str, settings: Settings, *, timeout: float = TIMEOUT) -> Health:
    """Request [release] smoke, or "/", from the endpoint; return the result. `timeout` is in seconds."""
    path = settings.release.smoke if settings.release.smoke.startswith("/") else "/"
    headers = {"User-Agent": f"lambdify/{VERSION}", "Accept": "*/*"}
    address = urlsplit(endpoint)
    if (address.hostname or "").endswith(".localhost"):
        # Browsers find such names on this machine; not every resolver does.
        headers["Host"] = address.netloc
        address = address._replace(netloc=f"127.0.0.1:{address.port}")
    request = urllib.request.Request(address.geturl() + path, headers=headers)  # noqa: S310 (http or https)
    # The user's proxy cannot reach this machine.
    proxies: dict[str, str] | None = {} if address.hostname in LOCALHOST else None
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler(proxies))
    begun = time.monotonic()
    status, problem = 0, ""
    try:
        with opener.open(request, timeout=timeout) as answer:
            status = answer.status
    except urllib.error.HTTPError as answer:
        status = answer.code
        answer.close()
    except urllib.error.URLError as error:
        problem = str(error.reason)
    except (OSError, http.client.HTTPException) as error:
        problem = str(error) or type(error).__name__
    took = time.monotonic() - begun
    expected = settings.release.status
    ok = status == expected if settings.release.smoke.startswith("/") else 0 < status < FIRST_SERVER_ERROR
    return Health(path=path, ok=ok, status=status, milliseconds=round(took * 1000), problem=problem)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Return None, so that the redirect itself is the answer."""
