"""lambdify undeploy: take a stage away, and leave nothing behind."""

from dataclasses import dataclass

from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What was there, and no longer is."""

    stack: bool
    log_groups: tuple[str, ...]
    """Those that outlived the stack."""
    objects: int
    """Archives deleted from the bucket."""
    bucket: bool
    """Whether the bucket went with its last stage."""


def undeploy(settings: Settings, account: Account, console: Console, *, yes: bool = False) -> Removal:
    """Delete everything that the stage owns; `yes` does it without asking. Raises NotDeployed."""
