"""A process with Django and its driver loaded: it forks one for each program that it is told of.

On stdin a line for each, as JSON: its code, its argument and its variables. On stdout one, as JSON: the
status it ended with, and what it wrote to stdout and stderr. Each program has a process of its own, and finds
the packages there: loading them takes half a second.
"""

import json
import os
import signal
import sys
import tempfile
import traceback

import django
import django.core.management
import psycopg
from django.db.backends.postgresql import base

LOADED = (django, psycopg, base)
"""Nothing of lambdify: what it does when it is loaded is a part of what is tested."""
PATIENCE = 120
"""Seconds for a program."""


def main() -> None:
    for line in sys.stdin:
        program = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                run(**program)
            _, status = os.waitpid(child, 0)
            written = {name: read(file) for name, file in {"stdout": out, "stderr": err}.items()}
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), **written}), flush=True)


def read(file) -> str:
    file.seek(0)
    return file.read().decode()


def run(code: str, argument: str, environ: dict[str, str]) -> None:
    signal.alarm(PATIENCE)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["-c", argument]
    status = 0
    try:
        exec(compile(code, "<program>", "exec"), {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
