"""Validators: a reader for each type, and for options with further limits.

A reader returns a value as `Settings` stores it, or raises InvalidValue with a description of allowed values.
It also has a schema, by which an editor finds most of what it refuses: see schema.py. Each limit has a link
to its rule.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from lambdify.cli.packing.target import with_previews
from lambdify.cli.settings import app_reference
from lambdify.cli.settings.database import forms as database_forms
from lambdify.cli.settings.domains import forms
from lambdify.cli.settings.tables import METHODS, RETENTION_DAYS, ErrorLimit, Shift, TimeLimit

Schema = Mapping[str, Any]
"""A JSON Schema of draft 4, the last one that taplo reads: https://json-schema.org/specification-links#draft-4"""
Locate = Callable[[tuple[str, ...]], str]
"""Returns the place of a setting, for messages: "lambdify.toml, line 4"."""


class InvalidValue(Exception):
    """A reader refuses a value; the text describes the allowed values."""


@dataclass(frozen=True)
class Reader:
    """A reader of values: called with one, it returns it as `Settings` stores it, or raises InvalidValue."""

    read: Callable[[object], object]
    schema: Schema
    """What it takes; it may let through what the reader refuses, and never the other way round."""

    def __call__(self, value: object) -> object:
        """Return the value as `Settings` stores it. Raises InvalidValue."""
        return self.read(value)


def takes(schema: Schema) -> Callable[[Callable[[object], object]], Reader]:
    """Make a reader of a function: `schema` is what it takes."""
    return lambda read: Reader(read, schema)


def reader_of(hint: Any) -> Reader:
    """Return the reader for a type."""
    if get_origin(hint) is Literal:
        return one_of(*get_args(hint))
    if get_origin(hint) is tuple:
        return texts
    return {bool: boolean, int: integer(0), str: _text}[hint]


def one_of(*allowed: str | int) -> Reader:
    """Return a reader for a few allowed values."""

    @takes({"enum": [*allowed]})
    def reader(value: object) -> object:
        # In Python 1 == True, but true in TOML is not a number.
        if isinstance(value, bool) or value not in allowed:
            raise InvalidValue(f"one of {', '.join(json.dumps(each) for each in allowed if each != '')}")
        return value

    return reader


def integer(least: int, most: int | None = None, unit: str = "") -> Reader:
    """Return a reader for integers from `least` to `most`."""
    of = f" of {unit}" if unit else ""
    limits = f"from {least} to {most}" if most is not None else f"from {least} upwards"
    schema = {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})

    @takes(schema)
    def reader(value: object) -> object:
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or value < least
            or (most is not None and value > most)
        ):
            raise InvalidValue(f"a whole number{of} {limits}")
        return value

    return reader


def pattern_schema(pattern: str) -> Schema:
    """Return the schema of texts that a pattern matches from end to end."""
    return {"type": "string", "pattern": f"^({pattern})$"}


def matching(pattern: str, allowed: str, schema: Schema | None = None) -> Reader:
    """Return a reader for text that matches the pattern, or is ""; `allowed` describes it.

    `schema` is for patterns that editors read otherwise: to some of them only ASCII letters are letters.
    """

    @takes(schema or pattern_schema(f"({pattern})?"))
    def reader(value: object) -> object:
        if not isinstance(value, str) or (value and not re.fullmatch(pattern, value)):
            raise InvalidValue(allowed)
        return value

    return reader


@takes({"type": "string"})
def _text(value: object) -> object:
    if not isinstance(value, str):
        raise InvalidValue("text in quotes")
    return value


@takes({"type": "boolean"})
def boolean(value: object) -> object:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InvalidValue("true or false")
    return value


def list_schema(items: Schema, **limits: int) -> Schema:
    """Return the schema of lists."""
    return {"type": "array", "items": items, **limits}


