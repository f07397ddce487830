"""The project's folder as a program of the local cloud's sandboxes."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions import process
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.output import Output
from lambdify.cli.local.functions.process import HostProcess
from lambdify.cli.local.listener import HOST
from lambdify.cli.local.processes import Child, Children
from lambdify.cli.serve import zygote as zygotes
from lambdify.cli.serve.place import Place
from lambdify.cli.serve.zygote import Zygote, ZygoteGone

NOWHERE = f"http://{HOST}:9"
"""The address of AWS's APIs: nobody listens there, since there is no AWS behind `serve`."""
TRIES = 10
"""Processes that are forked, one after the other: each time that one has died."""
KEYS = Credentials("serve", "serve")


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """The developer's terminal, for an app that is debugged."""

    stdin: int
    output: int


class Nursery:
    """Starts the environments of one place: as forks, where the system has them, else each anew."""

    def __init__(
        self, place: Place, folder: Path, children: Children, terminal: Terminal | None = None
    ) -> None:
        """`folder` is below /tmp, and keeps temporary files, bytecode and what was learned."""
        self.place, self.children, self.terminal = place, children, terminal
        self._folder = folder
        self._given = zygotes.describe(place, folder)
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None
        self._tries = TRIES if zygotes.is_possible() else 0
        """How often the process may be started; what cannot be imported once is not tried at each save."""
        self._closed = False

    def program(self, function: Function) -> "InPlace":
        """Return the function as a program."""
        return InPlace(function=function, nursery=self)

    def start(self, environment: Mapping[str, str], output: int, telemetry: int) -> Child:
        """Return a new environment with these variables and these ends of pipes."""
        stdin = (self.terminal.stdin,) if self.terminal else ()
        output = self.terminal.output if self.terminal else output
        with self._lock:
            zygote = self._zygote
        if zygote:
            try:
                return zygote.fork(environment, (output, telemetry, *stdin))
            except ZygoteGone:
                self._drop(zygote)
        return self.children.start(
            zygotes.command(self.place, json.loads(self._given)),
            environ=environment,
            folder=self.place.root,
            output=output,
            keep_open=(telemetry,),
            stdin=stdin[0] if stdin else subprocess.DEVNULL,
        )

    def learn(self, function: Function) -> None:
        """Start the process that is forked, once an environment has told what it has imported."""
        learned = zygotes.read_learned(self._folder / "learned.json")
        with self._lock:
            if learned is None or self._zygote or self._closed or self._tries == 0:
                return
            tries, self._tries = self._tries, 0  # so that no other thread begins meanwhile
        variables = self.variables(function, 0, "", self._folder, -1)
        made = zygotes.start(self.place, variables, learned, self._given, self.children)
        with self._lock:
            if made:
                self._tries = tries - 1
            if not self._closed:
                self._zygote, made = made, None
        if made:
            made.close()

    def variables(
        self, function: Function, api: int, stream: str, tmp: Path, telemetry: int
    ) -> dict[str, str]:
        """Return the variables of an environment."""
        return process.environment(
            function,
            task_root=self.place.task_root,
            layers=self.place.layers,
            runtime=self.place.runtime,
            tmp=tmp,
            api=f"{HOST}:{api}",
            stream=stream,
            telemetry=telemetry,
            endpoint_url=NOWHERE,
            credentials=KEYS,
        )

    def make_folder(self) -> Path:
        """Return a new folder for temporary files."""
        return Path(tempfile.mkdtemp(dir=self._folder, prefix="tmp-"))

    def close(self) -> None:
        """End the process that is forked; environments end by themselves."""
        with self._lock:
            self._closed = True
            zygote, self._zygote = self._zygote, None
        if zygote:
            zygote.close()

    def _drop(self, zygote: Zygote) -> None:
        with self._lock:
            if self._zygote is zygote:
                self._zygote = None
        zygote.close()


@dataclass(frozen=True, kw_only=True)
class InPlace:
    """The app in its folder, ready to start."""

    function: Function
    nursery: Nursery
    users: tuple[int, ...] = ()
    """No other users: it runs as ourselves."""
    names: tuple[str, ...] = ()
    """No other names: it is on this machine."""

    def start(self, api: int, stream: str, output: Output) -> HostProcess:
        """Start the process; `api` is the port of the Runtime API, `stream` the name of the log stream."""
        nursery, tmp = self.nursery, self.nursery.make_folder()
        variables = nursery.variables(self.function, api, stream, tmp, output.telemetry)
        child = nursery.start(variables, output.stdout, output.telemetry)
        kind = Wakeful if nursery.terminal else HostProcess
        return kind(child, nursery.children, tmp)


class Wakeful(HostProcess):
    """A process that is not frozen between events: its developer may be in the middle of it."""

    def freeze(self) -> None:
        """Let it run."""
