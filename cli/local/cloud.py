"""The local cloud, as the commands see it: make sure that it runs, find it, end it.

One daemon per home folder (see daemon.py) hosts ministack, the sandboxes and the gateways. This module is
the only door to it: commands never talk to the daemon by themselves.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.settings import Settings

if TYPE_CHECKING:
    from lambdify.cli.console import Console

CREDENTIALS = ("test", "test")
"""ministack takes any pair; none of the user's own is ever sent to it."""
REGION = "us-east-1"
"""Where a stage lives locally when its settings name no region."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A local cloud that runs."""

    endpoint_url: str
    """Where boto3 finds AWS's APIs."""
    control_url: str
    """Where the daemon takes invocations and questions."""
    pid: int
    version: str
    """Of the lambdify that started it."""
    home: Path


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One line of `lambdify local status`."""

    name: str
    region: str
    url: str
    function: str
    version: str
    environments: int


def ensure(console: "Console") -> Cloud:
    """The running local cloud, started if there is none. Raises LocalCloudFailed."""


def find() -> Cloud | None:
    """The local cloud that is running now, if any."""


def stop(console: "Console") -> bool:
    """End the local cloud and everything in it; True when there was something to end."""


def prepare(settings: Settings, cloud: Cloud) -> Settings:
    """The settings as every command with --local uses them.

    Adds the variable that makes ministack hand invocations to us, fixes a region where none is set, and
    drops the AWS profile: local commands must work without one.
    """
    return replace(
        settings,
        region=settings.region or REGION,
        profile="",
        environment={**settings.environment, "MINISTACK_LAMBDA_PROXY_URL": f"{cloud.control_url}/invoke"},
    )


def endpoint(cloud: Cloud, settings: Settings) -> str:
    """Make the stage's gateway listen, if it does not yet; its URL on 127.0.0.1. Raises PortTaken."""


def status(cloud: Cloud) -> tuple[Stage, ...]:
    """The stages that the local cloud serves."""
