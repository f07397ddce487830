"""What is uploaded: the bundle's archives in S3, under keys that say their content."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings

if TYPE_CHECKING:
    from lambdify.cli.build.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A bundle that is in S3."""

    bucket: str
    app_key: str
    layer_key: str | None
    uploaded: tuple[str, ...]
    """The keys that were not there yet."""


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What `remove_stage` took away."""

    objects: int
    bucket: bool


def put(bundle: "Bundle", settings: Settings, account: Account, console: Console) -> Artifact:
    """Upload what the bucket does not have yet."""


def remove_stage(settings: Settings, account: Account) -> Removed:
    """Delete the stage's archives, and the bucket when nothing else is in it."""
