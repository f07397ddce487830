"""lambdify logs: the function's lines in CloudWatch Logs, as they come.

Lines of several environments reach CloudWatch out of order and up to some seconds late, so each look goes
back a little, and what was told once is not told again.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdify.cli import stack, template
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.settings import Settings

LATE = timedelta(seconds=30)
"""How late a line may come and still be told."""
PAUSE = 1.0
"""Seconds between two looks: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One event of a log stream."""

    id: str
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
    """The lines since then, oldest first, and with `follow` those still to come. Raises NotDeployed."""
    # CloudWatch counts in milliseconds.
    since = since.replace(microsecond=since.microsecond // 1000 * 1000)
    told: dict[str, datetime] = {}
    while True:
        for line in _look(settings, account, since):
            if line.id not in told:
                told[line.id] = line.at
                yield line
        if not follow:
            return
        since = max([since, *(at - LATE for at in told.values())])
        told = {id_: at for id_, at in told.items() if at >= since}
        sleep(PAUSE)


@translated(during="reading the logs")
def _look(settings: Settings, account: Account, since: datetime) -> list[LogLine]:
    group, start = template.log_group(settings), round(since.timestamp() * 1000)
    pages = account.client("logs").get_paginator("filter_log_events").paginate
    found: Any = attempt(
        lambda **search: list(pages(**search)),
        none_if="^ResourceNotFoundException:",
        logGroupName=group,
        startTime=start,
    )
    if found is None:
        raise stack.not_deployed(settings, account)
    lines = [_read_line(event) for page in found for event in page["events"]]
    return sorted(lines, key=lambda line: line.at)


def _read_line(event: dict[str, Any]) -> LogLine:
    return LogLine(
        id=event["eventId"],
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        stream=event["logStreamName"],
        message=event["message"].rstrip("\n"),
    )
