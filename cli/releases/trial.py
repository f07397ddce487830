"""The trial of a version before it gets traffic: it starts, its command succeeds, it answers.

Each check is an invocation of the version itself, which no request reaches yet:

    [release] command    runs in the version of the Lambda for commands, such as migrations
    [release] smoke      an HTTP request as the endpoint would hand it on, which has to get `status`
    [functions]          the event that imports every function, in each Lambda
    no smoke             the keep-warm event, which imports the app; then the home page: any status below 500
    smoke = "off"        the keep-warm event alone; so it is without an endpoint, too

Rules:
- The requests have the host that visitors will use: many apps refuse others, with a 400.
- No user is made up for an endpoint with an authorizer, since apps make accounts of such names. So behind
  one, a home page that fails is told, and decides nothing.
- The log of a version that fails is shown. The output of a command is always shown, while it runs.
"""

import json
import re
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambdify.cli import hints, template
from lambdify.cli.aws import translated
from lambdify.cli.calls import command, http_event, invocation, refused_host
from lambdify.cli.console import Console
from lambdify.cli.errors import AppBroken, CommandNotRun, FunctionFailed, ReleaseFailed
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage
from lambdify.cli.template import commands

CHECK_EVENT = {"lambdify": "check"}
"""The event that imports every function; adapter/functions.py says what comes back."""
PAUSE = 2.0
"""Seconds between two requests for the state of a version that is not ready."""
FIRST_SERVER_ERROR = 500
"""The lowest HTTP status that says that the app has failed."""
OTHER_PAGES = (
    'Another page, or none, is asked for with smoke = "/health", or smoke = "off", in lambdify.toml under '
    "[release]."
)
NO_ENDPOINT = (
    'A function for other events than requests needs no endpoint: endpoint = "none" in lambdify.toml under '
    "[http]."
)
OFF = "off"
"""[release] smoke that asks for nothing."""
BODY_SHOWN = 500
"""Characters of the body's text that are shown if the status is not the expected one."""
BODY_READ = 50_000
"""Bytes of the body that are looked through for that text."""
MARKUP = re.compile(r"(?is)<(head|style|script)\b.*?</\1\s*>|<!?/?[a-z][^<>]*>")
"""What is left out of a page, so that its text remains."""


@dataclass(frozen=True, kw_only=True)
class SmokeRequest:
    """A request, and the status that it has to get."""

    path: str
    status: int


def run(version: str, deployed: Stack, stage: Stage, console: Console, *, url: str) -> None:
    """Run every check that the settings ask for; `url` is where visitors find the app, "" if there is none.

    Raises AppBroken, ReleaseFailed.
    """
    release = stage.settings.release
    if stage.settings.function.reserved_concurrency == 0:
        console.warn(
            f"Version {version} is not tried: [function] reserved_concurrency = 0 stops the function."
        )
        return
    if stage.settings.function.snapstart or release.express:
        wait_until_ready(version, stage, console)
    if release.command:
        run_command(deployed, stage, console)
    if stage.settings.functions:
        check_functions(_functions_to_check(deployed, stage, console), stage, console)
    if release.smoke not in ("", OFF):
        smoke = SmokeRequest(path=release.smoke, status=release.status)
        send_smoke_request(version, smoke, stage, console, url=url, stack=deployed.id)
        return
    if not stage.settings.functions:
        wake(version, stage, console)
    if release.smoke != OFF and stage.settings.http.endpoint != "none":
        ask_home_page(version, stage, console, url=url, stack=deployed.id)


@translated(during="waiting for the version")
def wait_until_ready(
    version: str, stage: Stage, console: Console, *, function: str = "", sleep: Sleep = time.sleep
) -> None:
    """Wait until the version can be invoked: a snapshot takes minutes, and express mode does not wait for it.

    Raises AppBroken if Lambda could not start it.
    """
    fetch = partial(
        stage.client("lambda").get_function_configuration,
        FunctionName=function or stage.name,
        Qualifier=version,
    )
    with console.step(f"Waiting until version {version} is ready"):
        while (config := fetch())["State"] == "Pending":
            sleep(PAUSE)
    if config["State"] == "Failed":
        raise AppBroken(
            f"Lambda could not start version {version}: {config.get('StateReason') or 'it does not say why'}",
            hint=f"`{stage.command('logs')}` shows what it wrote.",
            during=_during(version, stage.settings),
        )


def wake(version: str, stage: Stage, console: Console) -> None:
    """Invoke the version as the keep-warm schedule does, which imports the app.

    Raises AppBroken if the import fails.
    """
    with console.step(f"Starting the app in version {version}"):
        call = _call(version, template.KEEP_WARM, stage)
    call.check(stage.settings, console)


