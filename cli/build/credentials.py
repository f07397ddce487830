"""Package indexes often need a password, and it is often part of the URL. No message or log may show it.

Where indexes and their credentials are looked for, in this order:
- option lines of the requirements (`--index-url https://user:password@host/simple`),
- uv's variables (https://docs.astral.sh/uv/reference/environment/), then pip's,
- ~/.netrc, as pip, uv and curl read it.
"""

import base64
import netrc
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@'\"]+@", re.IGNORECASE)
_DEFAULT_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_EXTRA_VARIABLES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_OPTION = re.compile(r"(?:--(?P<kind>index-url|extra-index-url)|-i)[ =]\s*(?P<url>\S+)")


def redact(text: str) -> str:
    """Return the text with the credentials of every URL replaced by ***."""
    return _IN_URL.sub(r"\g<scheme>***@", text)


@dataclass(frozen=True, kw_only=True)
class Indexes:
    """The indexes that packages come from, credentials included."""

    default: str = ""
    """Named by the requirements; "" when they name none."""
    extra: tuple[str, ...] = ()
    ambient_default: str = ""
    """Named by the environment, which uv reads by itself."""
    ambient_extra: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Option lines of a requirements file: the one form in which no process list shows a password."""
        first = (f"--index-url {self.default}",) if self.default else ()
        return (*first, *(f"--extra-index-url {url}" for url in self.extra))

    @property
    def uv_environment(self) -> Mapping[str, str]:
        """The same for those of uv's commands that read no requirements."""
        default = {"UV_DEFAULT_INDEX": self.default} if self.default else {}
        return {**default, **({"UV_INDEX": " ".join(self.extra)} if self.extra else {})}

    @property
    def pip_environment(self) -> Mapping[str, str]:
        """The same for pip in a container, where no variable of uv means anything and no file: URL leads."""
        first = self.default or self.ambient_default
        default = {"PIP_INDEX_URL": first} if first.startswith("http") else {}
        remote = [url for url in (*self.extra, *self.ambient_extra) if url.startswith("http")]
        return {**default, **({"PIP_EXTRA_INDEX_URL": " ".join(remote)} if remote else {})}

    def authorization(self, url: str) -> Mapping[str, str]:
        """Return the headers that the index of this URL wants, none for a public one."""
        asked = urlsplit(url)
        indexes = (self.default, *self.extra, self.ambient_default, *self.ambient_extra)
        for known in (asked, *(urlsplit(index) for index in indexes)):
            # Credentials go to the very scheme, host and port they were given for, and nowhere else.
            if known.username is not None and _place(known) == _place(asked):
                return _basic(unquote(known.username), unquote(known.password or ""))
        entry = _netrc_entry(asked.hostname or "")
        return _basic(*entry) if entry else {}


def find_indexes(lines: Iterable[str], environ: Mapping[str, str] = os.environ) -> Indexes:
    """Collect the indexes that requirement lines and the environment name."""
    options = [match for line in lines if (match := _OPTION.match(line))]
    defaults = [m["url"] for m in options if m["kind"] != "extra-index-url"]
    ambient = [environ[name] for name in _DEFAULT_VARIABLES if environ.get(name)]
    return Indexes(
        # uv and pip both let the last --index-url win, and fill ${NAME} from the environment.
        default=os.path.expandvars(defaults[-1]) if defaults else "",
        extra=tuple(os.path.expandvars(m["url"]) for m in options if m["kind"] == "extra-index-url"),
        ambient_default=_without_name(ambient[0]) if ambient else "",
        ambient_extra=tuple(
            _without_name(url) for name in _EXTRA_VARIABLES for url in environ.get(name, "").split()
        ),
    )


def _without_name(index: str) -> str:
    """An index can have a name in uv's variables: "internal=https://host/simple"."""
    name, separator, url = index.partition("=")
    return url if separator and re.fullmatch(r"[\w.-]+", name) else index


def _place(url: SplitResult) -> tuple[str, str | None, int | None]:
    return (url.scheme, url.hostname, url.port)


def _basic(user: str, password: str) -> Mapping[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def _netrc_entry(host: str) -> tuple[str, str] | None:
    try:
        entry = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return (entry[0], entry[2]) if entry else None
