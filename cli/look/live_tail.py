"""Live Tail: CloudWatch sends the lines of a log as they arrive, so nothing has to be polled.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html

A session costs money per minute beyond the free minutes of a month, ends after three hours, and sends at most
500 lines a second: it says so if it left lines out.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.calls.log_lines import LogLine


def open_session(
    group: str, pattern: str, account: Account, *, sampled: Callable[[], None]
) -> Iterator[list[LogLine]]:
    """Yield the new lines of the group about once a second, often none; [] when the session starts.

    The iterator ends with the session. `sampled` is called when lines were left out. Raises AccessDenied,
    AwsError.
    """
    arn = f"arn:{account.partition}:logs:{account.region}:{account.account_id}:log-group:{group}"
    filtered = {"logEventFilterPattern": pattern} if pattern else {}
    with translated(during="following the log by Live Tail"):
        # Without retries: two sessions would cost twice as much.
        started = account.without_retries("logs").start_live_tail(logGroupIdentifiers=[arn], **filtered)
        with closing(started["responseStream"]) as events:
            yield from _read(events, sampled)


def _read(events: Any, sampled: Callable[[], None]) -> Iterator[list[LogLine]]:
    coming = iter(events)
    while event := attempt(lambda: next(coming, None), none_if="^SessionTimeoutException:"):
        if "sessionStart" in event:
            yield []
        elif "sessionUpdate" in event:
            update = event["sessionUpdate"]
            if update.get("sessionMetadata", {}).get("sampled"):
                sampled()
            yield [_line(each) for each in update.get("sessionResults", ())]


def _line(result: dict[str, Any]) -> LogLine:
    return LogLine(
        id="",
        at=datetime.fromtimestamp(result["timestamp"] / 1000, UTC),
        stream=result["logStreamName"],
        message=result["message"].rstrip("\n"),
    )
