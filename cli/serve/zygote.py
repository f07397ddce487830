"""A process that has imported the dependencies, of which each execution environment is a fork.

What to import is learned from the first environment: the modules that are not the project's. What cannot be
imported without the app, or starts threads, is left to the environments. A module may have read a variable
that the app has set before; so the process has the variables that the app had in the end.

An import that fails may leave its traces. So the process of which one has failed ends, and the next one
begins without that module.

Only Linux has child subreapers, which make a fork's fork our own child; elsewhere each environment starts
anew.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.cli.local.functions import boot
from lambdify.cli.local.processes import Children, Fork
from lambdify.cli.programs import guard, guarded
from lambdify.cli.serve import worker
from lambdify.cli.serve.place import Place

ROUNDS = 5
"""The most processes that are tried until every import of one succeeds."""
PATIENCE = 60.0
"""Seconds for the imports."""
END = 0.2
"""Seconds for the process to end by itself."""
KEPT_FROM_THE_APP = ("LAMBDA_", "_LAMBDA_", "AWS_LAMBDA_")


class ZygoteGone(Exception):
    """The process has ended."""


class Learned(NamedTuple):
    """What an environment had when the app was imported."""

    modules: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}


class Zygote:
    """One such process, until `close`."""

    def __init__(
        self, place: Place, environment: Mapping[str, str], learned: Learned, given: str, children: Children
    ) -> None:
        """Start it. `failed` waits for its imports."""
        self._children = children
        self._lock = threading.Lock()
        self._line, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(PATIENCE)
        with its:
            self._child = children.start(
                command(place, {**json.loads(given), "preload": learned.modules, "control": its.fileno()}),
                environ={**environment, **learned.variables},
                folder=place.root,
                output=subprocess.DEVNULL,
                keep_open=(its.fileno(),),
            )

    def failed(self) -> tuple[str, ...]:
        """Return the modules that could not be imported. Raises ZygoteGone."""
        return tuple(self._hear()["failed"])

    def fork(self, environment: Mapping[str, str], pipes: Sequence[int]) -> Fork:
        """Return a new environment with these variables; its pipes are output, log and, if any, input.

        Raises ZygoteGone.
        """

        def start() -> int:
            try:
                socket.send_fds(self._line, [json.dumps({"environment": environment}).encode()], pipes)
            except OSError as error:
                raise ZygoteGone from error
            return int(self._hear()["pid"])

        with self._lock:
            return self._children.take(start)

    def close(self) -> None:
        """End it; its forks go on."""
        self._line.close()
        self._children.end(self._child, patience=END)

    def _hear(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            if data := self._line.recv(1 << 20):
                said: dict[str, Any] = json.loads(data)
                return said
        raise ZygoteGone


def describe(place: Place, folder: Path) -> str:
    """Return what the script is told (see worker.Given), as JSON."""
    return json.dumps(
        {
            "ours": {
                "boot": boot.__file__,
                "hook": str(guarded.AUDIT_HOOK),
                "guard": guard.__file__,
            },
            "root": str(place.root),
            "beside": str(place.beside),
            "layers": str(place.layers),
            "runtime": str(place.runtime),
            "bytecode": str(folder / "bytecode"),
            "learned": str(folder / "learned.json"),
            "preload": [],
            "control": -1,
            "parent": os.getpid(),
        }
    )


def command(place: Place, given: Mapping[str, object]) -> list[str]:
    """Return the command line of the script."""
    return [str(place.python), "-s", "-S", "-P", worker.__file__, json.dumps(given)]


def is_possible() -> bool:
    """Return whether forks can be ours on this system."""
    return sys.platform == "linux"


def read_learned(file: Path) -> Learned | None:
    """Return what the first environment has written; None if it has not."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    variables = {
        name: value for name, value in said["variables"].items() if not name.startswith(KEPT_FROM_THE_APP)
    }
    return Learned(tuple(said["modules"]), variables)


def start(
    place: Place, environment: Mapping[str, str], learned: Learned, given: str, children: Children
) -> Zygote | None:
    """Return a process that has imported what it can of what was learned; None if it comes to none."""
    for _ in range(ROUNDS):
        zygote = Zygote(place, environment, learned, given, children)
        try:
            failed = set(zygote.failed())
        except ZygoteGone:
            zygote.close()
            return None
        if not failed:
            return zygote
        zygote.close()
        learned = learned._replace(modules=tuple(each for each in learned.modules if each not in failed))
    return None
