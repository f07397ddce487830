"""SQLAlchemy's engines on the database of [database]: each connection gets a password of its own.

    engine = sign_in(create_engine(url("postgresql+psycopg"), pool_pre_ping=True))

It is the same for `create_async_engine`, with psycopg or asyncpg. Pre-ping, since a frozen environment
does not hear that the database has closed a connection.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, event

from lambdify.adapter import database

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect

Engine = TypeVar("Engine")


def url(driver: str) -> URL:
    """Return the URL of the database, without a password; `driver` is "postgresql+psycopg", for one.

    Raises DatabaseMissing.
    """
    found = database.require()
    return URL.create(
        driver,
        username=found.user or None,
        host=found.host or None,
        port=found.port if found.host else None,
        database=found.name,
    )


def sign_in(engine: Engine) -> Engine:
    """Have an engine make a password for each of its connections, and return it. It may be asynchronous."""
    inner: Any = getattr(engine, "sync_engine", engine)
    event.listen(inner, "do_connect", _complete)
    # What an asynchronous engine holds can be closed inside its event loop only: there the pool is forgotten.
    database.close_before_snapshot(partial(inner.dispose, close=inner is engine))
    return engine


def _complete(dialect: Dialect, _record: object, _arguments: list[Any], parameters: dict[str, Any]) -> None:
    """Add the password, and whom to trust, to the arguments of a driver that is about to connect.

    https://docs.sqlalchemy.org/en/20/core/engines.html#generating-dynamic-authentication-tokens
    """
    found = database.find()
    if found is None or parameters.get("host", "") != found.host or "password" in parameters:
        return
    if not found.signs:
        if secret := os.environ.get("DATABASE_PASSWORD"):
            parameters["password"] = secret
        return
    parameters["password"] = database.password()
    if dialect.driver == "asyncpg":
        parameters.setdefault("ssl", database.ssl_context())
    elif dialect.driver == "pg8000":
        parameters.setdefault("ssl_context", database.ssl_context())
    else:
        for name, value in database.secure(found).items():
            parameters.setdefault(name, value)
