"""The database of [database] in lambdify.toml, which takes a token of the function's role for a password.

    psycopg.connect(**database.parameters())
    asyncpg.create_pool(**database.asyncpg_parameters(), min_size=0)

`django_postgresql` is the same as a backend of Django's, and `database.sqlalchemy` for its engines.

Rules
1. The variables and the role's credentials are read for each connection: a token opens connections for 15
   minutes. One that is open outlives its token, so whoever opens another one needs another token.
2. Nothing is sent without TLS, to the right host: whoever gets a token may sign in with it. Trusted are the
   system's certificates, and those of DATABASE_CA, since RDS has authorities of its own
   (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html).
   A file of them is named: the client library that psycopg[binary] brings along does not find the system's.
3. On the developer's machine DATABASE_KIND is "local": that database has the password of its URL, or none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdify.adapter.errors import AdapterError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

LOCAL = "local"
SYSTEM = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Amazon Linux, which the managed runtimes are
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the certificates that they trust."""
PATIENCE = 10_000
"""Milliseconds of silence after which a connection is broken: after a freeze the other end may be gone."""


class DatabaseMissing(AdapterError):
    """The variables of [database] are not set."""


class Database(NamedTuple):
    """The database as the variables describe it."""

    kind: str
    """"aurora", "rds", "dsql" or "local"."""
    host: str
    """"" for the socket of this machine."""
    port: int
    user: str
    name: str
    region: str

    @property
    def signs(self) -> bool:
        """Whether it takes a token for a password."""
        return self.kind != LOCAL


def find() -> Database | None:
    """Return the database that the variables describe; None if they do not."""
    environ = os.environ
    if "DATABASE_KIND" not in environ:
        return None
    return Database(
        environ["DATABASE_KIND"],
        environ.get("DATABASE_HOST", ""),
        int(environ.get("DATABASE_PORT", "5432")),
        environ.get("DATABASE_USER", ""),
        environ.get("DATABASE_NAME", ""),
        environ.get("DATABASE_REGION", ""),
    )


def require() -> Database:
    """Return the database. Raises DatabaseMissing."""
    database = find()
    if database is None:
        raise DatabaseMissing("DATABASE_KIND is not set: lambdify sets it where lambdify.toml has [database]")
    return database


def password() -> str:
    """Return a password for one connection: a token, or on the developer's machine that of the URL, or "".

    Raises DatabaseMissing; CallFailed if there are no credentials to sign with.
    """
    database = require()
    if not database.signs:
        return os.environ.get("DATABASE_PASSWORD", "")
    from lambdify.adapter.database import tokens

    return tokens.make(database)


def parameters() -> dict[str, Any]:
    """Return the arguments of `psycopg.connect` and of psycopg2's, with a password for one connection.

    Raises what `password` raises.
    """
    database = require()
    known = {
        "host": database.host,
        "port": database.port,
        "user": database.user,
        "dbname": database.name,
        "password": password(),
    }
    return {name: value for name, value in known.items() if value} | secure(database)


def secure(database: Database) -> dict[str, Any]:
    """Return the arguments by which libpq makes sure whom it talks to; {} for a database of this machine."""
    if not database.signs:
        return {}
    return {"sslmode": "verify-full", "sslrootcert": trusted(), "tcp_user_timeout": PATIENCE}


def asyncpg_parameters() -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect` and `create_pool`, which asks for a password each time.

    Raises DatabaseMissing.
    """
    database = require()
    known = {
        "host": database.host,
        "port": database.port,
        "user": database.user,
        "database": database.name,
        "ssl": ssl_context() if database.signs else None,
    }
    return {**{name: value for name, value in known.items() if value}, "password": password}


def ssl_context() -> ssl.SSLContext:
    """Return a context for drivers that use Python's TLS: host's name and certificate have to be right."""
    import ssl

    return ssl.create_default_context(cafile=trusted())


_written: dict[str, str] = {}
"""The file with the system's certificates and those of DATABASE_CA, by the path of the latter."""


def trusted() -> str:
    """Return the path of a file with the certificates that are trusted."""
    system = next(filter(os.path.exists, SYSTEM), "")
    own = os.environ.get("DATABASE_CA", "")
    if not own:
        return system or "system"
    own = os.path.join(os.environ.get("LAMBDA_TASK_ROOT", ""), own)
    if not system:
        return own
    if own not in _written:
        whole = b"\n".join(map(_read, (own, system)))
        # A name that nobody knows before, so that the file is nobody else's.
        folder = os.environ.get("TMPDIR", "/tmp")  # noqa: S108
        path = os.path.join(folder, f"lambdify-trusted-{os.urandom(8).hex()}.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(whole)
        _written[own] = path
    return _written[own]


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def close_before_snapshot(close: Callable[[], object]) -> None:
    """Have connections closed before SnapStart copies the process: all copies would talk on the same one.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # Managed runtimes with SnapStart have this module.
        from snapshot_restore_py import register_before_snapshot  # type: ignore[import-untyped, unused-ignore]

        register_before_snapshot(close)
