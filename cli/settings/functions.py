"""[functions.NAME], [tasks], [commands] and [failed]: what runs beside the web app, and what calls it.

Each class is a table of lambdify.toml with its options and their defaults. function_tables.py reads them,
schedules.py translates times, function_conflicts.py has what may not be set together.

A function without limits of its own runs in the app's Lambda, behind an alias of its name; one with limits
(`has_lambda`) in a Lambda of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lambdify.cli.settings import schedules

DAY = 86400
HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """[[functions.NAME.schedule]]: EventBridge Scheduler. One of `cron`, `every` and `at` is set."""

    cron: str = ""
    """Five fields as in crontab, or six as AWS has them."""
    every: str = ""
    """"10 minutes", "2 hours", "1 day"."""
    at: str = ""
    """"2027-01-31T12:00:00", in the time zone; once."""
    timezone: str = "UTC"
    detail: Any = field(default_factory=dict)
    """The event's "detail": the option `input`."""
    enabled: bool = True

    @property
    def expression(self) -> str:
        """The schedule as AWS writes it: "cron(0 6 ? * 2-6 *)", "rate(10 minutes)"."""
        if self.cron:
            return f"cron({schedules.translate_cron(self.cron)})"
        return f"rate({schedules.translate_every(self.every)})" if self.every else f"at({self.at})"

    @property
    def is_left_out(self) -> bool:
        """Whether it is none any more: its time had passed before it was ever deployed."""
        return not (self.cron or self.every or self.at)

    @property
    def written(self) -> str:
        """The schedule as the settings say it: 'cron = "0 6 * * *", Europe/Berlin'."""
        said = next(f'{name} = "{text}"' for name in ("cron", "every", "at") if (text := getattr(self, name)))
        return said if self.timezone == "UTC" else f"{said}, {self.timezone}"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """[[functions.NAME.sqs]]: an SQS queue."""

    queue: str
    """ARN, or a logical id of [resources]."""
    batch: int = 10
    """Messages of one call, at most."""
    window: int = 0
    """Seconds that are waited until a batch is full."""
    concurrency: int = 0
    """Calls at once; 0: as many as the function may have."""
    filter: tuple[Mapping[str, Any], ...] = ()
    """Patterns; a message that matches none is dropped."""
    kms_key: str = ""
    """ARN of the key that encrypts the queue."""
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Topic:
    """[[functions.NAME.sns]]: an SNS topic."""

    topic: str
    """ARN, or a logical id of [resources]."""
    filter: Mapping[str, Any] = field(default_factory=dict)
    """A filter policy on the attributes of messages."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """[[functions.NAME.s3]]: an S3 bucket, by EventBridge."""

    bucket: str
    """Name, or a logical id of [resources]."""
    events: tuple[str, ...] = ("Object Created",)
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"""
    key: tuple[str, ...] = ()
    """Patterns with *; an object's key matches one of them. Empty: every key."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """[[functions.NAME.events]]: events of an EventBridge bus."""

    pattern: Mapping[str, Any]
    bus: str = "default"
    """Name, ARN, or a logical id of [resources]."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """[[functions.NAME.dynamodb]] and [[functions.NAME.kinesis]]: the records of a stream."""

    stream: str
    """ARN, or a logical id of [resources]: of a table, or of a Kinesis stream."""
    batch: int = 100
    window: int = 0
    """Seconds that are waited until a batch is full."""
    start: Literal["latest", "oldest"] = "latest"
    """Where a stream that is new to the function begins."""
    retries: int = 3
    """How often a batch is tried again before it goes to the failed ones; meanwhile its shard waits."""
    bisect: bool = True
    """Whether a batch that failed is halved."""
    filter: tuple[Mapping[str, Any], ...] = ()
    kms_key: str = ""
    """ARN of the key that encrypts the stream."""
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Invoker:
    """[[functions.NAME.invokers]]: another service of AWS that may call the function."""

    service: str
    """"cognito-idp.amazonaws.com"."""
    arn: str
    """ARN of what calls; a logical id of [resources]."""


Source = Schedule | Queue | Topic | Bucket | Rule | Stream | Invoker


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """[functions.NAME]: a function of the project."""

    name: str
    """The name of its alias."""
    handler: str
    """"package.module:function"."""
    memory: int = 0
    """MB; 0: as the app."""
    timeout: int = 0
    """Seconds; 0: as the app."""
    storage: int = 0
    """MB of /tmp; 0: as the app."""
    reserved_concurrency: int | None = None
    """Environments set aside; None: as the app."""
    retries: int = 2
    """How often an event that came asynchronously is tried again."""
    max_age: int = 6 * HOUR
    """Seconds after which such an event is given up."""
    failed: str = ""
    """Where they go: "" the stage's failed queue, "none", an ARN or a logical id of [resources]."""
    schedule: tuple[Schedule, ...] = ()
    sqs: tuple[Queue, ...] = ()
    sns: tuple[Topic, ...] = ()
    s3: tuple[Bucket, ...] = ()
    events: tuple[Rule, ...] = ()
    dynamodb: tuple[Stream, ...] = ()
    kinesis: tuple[Stream, ...] = ()
    invokers: tuple[Invoker, ...] = ()

    @property
    def module(self) -> str:
        """The module of its handler: "shop.reports"."""
        return self.handler.partition(":")[0]

    @property
    def attribute(self) -> str:
        """The name of its handler in the module: "nightly"."""
        return self.handler.partition(":")[2]

    @property
    def has_lambda(self) -> bool:
        """Whether it has limits of its own, and so a Lambda of its own."""
        return bool(self.memory or self.timeout or self.storage) or self.reserved_concurrency is not None

    @property
    def id(self) -> str:
        """The name as a part of logical ids: "nightly-report" is "NightlyReport"."""
        return identifier(self.name)

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule calls it."""
        return any(not each.is_left_out for each in self.schedule)

    @property
    def sources(self) -> Iterator[tuple[str, int, Source]]:
        """What calls it: the option, the number in it from 1, and the source."""
        for option in SOURCES:
            for number, source in enumerate(getattr(self, option), 1):
                if not (isinstance(source, Schedule) and source.is_left_out):
                    yield option, number, source


SOURCES: Mapping[str, type[Source]] = {
    "schedule": Schedule,
    "sqs": Queue,
    "sns": Topic,
    "s3": Bucket,
    "events": Rule,
    "dynamodb": Stream,
    "kinesis": Stream,
    "invokers": Invoker,
}
"""The options that are lists of sources."""


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """[tasks]: calls of functions that are marked as tasks, by way of a queue."""

    workers: int
    """Tasks at once; 0: there is no queue, and a task runs where it is called."""
    timeout: int
    """Seconds."""
    memory: int
    """MB; 0: as the app."""
    attempts: int
    """How often a task is tried before it goes to the failed ones."""
    results: bool
    """Whether a table keeps results, by which duplicates are known, too."""


@dataclass(frozen=True, kw_only=True)
class Commands:
    """[commands]: the Lambda that commands run in."""

    timeout: int
    """Seconds; 0: there is no such Lambda."""
    memory: int
    """MB."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """[failed]: the queue of events and tasks that were given up."""

    notify: tuple[str, ...]
    """SNS topics, as ARNs or logical ids of [resources], that are told when the queue holds something."""


def identifier(name: str) -> str:
    """Return a name as a part of logical ids, which have letters and digits only."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))
