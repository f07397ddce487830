"""The app as its files are now: each save makes a new version of the function, and ends the one before.

Whoever asks for the version looks at the files first, so nobody is answered by old code. The first
environment of a version starts at once, and requests wait for it.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lambdify.cli.console import Console
from lambdify.cli.errors import LambdifyError, LocalCloudFailed
from lambdify.cli.local.functions.fleet import LIMIT, Fleet, FunctionKey, Throttled
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.sandbox import Sandbox
from lambdify.cli.local.processes import Children, identify
from lambdify.cli.rehearsal.place import placeholder
from lambdify.cli.serve import place as places
from lambdify.cli.serve.explained import explain
from lambdify.cli.serve.place import Place
from lambdify.cli.serve.program import Nursery, Terminal
from lambdify.cli.serve.story import Story
from lambdify.cli.serve.watch import Change, Watch, find_written
from lambdify.cli.serve.worker import WRITABLE
from lambdify.cli.settings import Settings
from lambdify.cli.template.function import HANDLER, STREAMING_HANDLER

REGION, ACCOUNT = "us-east-1", "000000000000"
"""Where the function is if the settings do not say, and whose."""
DEBUG_TIMEOUT = 86_400
"""Seconds: a day, for who looks at a variable."""
START_PATIENCE = 120.0
"""Seconds for the first environment of a version."""


@dataclass(kw_only=True)
class Version:
    """The app as its files were at one moment."""

    number: int
    settings: Settings
    function: Function | None = None
    """None if the app could not be prepared."""
    place: Place | None = None
    problem: LambdifyError | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    """Set when its first environment has started, or has failed to."""


class Live:
    """The app of a project, until `close`."""

    def __init__(
        self,
        read: Callable[[], Settings],
        console: Console,
        story: Story,
        children: Children,
        environ: Mapping[str, str],
        terminal: Terminal | None = None,
    ) -> None:
        """Prepare the app. `read` returns the settings as they are now, `environ` has the values of secrets.

        Raises what `read` and packing raise.
        """
        self._read, self._console, self._story, self._children = read, console, story, children
        self._environ, self._terminal = environ, terminal
        self._lock = threading.Lock()
        self._folder = _make_folder()
        self._places = 0
        self._nursery: Nursery | None = None
        self._watch: Watch | None = None
        self._fleet = Fleet(self._start, limit=1 if terminal else LIMIT)
        try:
            self._version = self._prepare(1)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._warm(self._version, None, time.monotonic())

    @property
    def fleet(self) -> Fleet:
        """The execution environments."""
        return self._fleet

    def current(self) -> Version:
        """Return the version of the files as they are now."""
        with self._lock:
            began = time.monotonic()
            try:
                change = self._watch.look() if self._watch else None
            except LambdifyError as error:  # what cannot be packed cannot be served
                return self._fail(error)
            if change:
                self._renew(change, began)
            return self._version

    def sweep(self) -> None:
        """End environments that were not needed for a while."""
        self._fleet.sweep()

    def close(self) -> None:
        """End everything, and remove what was made."""
        if self._nursery:
            self._nursery.close()
        self._fleet.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _renew(self, change: Change, began: float) -> None:
        """Make a new version for a change."""
        last = self._version
        number = last.number + 1
        if last.function:
            self._fleet.forget(FunctionKey(last.function.region, last.function.name))
        if change.settings or last.function is None or _may_be_static(change, last.place):
            try:
                with self._children.allow_others():
                    version = self._prepare(number)
            except LambdifyError as error:
                version = Version(number=number, settings=last.settings, problem=error)
                version.ready.set()
                self._story.say(f"{error.message} {error.hint}".rstrip(), "danger")
        else:
            function = replace(last.function, version=str(number), code=str(number))
            version = Version(number=number, settings=last.settings, function=function, place=last.place)
        self._version = version
        if version.function:
            self._warm(version, change, began)

    def _fail(self, error: LambdifyError) -> Version:
        version = Version(number=self._version.number, settings=self._version.settings, problem=error)
        version.ready.set()
        return version

    def _prepare(self, number: int) -> Version:
        """Return a version for the settings as they are now, in a place of its own."""
        settings = self._read()
        self._places += 1
        folder = self._folder / str(self._places)
        folder.mkdir()
        watch = Watch(settings, find_written())  # first, so that what is saved meanwhile is seen
        place = places.prepare(settings, folder, self._console)
        watch.follow(place.inputs)
        self._watch = watch
        old, self._nursery = self._nursery, Nursery(place, folder, self._children, self._terminal)
        if old:
            old.close()
        self._story.be_about(place)
        self._tell_secrets(settings)
        function = describe(settings, number, self._environ, debug=self._terminal is not None)
        return Version(number=number, settings=settings, function=function, place=place)

    def _tell_secrets(self, settings: Settings) -> None:
        """Say which secrets have no value here."""
        if missing := [name for name in settings.secrets if name not in self._environ]:
            self._story.say(
                f"{', '.join(missing)}: placeholders, as a secret's value is read from this shell's variables"
            )

    def _start(self, function: Function) -> Sandbox:
        nursery = self._nursery
        if nursery is None:
            raise LocalCloudFailed("The app is not ready.")
        return Sandbox(nursery.program(function), lambda _, event: self._story.log(event.message))

    def _tell_failed_init(self, error: bytes, log: str, version: Version) -> None:
        """Explain why the app cannot be imported; its log has the traceback, if Lambda's client knows it."""
        assert version.place
        if told := explain(error, log, version.place, version.settings):
            lines = told.lines[:-1] if b"UserCodeSyntaxError" in error else ()
            self._story.say("\n".join(filter(None, (told.message, told.hint, *lines))), "danger")

    def _warm(self, version: Version, change: Change | None, began: float) -> None:
        threading.Thread(
            target=self._start_first, args=(version, change, began), name="first start", daemon=True
        ).start()

    def _start_first(self, version: Version, change: Change | None, began: float) -> None:
        """Start the first environment of a version, tell it, and then learn from it."""
        assert version.function
        nursery = self._nursery
        try:
            sandbox = self._fleet.warm(version.function, patience=START_PATIENCE)
            if error := sandbox.init_error():
                self._tell_failed_init(error, sandbox.read_log(), version)
        except (LambdifyError, OSError, TimeoutError, Throttled) as error:
            self._story.say(f"The app could not be started: {error}", "danger")
        finally:
            if change:
                self._story.saved(change.names, time.monotonic() - began)
            version.ready.set()
        if nursery:
            nursery.learn(version.function)


