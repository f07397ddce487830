"""Processes that such files name: what starts the app, what runs before a release, and workers. Pure."""

import re
import shlex
from collections.abc import Iterator

from lambdify.cli.detection.launch import SERVERS
from lambdify.cli.moving.reading import readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import Keys, Setting, by_hand, carry, needless

DOOR = 30
"""Seconds that an HTTP API waits."""
_TIMEOUT = re.compile(r"(?<!\S)(?:--timeout[= ]|-t ?)(\d{1,5})(?!\S)")
"""gunicorn's option."""
_SHELL = re.compile(r"[|&;<>$`]")
_SERVES = re.compile(rf"{SERVERS.pattern}|\b(flask run|runserver|fastapi (run|dev)|streamlit|mod_wsgi)\b")


def web(key: str, command: str, code: Code) -> Iterator[Setting]:
    """Yield what the command says that starts the app's server."""
    yield needless(key, f"the adapter takes the server's place; {code.found}")
    found = _TIMEOUT.search(command) if "gunicorn" in command else None
    if found and int(found[1]) > 0:
        seconds = int(found[1])
        why = (
            f"an HTTP API waits {DOOR} seconds; function URLs wait as long as the function"
            if seconds > DOOR
            else ""
        )
        values: dict[Keys, int] = {("function", "timeout"): seconds}
        yield carry(f"{key} --timeout", values, why)


def release(key: str, command: str) -> Setting:
    """Return the command that runs before a version gets traffic."""
    if command.strip() in {"", "true"}:
        return needless(key, "it does nothing")
    if readings.looks_secret("command", command):
        return by_hand(key, "[release] command: there is a password in it, which is not copied")
    # [release] command is split into words, and run by no shell.
    line = f"sh -c {shlex.quote(command)}" if _SHELL.search(command) else command
    return carry(key, {("release", "command"): line}, "in the new version, before it gets traffic")


def other(key: str, command: str) -> Setting:
    """Return what becomes of a process that is neither."""
    words = command.lower()
    if "beat" in words or "cron" in words or "clock" in key or "scheduler" in words:
        return by_hand(key, "no process goes on by itself: write a schedule of [functions.NAME] for each job")
    if (
        "celery" in words
        or "rq worker" in words
        or "huey" in words
        or "dramatiq" in words
        or "qcluster" in words
    ):
        return by_hand(
            key, "no process goes on by itself: [tasks] workers, and @task of lambdify.adapter.tasks"
        )
    return by_hand(
        key, "no process goes on by itself: a schedule or a queue of [functions.NAME] calls its work"
    )


def serves(command: str) -> bool:
    """Whether a command starts a server of the app."""
    return bool(_SERVES.search(command))
