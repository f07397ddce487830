"""The trial of a version before it gets traffic: it starts, its command succeeds, it answers.

Each check is an invocation of the version itself, which no request reaches yet:

    [release] command    runs in the version, with its code, environment and role, such as migrations
    [release] smoke      an HTTP request as the endpoint would hand it on, which has to get `status`
    neither              the keep-warm event, which imports the app

Rules:
- The command is in the bundle. The event only says that it is to run, so a caller of the function cannot make
  it run anything else. The event is one key that no HTTP event equals (adapter/entry.py).
- The log of a version that fails is shown. The output of a command is always shown.
"""

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambdify.cli import template
from lambdify.cli.aws import translated
from lambdify.cli.calls import http_event, invocation
from lambdify.cli.console import Console
from lambdify.cli.errors import AppBroken, FunctionFailed, ReleaseFailed
from lambdify.cli.releases import command_token
from lambdify.cli.settings import Settings
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage

COMMAND_EVENT = {"lambdify": "release-command"}
"""The event that runs the bundle's command; adapter/release_command.py says what comes back."""
PAUSE = 2.0
"""Seconds between two requests for the state of a version that is not ready."""
BODY_SHOWN = 500
"""Characters of the body that are shown if the status is not the expected one."""


@dataclass(frozen=True, kw_only=True)
class SmokeRequest:
    """A request, and the status that it has to get."""

    path: str
    status: int


def run(version: str, deployed: Stack, stage: Stage, console: Console) -> None:
    """Run every check that the settings ask for. Raises AppBroken, ReleaseFailed."""
    if stage.settings.function.reserved_concurrency == 0:
        console.warn(
            f"Version {version} is not tried: [function] reserved_concurrency = 0 stops the function."
        )
        return
    if stage.settings.function.snapstart or stage.settings.release.express:
        wait_until_ready(version, stage, console)
    if stage.settings.release.command:
        run_command(version, deployed, stage, console)
    if stage.settings.release.smoke:
        smoke = SmokeRequest(path=stage.settings.release.smoke, status=stage.settings.release.status)
        send_smoke_request(version, smoke, deployed, stage, console)
    elif not stage.settings.release.command:
        wake(version, stage, console)


@translated(during="waiting for the version")
def wait_until_ready(version: str, stage: Stage, console: Console, *, sleep: Sleep = time.sleep) -> None:
    """Wait until the version can be invoked: a snapshot takes minutes, and express mode does not wait for it.

    Raises AppBroken if Lambda could not start it.
    """
    fetch = partial(
        stage.client("lambda").get_function_configuration,
        FunctionName=stage.name,
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


def send_smoke_request(
    version: str, smoke: SmokeRequest, deployed: Stack, stage: Stage, console: Console
) -> None:
    """Send the version a GET request. Raises AppBroken, and ReleaseFailed for an unexpected status."""
    url = deployed.outputs.get("Endpoint", "")
    event = http_event.write(stage.settings, "GET", smoke.path, url=url)
    with console.step(f"Asking version {version} for {smoke.path}"):
        call = _call(version, event, stage)
    call.check(stage.settings, console, doing=f"GET {smoke.path} was not answered")
    try:
        response = http_event.read(stage.settings, call.payload)
    except FunctionFailed as error:
        raise ReleaseFailed(
            error.message, hint=error.hint, during=_during(version, stage.settings)
        ) from error
    if response.status == smoke.status:
        return
    call.show_log(console)
    text = " ".join(response.body.decode(errors="replace").split())
    raise ReleaseFailed(
        f"Version {version} answered GET {smoke.path} with {response.status} instead of {smoke.status}"
        + (f": {text[:BODY_SHOWN]}" if text else "."),
        hint=f"`{stage.command('logs')}` shows all that it wrote.",
        during=_during(version, stage.settings),
    )


def run_command(version: str, deployed: Stack, stage: Stage, console: Console) -> None:
    """Run the bundle's command in the version. Raises AppBroken, and ReleaseFailed if the command fails."""
    with console.step(f"Running `{stage.settings.release.command}` in version {version}"):
        call = _call(version, COMMAND_EVENT | {"token": command_token.make(stage, deployed)}, stage)
    call.check(stage.settings, console, doing=f"`{stage.settings.release.command}` did not end")
    for line in str(call.value["output"]).splitlines():
        console.note(line)
    if call.value["code"] == 0:
        return
    raise ReleaseFailed(
        f"`{stage.settings.release.command}` ended with {call.value['code']} in version {version}.",
        hint=f"Its output is above; `{stage.command('logs')}` has all of it. "
        "It may have done a part of its work.",
        during=_during(version, stage.settings),
    )


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A finished invocation of a version."""

    version: str
    answer: dict[str, Any]
    payload: bytes

    @property
    def value(self) -> Any:
        return invocation.read_payload(self.payload)

    def show_log(self, console: Console) -> None:
        """Show the end of what the version wrote to its log."""
        invocation.show_log(self.answer, self.value, console)

    def check(self, settings: Settings, console: Console, doing: str = "") -> None:
        """Return if the handler returned. Raises ReleaseFailed if `doing` ran out of time, else AppBroken."""
        if "FunctionError" not in self.answer:
            return
        self.show_log(console)
        failure = invocation.failure(self.value, settings)
        if doing and str(self.value.get("errorType", "")).startswith("Sandbox."):
            raise ReleaseFailed(
                f"{doing} in time: {failure.message}",
                hint="[function] timeout is the limit, of 900 seconds at most.",
                during=_during(self.version, settings),
            )
        raise AppBroken(
            f"The app does not start where it is deployed: {failure.message}",
            hint=failure.hint,
            during=_during(self.version, settings),
        )


def _call(version: str, event: object, stage: Stage) -> _Call:
    answer, payload = invocation.call(stage.name, json.dumps(event).encode(), stage.account, version=version)
    return _Call(version=version, answer=answer, payload=payload)


def _during(version: str, settings: Settings) -> str:
    return f"trying version {version} of {settings.full_name}"