def describe(settings: Settings, number: int, environ: Mapping[str, str], *, debug: bool = False) -> Function:
    """Return the app as the function that it would be on Lambda; `environ` has the values of its secrets."""
    secrets = {name: environ.get(name) or placeholder(name) for name in settings.secrets}
    return Function(
        region=settings.region or REGION,
        name=settings.full_name,
        version=str(number),
        arn=describe_arn(settings),
        handler=STREAMING_HANDLER if settings.http.streaming else HANDLER,
        python=settings.function.python,
        timeout=DEBUG_TIMEOUT if debug else settings.function.timeout,
        memory=settings.function.memory,
        environment=tuple(sorted({**secrets, **settings.environment}.items())),
        log_group=settings.log_group,
        log_format="Text",
        log_level="",
        code=str(number),
        layers=(),
    )


def _may_be_static(change: Change, place: Place | None) -> bool:
    """Return whether a file was saved that may be served before the app, by a table that has its digest."""
    return bool(place and place.has_table) and any(not name.endswith(".py") for name in change.names)


def _make_folder() -> Path:
    """Return a new folder below /tmp, which is what an app may write to; those of killed runs are removed."""
    prefix = f"lambdify-serve-{os.geteuid()}-"
    for old in Path(WRITABLE).glob(f"{prefix}*"):
        pid = old.name.rpartition("-")[2]
        if pid.isdecimal() and identify(int(pid)) is None and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(dir=WRITABLE, prefix=prefix))
    return fresh.rename(fresh.with_name(f"{fresh.name}-{os.getpid()}")).resolve()


def describe_arn(settings: Settings) -> str:
    """Return the ARN that the function has for the app."""
    return f"arn:aws:lambda:{settings.region or REGION}:{ACCOUNT}:function:{settings.full_name}"