def table_schema(options: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    """Return the schema of tables with these options and no others."""
    # Draft 4 has no empty list of what is required.
    needed = {"required": [*required]} if required else {}
    return {"type": "object", "properties": {**options}, **needed, "additionalProperties": False}


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidValue('a list of texts: ["one", "two"]')
    return tuple(value)


texts = Reader(_texts, list_schema({"type": "string"}))


@takes({"anyOf": [{"type": "string", "minLength": 1}, list_schema({"type": "string", "minLength": 1})]})
def _commands(value: object) -> object:
    """Return one command, or several, as a tuple."""
    commands = _texts([value] if isinstance(value, str) else value)
    if not all(map(str.strip, commands)):
        raise InvalidValue('a command, or a list of them: ["npm ci", "npm run build"]')
    return commands


_INSIDE = r"(?!/)(?!(.*/)?\.\.(/|$))[^:\n]+"
_DISTRIBUTION = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"


@takes({"type": "string", "pattern": "^$|:"})
def _app(value: object) -> object:
    if value == "":
        return value
    if not isinstance(value, str):
        raise InvalidValue(app_reference.FORM)
    try:
        app_reference.parse(value)
    except app_reference.Malformed as error:
        raise InvalidValue(str(error)) from error
    return value


@takes({"anyOf": [
    {"type": "integer", "minimum": 0, "maximum": 60},
    pattern_schema(r"off| *\d{1,4} *(minutes?|min|m|hours?|h)? *"),
]})  # fmt: skip
def _minutes(value: object) -> object:
    """Return the minutes between two keep-warm calls, from 5, "5 minutes", "1 hour", or "off", which is 0."""
    if isinstance(value, str):
        if value == "off":
            return 0
        if parts := re.fullmatch(r"(\d{1,4}) *(minutes?|min|m|hours?|h)?", value.strip()):
            value = int(parts[1]) * (60 if (parts[2] or "").startswith("h") else 1)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 60:
        raise InvalidValue('minutes from 1 to 60, such as "5 minutes", or "off"')
    return value


def arn(service: str, example: str) -> Reader:
    """Return a reader for ARNs of a service, in any partition."""
    return matching(rf"arn:aws[a-z-]*:({service}):\S+", f'an ARN, such as "{example}"')


def reference(service: str, what: str) -> Reader:
    """Return a reader for ARNs of a service, and for logical ids of [resources]; `what` it names."""
    return matching(
        rf"arn:aws[a-z-]*:({service}):\S+|[A-Za-z0-9]+",
        f"the ARN of {what}, or the logical id of one in [resources]",
    )


def or_zero(one: Reader, said: str | int = 0) -> Reader:
    """Return a reader that accepts 0 besides, for "not set", or what is `said` for it."""

    @takes({"anyOf": [{"enum": [said]}, one.schema]})
    def reader(value: object) -> object:
        if value == said and not isinstance(value, bool):
            return 0
        try:
            return one(value)
        except InvalidValue as error:
            raise InvalidValue(f"{error}, or {json.dumps(said)}") from error

    return reader


def list_of(one: Reader) -> Reader:
    """Return a reader for lists whose items the reader `one` accepts."""

    @takes(list_schema({"allOf": [{"type": "string", "minLength": 1}, one.schema]}))
    def reader(value: object) -> object:
        items = _texts(value)
        if "" in items:
            raise InvalidValue("a list without empty texts")
        return tuple(one(item) for item in items)

    return reader


@takes({"anyOf": [{"enum": ["off"]}, {"type": "integer", "minimum": 0}]})
def _reserved(value: object) -> object:
    if value == "off":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidValue('a whole number from 0, or "off"')
    return value


_SOME = list_schema({"type": "string"}, minItems=1)


@takes(list_schema(table_schema({"actions": _SOME, "resources": _SOME}, required=["actions", "resources"])))
def _statements(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise InvalidValue("tables: [[role.statements]], each with actions and resources")
    for statement in value:
        if not isinstance(statement, dict) or set(statement) != {"actions", "resources"}:
            raise InvalidValue(
                "tables: [[role.statements]], each with actions and resources, and nothing else"
            )
        if not all(_texts(part) for part in statement.values()):
            raise InvalidValue("statements with at least one action and one resource")
    return tuple({name: _texts(part) for name, part in statement.items()} for statement in value)


def spelled(pattern: str, allowed: str, make: Callable[[re.Match[str]], object]) -> Reader:
    """Return a reader for text that matches, of which `make` makes the value; None, from "", is not set."""

    @takes(pattern_schema(f"({pattern})?"))
    def reader(value: object) -> object:
        parts = re.fullmatch(pattern, value) if isinstance(value, str) else None
        if not parts and value != "":
            raise InvalidValue(f'{allowed}, or ""')
        return make(parts) if parts else None

    return reader


FUNCTION_REFERENCE = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*"
"""A module and the name of a function in it: "package.module:function"."""


def function_reference(
    allowed: str = 'a module and the name of a function in it: "package.module:function"',
) -> Reader:
    """Return a reader for a module and the name of a function in it; `allowed` describes it."""
    schema = {"type": "string", "pattern": r"^$|^[^:\s]+:[^:\s]+$"}
    return matching(FUNCTION_REFERENCE, allowed, schema)


_MINUTES = r"([1-9]\d?) minutes?"
MAX_TIMEOUT = 1800
"""Seconds, since November 2026; it was 900 before, which some of AWS's pages and tools still say.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""

READERS: Mapping[str, Reader] = {
    # The name is part of the stack's name, for which CloudFormation allows fewer characters than Lambda.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    "name": matching(r"[A-Za-z][A-Za-z0-9-]*", "letters, digits and hyphens, beginning with a letter"),
    "stage": matching(r"[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and hyphens"),
    "app": _app,
    "region": matching(r"[a-z]{2,4}(-[a-z]+)+-\d", 'the name of an AWS region, such as "eu-central-1"'),
    "function.python": one_of("", *with_previews()),
    "function.memory": integer(128, 10240, "MB"),
    "function.timeout": integer(1, MAX_TIMEOUT, "seconds"),
    "function.on_event": function_reference(),
    "function.wrapper": matching(app_reference.HANDLER, 'a handler, such as "tracing.handler"'),
    "function.description": matching(
        r"[\s\S]{0,256}", "text of up to 256 characters", {"type": "string", "maxLength": 256}
    ),
    "function.storage": integer(512, 10240, "MB"),
    "function.layers": list_of(arn("lambda", "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3")),
    "function.reserved_concurrency": _reserved,
    "function.dead_letter": arn("sqs|sns", "arn:aws:sqs:eu-west-1:123456789012:failed"),
    # An alias is not allowed, since the role's permission to decrypt needs the ARN of the key itself.
    "function.kms_key": matching(
        r"arn:aws[a-z-]*:kms:[^:]*:\d*:key/\S+",
        'the ARN of a key, such as "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"',
    ),
    "tasks.workers": or_zero(integer(2, 1000, "tasks")),
    "tasks.timeout": integer(1, MAX_TIMEOUT, "seconds"),
    "tasks.memory": or_zero(integer(128, 10240, "MB")),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    "tasks.attempts": integer(1, 1000),
    "commands.timeout": integer(0, MAX_TIMEOUT, "seconds"),
    "commands.memory": integer(128, 10240, "MB"),
    "failed.notify": list_of(reference("sns", "a topic")),
    "role.arn": arn("iam", "arn:aws:iam::123456789012:role/shop"),
    "role.boundary": arn("iam", "arn:aws:iam::123456789012:policy/boundary"),
    "role.managed_policies": list_of(arn("iam", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")),
    "role.statements": _statements,
    "vpc.subnets": list_of(matching(r"subnet-[0-9a-f]+", 'ids of subnets, such as "subnet-0a1b2c3d"')),
    "vpc.security_groups": list_of(matching(r"sg-[0-9a-f]+", 'ids of groups, such as "sg-0a1b2c3d"')),
    "efs.access_point": arn(
        "elasticfilesystem", "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0a1b"
    ),
    # https://docs.aws.amazon.com/lambda/latest/api/API_FileSystemConfig.html
    "efs.mount": matching(r"/mnt/[A-Za-z0-9_.-]+", 'a folder below /mnt, such as "/mnt/files"'),
    "database.port": integer(1, 65535),
    "database.ca": matching(_INSIDE, "the path of a file of the project", pattern_schema("([^/].*)?")),
    "build.omit": list_of(matching(_DISTRIBUTION, 'names of distributions, such as "uwsgi"')),
    "build.keep": list_of(matching(_DISTRIBUTION, 'names of distributions, such as "uvicorn"')),
    "build.include": list_of(
        matching(
            _INSIDE,
            "a list of paths inside the project, relative to its folder",
            pattern_schema("[^/].*"),
        )
    ),
    **dict.fromkeys(("hooks.before_package", "hooks.after_deploy", "hooks.after_undeploy"), _commands),
    "hooks.template": matching(
        rf"{_INSIDE}\.py:[A-Za-z_][A-Za-z0-9_]*",
        'a file of the project and the name of a function in it: "infra.py:template"',
        pattern_schema(r"([^/].*\.py:[A-Za-z_][A-Za-z0-9_]*)?"),
    ),
    "static.fallback": matching(
        r"[^\s/?#][^\s?#]*", 'the path of a page among the files, such as "index.html"'
    ),
    "static.immutable": list_of(matching(r"\S+", 'patterns of names, such as "assets/*"')),
    "static.keep": integer(0, 3650, "days"),
    "build.audit_ignore": list_of(
        matching(r"[A-Za-z]+(-[A-Za-z0-9]+)+", 'ids of advisories, such as "GHSA-x84v-xcm2-53pg"')
    ),
    "build.audit_service": matching(r"https?://[^/@\s]+(/\S*)?", 'an address, such as "https://api.osv.dev"'),
    "http.allow_from": list_of(matching(r"[0-9a-fA-F.:]+/\d{1,3}", 'IP ranges, such as "192.0.2.0/24"')),
    "http.vpc_endpoints": list_of(matching(r"vpce-[0-9a-f]+", 'ids of endpoints, such as "vpce-0a1b2c3d"')),
    "http.cors.origins": list_of(
        matching(r"\*|https?://[^/\s]+", 'origins, such as "https://shop.example", or "*"')
    ),
    "http.cors.methods": list_of(one_of(*METHODS)),
    "http.cors.max_age": integer(0, 86400, "seconds"),
    "http.jwt.issuer": matching(r"https://\S+", "the https:// URL of who issues the tokens"),
    "http.authorizer.function": arn("lambda", "arn:aws:lambda:eu-west-1:123456789012:function:who"),
    "http.authorizer.remember": integer(0, 3600, "seconds"),
    "http.alb.listener": arn(
        "elasticloadbalancing", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/1/2"
    ),
    "http.alb.priority": integer(1, 50000),
    "cdn.web_acl": arn("wafv2", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/0a1b2c3d"),
    "warm.every": _minutes,
    "warm.concurrency": or_zero(integer(1, 100, "environments"), "auto"),
    "release.smoke": matching(r"off|/\S*", 'a path, such as "/health", or "off"'),
    "release.status": integer(100, 599),
    "release.keep": integer(1, 100, "releases"),
    "release.shift": spelled(
        r"([1-9]\d?)% every ([1-9]\d{0,2}) minutes?",
        'a part and a pause, such as "10% every 2 minutes"',
        lambda said: Shift(percent=int(said[1]), minutes=int(said[2])),
    ),
    "release.errors": integer(1, 1_000_000),
    "release.alarms": list_of(matching(r"[^:]{1,255}", 'names of alarms, such as "shop-5xx"')),
    "release.alarm_actions": list_of(arn("sns", "arn:aws:sns:eu-west-1:123456789012:alerts")),
    "alarms.email": list_of(matching(r"[^\s@]+@[^\s@]+\.[^\s@]+", 'addresses, such as "ops@shop.example"')),
    "alarms.topic": reference("sns", "a topic"),
    "alarms.errors": spelled(
        rf"(\d{{1,6}}|\d{{1,2}}(\.\d{{1,2}})?%) for {_MINUTES}",
        'a share or a number, and minutes: "1% for 5 minutes", "10 for 5 minutes"',
        lambda said: ErrorLimit(value=float(said[1].rstrip("%")), share="%" in said[1], minutes=int(said[3])),
    ),
    "alarms.slow": spelled(
        rf"p(50|90|95|99) over (\d{{1,4}}(\.\d{{1,3}})?) s for {_MINUTES}",
        'a percentile, seconds and minutes: "p95 over 2 s for 10 minutes"',
        lambda said: TimeLimit(percentile=int(said[1]), seconds=float(said[2]), minutes=int(said[4])),
    ),
    "domain.names": list_of(matching(*forms.NAME)),
    **{name: matching(*form) for name, form in (forms.FORMS | database_forms.FORMS).items()},
    "logs.retention": one_of(*RETENTION_DAYS),
    "local.port": integer(0, 65535),
}
"""Limits of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