def _functions_to_check(deployed: Stack, stage: Stage, console: Console) -> list[tuple[str, str]]:
    """Return each Lambda, by name, and its published version: the app's, and those of functions."""
    found = {stage.name: deployed.published}
    for alias in aliases.functions(deployed):
        function = stage.settings.functions.get(alias.name)
        if function and function.reserved_concurrency == 0:
            console.warn(f"[functions.{alias.name}] is not tried: reserved_concurrency = 0 stops it.")
        elif function:
            found[alias.function] = alias.published
    return list(found.items())


def check_functions(codes: Iterable[tuple[str, str]], stage: Stage, console: Console) -> None:
    """Have these versions of Lambdas import every function of the project. Raises AppBroken."""
    waits = stage.settings.function.snapstart or stage.settings.release.express
    for function, version in dict.fromkeys(codes):
        if waits and function != stage.name:
            wait_until_ready(version, stage, console, function=function)
        with console.step(f"Loading the functions in version {version} of {function}"):
            call = _call(version, CHECK_EVENT, stage, function)
        call.check(stage.settings, console)
        failed = call.value.get("failed") if isinstance(call.value, dict) else None
        for name, error in sorted((failed or {}).items()):
            raise _unloaded(name, error, call, stage, console)


def _unloaded(
    name: str, error: Mapping[str, str], call: "_Call", stage: Stage, console: Console
) -> AppBroken:
    """Return the error for a function that cannot be loaded; show the log, which has its traceback."""
    call.show_log(stage.settings, console)
    value = {"errorType": error.get("type", ""), "errorMessage": error.get("message", "")}
    failure = invocation.failure(call.answer, value, stage.settings)
    return AppBroken(
        f"[functions.{name}] cannot be loaded where it is deployed: "
        + failure.message.removeprefix(f"[functions.{name}] "),
        hint=failure.hint,
        during=_during(call.version, stage.settings),
    )


def send_smoke_request(
    version: str, smoke: SmokeRequest, stage: Stage, console: Console, *, url: str, stack: str
) -> None:
    """Send the version a GET request. Raises AppBroken, and ReleaseFailed for an unexpected status.

    `stack` is the id of the stack.
    """
    call = _get(version, smoke.path, stage, console, url=url, stack=stack)
    call.check(stage.settings, console, doing=f"GET {smoke.path} was not answered")
    answer = _read(call, stage, smoke.path, url)
    if answer.status == smoke.status:
        return
    call.show_log(stage.settings, console)
    raise ReleaseFailed(
        f"Version {version} answered GET {smoke.path} with {answer.status} instead of {smoke.status}"
        + answer.reason,
        hint=_write_hint(answer, stage),
        during=_during(version, stage.settings),
    )


def ask_home_page(version: str, stage: Stage, console: Console, *, url: str, stack: str) -> None:
    """Ask the version, which has started, for its home page, and say what came.

    Raises ReleaseFailed for an answer of 500 or above, and for none.
    """
    call = _get(version, "/", stage, console, url=url, stack=stack)
    failure = _home_page_failure(call, stage, console, url)
    if failure is None:
        return
    call.show_log(stage.settings, console)
    if stage.settings.http.auth == "none":
        raise failure
    message = failure.message.rstrip(".")
    console.warn(f"{message}. This decides nothing: [http] auth lets no request without a user in.")


def _home_page_failure(call: "_Call", stage: Stage, console: Console, url: str) -> ReleaseFailed | None:
    """Say what the home page is; return the error if it has failed."""
    during = _during(call.version, stage.settings)
    if "FunctionError" in call.answer:
        failure = invocation.failure(call.answer, call.value, stage.settings)
        message = f"Version {call.version} did not answer GET /: {failure.message}"
        # A web app answers with a 500 where it fails: what raises is a handler, perhaps of other events.
        raised = not str(call.value.get("errorType", "")).startswith(("Sandbox.", "Runtime."))
        other = NO_ENDPOINT if raised else OTHER_PAGES
        return ReleaseFailed(message, hint=hints.join(failure.hint, other), during=during)
    answer = _read(call, stage, "/", url)
    console.note(f"GET / → {answer}")
    if answer.refused:
        console.warn(f"{answer.refused[0]}: whoever asks for it gets a 400. Let it in: {answer.refused[1]}")
    if answer.status < FIRST_SERVER_ERROR:
        return None
    message = f"Version {call.version} answered GET / with {answer.status}{answer.reason}"
    return ReleaseFailed(message, hint=hints.join(_write_hint(answer, stage), OTHER_PAGES), during=during)


