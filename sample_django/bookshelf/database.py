"""The SQLite file, which is made where it is missing."""

import fcntl
import os

from django.conf import settings
from django.core.management import call_command
from django.db import connection


def prepare_database() -> None:
    """Bring the SQLite file up to date; a new one gets the superuser that DJANGO_SUPERUSER_* describe.

    A database server is migrated once, by a step of the deployment. Here there is no server: every execution
    environment of Lambda starts with an empty temporary folder and fills it when it is loaded, which takes a
    third of a second. The lock is for machines where several processes share that folder.
    """
    with open(settings.DATA / "prepare.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_new = not connection.introspection.table_names()
        call_command("migrate", interactive=False, verbosity=0)
        if is_new and "DJANGO_SUPERUSER_USERNAME" in os.environ:
            call_command("createsuperuser", interactive=False, verbosity=0)
