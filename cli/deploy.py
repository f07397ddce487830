"""lambdify deploy, from a bundle to an endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings

if TYPE_CHECKING:
    from lambdify.cli.build.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A stage that is up."""

    stack: str
    endpoint: str
    function: str
    version: str
    region: str
    changed: bool
    """False when there was nothing to do."""
    uploaded: tuple[str, ...]
    """Keys of the archives that were not in the bucket yet."""


def deploy(
    settings: Settings, pack: Callable[[], "Bundle"], account: Account, console: Console, *, yes: bool = False
) -> Deployment:
    """Bring the stage to what the settings and the bundle say; `yes` applies without asking."""
