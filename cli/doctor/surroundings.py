"""What is around the machine and the project: its settings, the AWS account, the local cloud."""

from collections.abc import Callable, Iterator

from lambdify.cli import aws
from lambdify.cli.doctor import machine
from lambdify.cli.doctor.finding import Finding
from lambdify.cli.errors import LambdifyError
from lambdify.cli.local.daemon import cloud, state
from lambdify.cli.settings import Settings
from lambdify.cli.storage import folders
from lambdify.cli.version import VERSION

PATIENCE = 10.0
"""Seconds for the local cloud's answer."""


def examine(read: Callable[[], Settings], *, local: bool) -> Iterator[Finding]:
    """Yield a finding for all there is; `read` reads the project's settings. With `local` AWS is left out."""
    settings = None
    yield from machine.look_at_versions()
    yield machine.look_at_pythons()
    yield machine.look_at_uv()
    yield from machine.look_at_room()
    try:
        settings = read()
    except LambdifyError as error:
        yield _failed("settings", error)
    else:
        file = settings.source.name if settings.source else "no file, which is fine"
        yield Finding(name="settings", state="ok", said=f"{file}; {settings.full_name}")
    yield machine.look_at_containers(settings)
    yield look_at_local_cloud()
    if not local and settings:
        yield look_at_account(settings)


def look_at_account(settings: Settings) -> Finding:
    """Return which account and region a deployment goes to; or, in one finding, what of both is missing."""
    try:
        account = aws.connect(settings)
    except LambdifyError as error:
        return _failed("AWS", error)
    return Finding(
        name="AWS", state="ok", said=f"account {account.account_id}, {account.region}, as {account.caller}"
    )


def look_at_local_cloud() -> Finding:
    """Return whether the local cloud runs, answers, and is of this version."""
    name, home = "local cloud", folders.home()
    again = "`lambdify local stop`; the next `lambdify deploy --local` starts another one."
    if state.is_broken(home):
        said = f"{home / state.FILE} is incomplete, or another version of lambdify wrote it"
        return Finding(name=name, state="warning", said=said, way_out=again)
    running = cloud.find()
    if running is None:
        said = "not running; `lambdify deploy --local` starts it"
        return Finding(name=name, state="ok", said=said)
    try:
        stages = cloud.status(running, patience=PATIENCE)
    except LambdifyError as error:
        return _failed(name, error)
    said = f"runs, with {len(stages)} {'stage' if len(stages) == 1 else 'stages'}: {running.endpoint_url}"
    if running.version != VERSION:
        said = f"{said}; lambdify {running.version} started it, this is {VERSION}"
        return Finding(name=name, state="warning", said=said, way_out=again)
    return Finding(name=name, state="ok", said=said)


def _failed(name: str, error: LambdifyError) -> Finding:
    return Finding(name=name, state="failed", said=error.message, way_out=error.hint)
