"""Credentials for package indexes. They are often part of the URL, and no message or log may show them.

A password is looked for in the URL, in the variables for an index of that name (UV_INDEX_INTERNAL_USERNAME
and _PASSWORD; https://docs.astral.sh/uv/concepts/indexes/), and in ~/.netrc, as pip, uv and curl do. uv does
this by itself; pip in a container and our own downloads get the password from here.
"""

import base64
import netrc
import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

_SECRET = re.compile(r"_(USERNAME|PASSWORD|TOKEN)$")


class Login(NamedTuple):
    """A user name and a password."""

    user: str
    password: str


def restore_login(url: str, texts: Iterable[str]) -> str | None:
    """Return a redacted URL with the credentials that one of the texts has for its host; None if none has."""
    scheme, hidden, place = url.partition("://***@")
    if not hidden:
        return url
    host = re.escape(place.partition("/")[0])
    known = re.compile(rf"(?:^|[+\s\"'=@]){re.escape(scheme)}://([^/\s@'\"]+)@{host}(?=/|$)", re.IGNORECASE)
    found = next(filter(None, map(known.search, texts)), None)
    return f"{scheme}://{found[1]}@{place}" if found else None


def is_secret(variable: str) -> bool:
    """Whether the variable of that name holds a credential."""
    return _SECRET.search(variable) is not None


def with_login(url: str, name: str, environ: Mapping[str, str], *, prefix: str = "UV_INDEX") -> str:
    """Return the URL, with the credentials that variables hold for an index of that name, if any."""
    variable = f"{prefix}_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
    user, password = environ.get(f"{variable}_USERNAME", ""), environ.get(f"{variable}_PASSWORD", "")
    return _insert(url, Login(user, password)) if name and (user or password) else url


def with_netrc(url: str) -> str:
    """Return the URL, with the credentials that ~/.netrc has for its host, if any."""
    found = _in_netrc(urlsplit(url).hostname or "")
    return _insert(url, found) if found else url


def find_login(url: str, known: Iterable[str]) -> Login | None:
    """Return the login for a URL: its own, else that of a `known` URL of the same origin, else netrc's."""
    asked = urlsplit(url)
    for place in (asked, *map(urlsplit, known)):
        # Credentials are sent only to the scheme, host and port that they were given for.
        if place.username is not None and _origin(place) == _origin(asked):
            return Login(unquote(place.username), unquote(place.password or ""))
    return _in_netrc(asked.hostname or "")


def basic_authorization(login: Login) -> str:
    """Return the value of the Authorization header."""
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def _insert(url: str, login: Login) -> str:
    parts = urlsplit(url)
    if parts.username is not None or not parts.hostname:
        return url
    return parts._replace(
        netloc=f"{quote(login.user, '')}:{quote(login.password, '')}@{parts.netloc}"
    ).geturl()


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return (url.scheme, url.hostname, url.port)


def _in_netrc(host: str) -> Login | None:
    try:
        entry = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return Login(entry[0], entry[2]) if entry else None
