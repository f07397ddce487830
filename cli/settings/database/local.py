"""The database that takes the place of AWS's on this machine: [database] local = "postgresql://...".

Its URL may have a password, since it stands for a database that nobody else can reach. One that others may
reach is refused, without a word of it: a settings file is not the place for that.
"""

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, urlsplit

from lambdify.cli.errors import SettingsError

ENDS = ("KIND", "HOST", "PORT", "USER", "NAME", "REGION", "CA", "PASSWORD")
"""The variables of [database] are called DATABASE_ and one of these."""
EXAMPLE = "postgresql://postgres@127.0.0.1:5432/postgres"
KIND = "local"
"""DATABASE_KIND of a database that knows no tokens."""


def problems(url: str) -> Iterator[SettingsError]:
    """Yield what is wrong with the URL, whose text may be a secret."""
    parts = _split(url)
    name = unquote(parts.path[1:]) if parts else ""
    if parts is None or not name or "/" in name:
        yield SettingsError(
            "[database] local is not the URL of a PostgreSQL database.", hint=f'Write local = "{EXAMPLE}".'
        )
    elif parts.query or parts.fragment:
        yield SettingsError(
            "[database] local has options behind the name of the database.",
            hint='Leave them out, or set them as variables of libpq: [environment] PGSSLMODE = "require".',
        )
    elif parts.password and not _is_near(parts.hostname or ""):
        yield SettingsError(
            f"[database] local has a password, and others may reach {parts.hostname}.",
            hint="Take a PostgreSQL on this machine; its password may stand here.",
        )


def variables(url: str) -> dict[str, str]:
    """Return the variables that tell the app of the database; {} for ""."""
    parts = _split(url) if url else None
    if parts is None:
        return {}
    # Without a host the app takes the socket of this machine, as the client library does.
    known = {
        "HOST": parts.hostname,
        "PORT": str(parts.port or 5432),
        "USER": unquote(parts.username or ""),
        "NAME": unquote(parts.path[1:]),
        "PASSWORD": unquote(parts.password or ""),
    }
    return {
        "DATABASE_KIND": KIND,
        **{f"DATABASE_{end}": value for end, value in known.items() if value},
    }


def _split(url: str) -> SplitResult | None:
    """Return the parts of the URL; None if it is none of PostgreSQL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is read here, where a wrong one is refused
    except ValueError:
        return None
    return parts if parts.scheme in ("postgresql", "postgres") and "://" in url else None


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or one that only this machine and its neighbours reach."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".localhost"))
