"""What comes of a batch of records when the function has had it: done, again, or given up. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ENDLESS = -1
"""The value of a limit that is none."""


class Rules(NamedTuple):
    """What the mapping of a stream says."""

    size: int
    """Records of a batch at most."""
    window: float
    """Seconds in which a batch is gathered."""
    retries: int
    """Attempts after the first one; ENDLESS until the records expire."""
    max_age: float
    """Seconds after which a record that fails is given up; ENDLESS for never."""
    bisect: bool
    """Whether a batch that fails is halved first."""
    partial: bool
    """Whether the function reports which records have failed."""
    on_failure: str
    """ARN of the destination; "" for none."""


class Verdict(NamedTuple):
    """What comes of a batch."""

    done: int
    """The records from its start that are done with."""
    size: int | None = None
    """Records of the next batch, if they are a part of this one."""
    attempts: int = 0
    """How often the next batch has failed."""
    given_up: str = ""
    """Why the records are done with though they failed: AWS's name of the condition."""

    @property
    def failed(self) -> bool:
        """Whether a part of the batch has to be repeated or was given up."""
        return self.size is not None or bool(self.given_up)


def read_rules(mapping: Mapping[str, Any]) -> Rules:
    """Return the rules of an event source mapping of a stream."""
    destinations = mapping.get("DestinationConfig") or {}
    return Rules(
        size=int(mapping.get("BatchSize") or 100),
        window=float(mapping.get("MaximumBatchingWindowInSeconds") or 0),
        retries=int(mapping.get("MaximumRetryAttempts", ENDLESS)),
        max_age=float(mapping.get("MaximumRecordAgeInSeconds", ENDLESS)),
        bisect=bool(mapping.get("BisectBatchOnFunctionError")),
        partial=reports_failures(mapping),
        on_failure=(destinations.get("OnFailure") or {}).get("Destination") or "",
    )


def reports_failures(mapping: Mapping[str, Any]) -> bool:
    """Return whether the function of a mapping reports which records have failed."""
    return "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ())


def read_failures(returned: Any, known: Sequence[str]) -> set[str]:
    """Return the identifiers of the records that a function reports as failed.

    `returned` is its result, `known` are the identifiers of the batch. All of them have failed if the result
    is none of the documented form, or names a record that is not in the batch.
    """
    if returned is None:
        return set()
    items = returned.get("batchItemFailures") if isinstance(returned, dict) else [returned]
    if not items:
        return set()
    named = [
        item.get("itemIdentifier") if isinstance(item, dict) else None
        for item in (items if isinstance(items, list) else [items])
    ]
    return {str(each) for each in named} if set(named) <= set(known) else set(known)


def judge(
    result: Mapping[str, Any], known: Sequence[str], rules: Rules, *, attempts: int, age: float
) -> Verdict:
    """Return what comes of a stream's batch.

    `result` is ministack's, `known` are the identifiers of its records, `attempts` is how often it has failed
    before, and `age` are the seconds since its oldest record came.
    """
    count = len(known)
    if result.get("throttle"):
        return Verdict(0, count, attempts)
    failed = set(known) if result.get("error") else set()
    if not failed and rules.partial:
        failed = read_failures(result.get("body"), known)
    if not failed:
        return Verdict(count)
    first = min(known.index(each) for each in failed)
    if first:
        return Verdict(first, count - first)
    if 0 <= rules.max_age < age:
        return Verdict(count, given_up="RecordAgeExceeded")
    if rules.bisect and count > 1:
        return Verdict(0, count // 2, attempts)
    if 0 <= rules.retries <= attempts:
        return Verdict(count, given_up="RetryAttemptsExhausted")
    return Verdict(0, count, attempts + 1)
