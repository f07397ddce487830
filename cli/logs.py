"""lambdify logs: the function's lines in CloudWatch Logs, as they come."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lambdify.cli.aws import Account
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One event of a log stream."""

    at: datetime
    """In UTC."""
    stream: str
    message: str
    """Without the line end."""


def read(
    settings: Settings,
    account: Account,
    *,
    since: datetime,
    follow: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """The lines since then, oldest first; with `follow` also those still to come, without end. Raises NotDeployed."""
