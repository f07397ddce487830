"""The backend: Django's own for PostgreSQL, but for the password and for what a frozen environment needs.

Rules
1. Each connection gets a token of its own. A pool of Django's would keep the first one, which is void after
   15 minutes, and it lives by a thread that is frozen with the environment: it is refused.
2. A connection is kept as long as the environment, where the project has not said how long. But one of a
   thread that ends with its request, as under ASGI, nobody finds again: there Django closes it.
3. A connection is looked at before the first query of a request, as Django does if it is told to, and after
   each idle time, in tasks and commands, too: a frozen environment does not hear that the database closed it.
4. SnapStart copies a process, and all copies would talk on one connection: it is closed before.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from weakref import WeakSet

from django.core.exceptions import ImproperlyConfigured  # type: ignore[import-untyped]
from django.db import DEFAULT_DB_ALIAS  # type: ignore[import-untyped]
from django.db.backends.postgresql import base  # type: ignore[import-untyped]

from lambdify.adapter import database

IDLE = 10.0
"""Seconds of a wall clock for which a connection is taken for good: others may stand still in a freeze."""

_connected: WeakSet[DatabaseWrapper] = WeakSet()
"""The wrappers with a connection, of all threads."""


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """The same as Django's, but for the rules above."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        """Complete the settings by the variables, if these are about the same host."""
        found = database.find()
        self.is_ours = found is not None and settings_dict["HOST"] in ("", found.host)
        self._used = 0.0
        if found and self.is_ours:
            known = {
                "HOST": found.host,
                "PORT": str(found.port) if found.host else "",
                "USER": found.user,
                "NAME": found.name,
                "PASSWORD": "" if found.signs else database.password(),
            }
            # A name that is None is Django's word for no database in particular.
            missing = {key: value for key, value in known.items() if settings_dict[key] == ""}
            settings_dict = {**settings_dict, **missing}
            if found.signs and settings_dict["OPTIONS"].get("pool"):
                raise ImproperlyConfigured(
                    f"OPTIONS['pool'] of the database {alias!r}: a pool would keep the first token, which is "
                    "void after 15 minutes. Leave it out: an environment keeps its one connection."
                )
        super().__init__(settings_dict, alias)

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's arguments with a password for one connection, and whom to trust."""
        parameters: dict[str, Any] = super().get_connection_params()
        found = database.find() if self.is_ours else None
        if found and found.signs and "password" not in parameters:
            parameters = {**database.secure(found), **parameters, "password": database.password()}
        return parameters

    def connect(self) -> None:
        """Connect, and keep the connection as the rules say."""
        super().connect()
        if self.is_ours:
            in_main = threading.current_thread() is threading.main_thread()
            if in_main and self.settings_dict["CONN_MAX_AGE"] == 0:
                self.close_at = None
            self.health_check_enabled = True
            self._used = time.time()
            if not _connected:
                database.close_before_snapshot(close_all)
            _connected.add(self)

    def close_if_health_check_failed(self) -> None:
        """Look at a connection that was idle, but with autocommit only: else a look begins a transaction."""
        now = time.time()
        if self.is_ours and self.autocommit and now - self._used > IDLE:
            self.health_check_done = False
        self._used = now
        super().close_if_health_check_failed()


def close_all() -> None:
    """Close the connections of all threads; each wrapper finds that out at its next use."""
    for wrapper in list(_connected):
        if wrapper.connection is not None:
            wrapper.connection.close()
            wrapper.health_check_done = False