def run_command(deployed: Stack, stage: Stage, console: Console) -> None:
    """Run the command in the Lambda for commands, in what is published. Raises ReleaseFailed if it fails."""
    text, function = stage.settings.release.command, commands.function_name(stage.settings)
    version = deployed.outputs["PublishedCommands"]
    during = f"trying version {version} of {function}"
    if stage.settings.release.express:
        wait_until_ready(version, stage, console, function=function)
    lines = _Lines(console)
    try:
        with console.step(f"Running `{text}` in version {version} of {function}"):
            wanted = command.Command(words=tuple(shlex.split(text)))
            end = command.run(wanted, function, stage, lines.show, version=version)
            lines.end()
    except CommandNotRun as error:
        message = f"It is not known how `{text}` ended: {error.message}"
        raise ReleaseFailed(message, hint=error.hint, during=during) from error
    if end.reason == "time":
        raise ReleaseFailed(
            f"`{text}` did not end in time: it has {stage.settings.commands.timeout} seconds.",
            hint="[commands] timeout is the limit, of 1800 seconds at most. "
            "It may have done a part of its work.",
            during=during,
        )
    if end.code:
        raise ReleaseFailed(
            f"`{text}` ended with {end.code} in version {version} of {function}.",
            hint=f"Its output is above; `{stage.command('logs')}` has all of it. "
            "It may have done a part of its work.",
            during=during,
        )


class _Lines:
    """What a command writes, as lines of the story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = b""

    def show(self, data: bytes, _: bool) -> None:
        """Show the lines that are complete."""
        *whole, self._begun = (self._begun + data).split(b"\n")
        for line in whole:
            self._console.note(line.decode(errors="replace"))

    def end(self) -> None:
        """Show what has no line break at its end."""
        if self._begun:
            self.show(b"\n", False)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What the app answered to a request."""

    status: int
    location: str
    """Where it sends the client; "" if it does not."""
    text: str
    """The beginning of the body."""
    refused: tuple[str, str] | None
    """What refuses the request's host, and the line that lets it in."""
    explained: tuple[str, str] | None
    """What the log tells of the exception behind a 500, and what to do."""

    @property
    def reason(self) -> str:
        """The end of a sentence about an unwelcome status: ": why", or "."."""
        if self.refused:
            return f": {self.refused[0]}."
        known = self.explained[0] if self.explained else self.text
        return f": {known}" if known else "."

    def __str__(self) -> str:
        return f"{self.status} {self.location}".rstrip()


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A finished invocation of a version."""

    version: str
    answer: dict[str, Any]
    payload: bytes

    @property
    def value(self) -> Any:
        return invocation.read_payload(self.payload)

    @property
    def log(self) -> str:
        """The end of what the version wrote to its log, as Lambda gives it."""
        return invocation.read_log(self.answer)

    def show_log(self, settings: Settings, console: Console) -> None:
        """Show the end of what the version wrote to its log."""
        invocation.show_log(self.answer, self.value, settings, console)

    def check(self, settings: Settings, console: Console, doing: str = "") -> None:
        """Return if the handler returned. Raises ReleaseFailed if `doing` ran out of time, else AppBroken."""
        if "FunctionError" not in self.answer:
            return
        self.show_log(settings, console)
        failure = invocation.failure(self.answer, self.value, settings)
        if doing and str(self.value.get("errorType", "")).startswith("Sandbox."):
            raise ReleaseFailed(
                f"{doing} in time: {failure.message}",
                hint="[function] timeout is the limit, of 1,800 seconds at most.",
                during=_during(self.version, settings),
            )
        raise AppBroken(
            f"The app does not start where it is deployed: {failure.message}",
            hint=failure.hint,
            during=_during(self.version, settings),
        )


def _get(version: str, path: str, stage: Stage, console: Console, *, url: str, stack: str) -> _Call:
    event = http_event.write(stage.settings, "GET", path, url=url, stack=stack)
    with console.step(f"Asking version {version} for {path}"):
        return _call(version, event, stage)


def _read(call: _Call, stage: Stage, path: str, url: str) -> _Answer:
    """Return the answer in the payload. Raises ReleaseFailed if it is no HTTP response."""
    try:
        response = http_event.read(stage.settings, call.payload)
    except FunctionFailed as error:
        during = _during(call.version, stage.settings)
        raise ReleaseFailed(f"GET {path}: {error.message}", hint=error.hint, during=during) from error
    host = http_event.find_host((), url)[0] if url else ""
    failed = response.status >= FIRST_SERVER_ERROR
    return _Answer(
        status=response.status,
        location=dict(response.headers).get("location", ""),
        text=" ".join(MARKUP.sub(" ", response.body[:BODY_READ].decode(errors="replace")).split())[
            :BODY_SHOWN
        ],
        refused=refused_host.explain(response.status, response.body, call.log, host) if host else None,
        explained=invocation.explain_log(call.answer, stage.settings) if failed else None,
    )


def _write_hint(answer: _Answer, stage: Stage) -> str:
    if answer.refused:
        return f"Let it in: {answer.refused[1]}"
    known = answer.explained[1] if answer.explained else ""
    return known or f"`{stage.command('logs')}` shows all that it wrote."


def _call(version: str, event: object, stage: Stage, function: str = "") -> _Call:
    answer, payload = invocation.call(
        function or stage.name, json.dumps(event).encode(), stage.account, version=version
    )
    return _Call(version=version, answer=answer, payload=payload)


def _during(version: str, settings: Settings) -> str:
    return f"trying version {version} of {settings.full_name}"
