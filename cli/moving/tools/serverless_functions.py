"""The functions of serverless.yml: the one that has the app, and those that other events call."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lambdify.cli.moving.reading import code as code_room
from lambdify.cli.moving.reading import readings, resources, sources
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Setting,
    WrongForm,
    as_list,
    as_number,
    as_table,
    as_text,
    as_texts,
    by_hand,
    carry,
    needless,
)
from lambdify.cli.moving.reading.sources import Source
from lambdify.cli.moving.tools.serverless_variables import is_open

HTTP = ("http", "httpApi")
LIMITS: Mapping[str, str] = {
    "memorySize": "memory", "timeout": "timeout", "ephemeralStorageSize": "storage",
    "reservedConcurrency": "reserved_concurrency", "maximumRetryAttempts": "retries",
}  # fmt: skip
"""Options of a function, and of [functions.NAME]."""
OF_WEB: Mapping[str, Keys] = {
    "ephemeralStorageSize": ("function", "storage"),
    "reservedConcurrency": ("function", "reserved_concurrency"),
    "provisionedConcurrency": ("function", "provisioned_concurrency"),
    "description": ("function", "description"),
}


def named(value: Any) -> dict[str, Mapping[str, Any]]:
    """Return the functions by name: of a table, or of a list of tables."""
    tables = [each for each in as_list(value) if isinstance(each, dict)]
    return {str(name): each for one in tables for name, each in one.items() if isinstance(each, dict)}


def find_web(functions: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the function that gets requests: a wrapper of an app before one with routes of its own."""
    wrapped = [name for name, each in functions.items() if "wsgi_handler" in str(each.get("handler", ""))]
    called = [name for name, each in functions.items() if each.get("url") or any(_routes(each))]
    # An app takes every path; a function with one route is one of several.
    catching = [
        name
        for name in called
        if any("proxy" in str(each) or "*" in str(each) for each in _routes(functions[name]))
    ]
    return next(iter([*wrapped, *catching, *called]), "")


def _routes(function: Mapping[str, Any]) -> Iterator[Any]:
    for kind, said in _events(function):
        if kind in {*HTTP, "alb"}:
            yield said


def _events(function: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for each in as_list(function.get("events")):
        if isinstance(each, dict):
            yield from ((str(kind), said) for kind, said in each.items())
        else:
            yield str(each), None


# ------------------------------------------------------------------------------------ the app


def app(name: str, function: Mapping[str, Any], wsgi: Any, code: Code) -> Iterator[Setting]:
    """Yield the app that the web function has, by what the plugin says, or by its handler."""
    if wsgi is not None:
        found = code_room.reference(as_text(wsgi))
        if found and code.has(found):
            yield carry("custom.wsgi.app", {("app",): found})
        else:
            yield by_hand("custom.wsgi.app", f"the project has no such app; {code.found}")
    key, handler = f"functions.{name}.handler", str(function.get("handler", ""))
    if name and (wsgi is not None or "wsgi_handler" in handler):
        yield needless(key, "the adapter takes its place")
    elif name:
        yield readings.app(key, handler, code)


# ------------------------------------------------------------------------------------ functions


def read(functions: Mapping[str, Mapping[str, Any]], web: str, code: Code) -> Iterator[Setting]:
    """Yield the functions with what calls them."""
    taken: dict[str, None] = {}
    for name, function in functions.items():
        key = f"functions.{name}"
        if name == web:
            yield from _web(key, function)
            continue
        runtime = str(function.get("runtime", "python"))
        if not runtime.startswith("python"):
            yield by_hand(key, f"its runtime is {runtime}: leave it in a stack of its own")
            continue
        ours = sources.name_for(name, taken)
        taken[ours] = None
        yield from _function(key, ours, function, code)


def _web(key: str, function: Mapping[str, Any]) -> Iterator[Setting]:
    for option, ours in OF_WEB.items():
        if option in function:
            value = function[option]
            yield readings.one(
                f"{key}.{option}", value, ours, as_text if option == "description" else as_number
            )
    if function.get("snapStart"):
        yield carry(f"{key}.snapStart", {("function", "snapstart"): True})
    if url := function.get("url"):
        yield from _url(f"{key}.url", url)
    kinds = [kind for kind, _ in _events(function)]
    for kind, said in _events(function):
        if kind in HTTP:
            yield from _guard(f"{key}.events.{kind}", said)
        elif kind == "schedule" and _is_warming(said):
            yield needless(f"{key}.events.schedule", "[warm] every keeps the function warm")
        else:
            yield by_hand(
                f"{key}.events.{kind}", "what is no request goes to a function of its own: [functions.NAME]"
            )
    if "http" in kinds:
        yield needless(
            f"{key}.events", "an HTTP API takes the place of the REST API, and has no stage in its paths"
        )
    elif "httpApi" in kinds:
        yield needless(f"{key}.events", "the endpoint sends every path to the app")
    yield from _left(key, function, {*OF_WEB, "snapStart", "url"})


def _is_warming(said: Any) -> bool:
    return "warm" in str(said).lower()


def _url(key: str, said: Any) -> Iterator[Setting]:
    options = said if isinstance(said, dict) else {}
    yield carry(key, {("http", "endpoint"): readings.OWN_URL})
    if options.get("authorizer") == "aws_iam":
        yield carry(f"{key}.authorizer", readings.CLOSED)
    if options.get("invokeMode") == "RESPONSE_STREAM":
        yield carry(f"{key}.invokeMode", {("http", "streaming"): True})
    if options.get("cors"):
        names = {
            "origins": "allowedOrigins", "methods": "allowedMethods", "headers": "allowedHeaders",
            "expose": "exposedResponseHeaders", "credentials": "allowCredentials", "max_age": "maxAge",
        }  # fmt: skip
        yield readings.cors(f"{key}.cors", options["cors"], names)


def _guard(key: str, said: Any) -> Iterator[Setting]:
    """Yield who may call a route: for every path, since lambdify has one route."""
    options = said if isinstance(said, dict) else {}
    if options.get("private"):
        yield carry(
            f"{key}.private",
            {("http", "endpoint"): "rest-api", ("http", "api_key"): True},
            "for every path; its paths begin with /live",
        )
    authorizer = options.get("authorizer")
    kind = authorizer.get("type") if isinstance(authorizer, dict) else authorizer
    if authorizer and str(kind).lower() == "aws_iam":
        yield carry(f"{key}.authorizer", readings.CLOSED, "for every path")
    elif authorizer:
        yield by_hand(
            f"{key}.authorizer",
            f"write [http.jwt] or [http.authorizer], which is for every path; {readings.UNTIL_THEN}",
            readings.CLOSED,
        )
    if options.get("cors"):
        yield by_hand(f"{key}.cors", "[http.cors] origins, or leave it to the app")


def _left(key: str, function: Mapping[str, Any], read_already: set[str]) -> Iterator[Setting]:
    """Yield the options of a function that are read nowhere else."""
    elsewhere = {
        "handler", "events", "environment", "runtime", "memorySize", "timeout", "vpc", "architecture",
        "kmsKeyArn", "logRetentionInDays", "name", "package", "module", "versionFunction", "tags", "tracing",
    }  # fmt: skip
    for option in function:
        if option not in elsewhere | read_already:
            yield by_hand(f"{key}.{option}", "see [function] and [functions.NAME] for what there is")


def _function(key: str, name: str, function: Mapping[str, Any], code: Code) -> Iterator[Setting]:
    handler = code_room.reference(str(function.get("handler", "")))
    if not handler:
        yield by_hand(
            key, 'it has no handler in Python: write [functions.NAME] and handler = "module:function"'
        )
        return
    found: list[Source] = []
    caveats: dict[str, None] = {}
    for kind, said in _events(function):
        at = f"{key}.events.{kind}"
        if kind in {*HTTP, "alb", "websocket"}:
            why = (
                "lambdify sends every path to the app: have the app call it"
                if kind != "websocket"
                else "lambdify has no WebSockets"
            )
            yield by_hand(at, why)
            continue
        for make in EVENTS.get(kind, _unknown)(said):
            try:
                found.append(make())
                caveats |= dict.fromkeys([sources.S3_CAVEAT] if kind == "s3" else [])
            except WrongForm as error:
                yield by_hand(at, f"[functions.{name}]: it is not {error}")
    limits = {}
    for option, ours in LIMITS.items():
        if option in function and is_open(function[option]):
            yield by_hand(f"{key}.{option}", f"[functions.{name}] {ours}: it is read from elsewhere")
        elif option in function:
            limits[ours] = as_number(function[option])
    if function.get("environment"):
        yield by_hand(
            f"{key}.environment", "variables are those of all functions: write them into [environment]"
        )
    yield from sources.function(key, name, handler, found, code, limits=limits, caveats=caveats)
    yield from _left(key, function, set(LIMITS))


# ------------------------------------------------------------------------------------ events

Makers = Iterator[Callable[[], Source]]


def _unknown(_: Any) -> Makers:
    def make() -> Source:
        raise WrongForm("an event that lambdify has an option for: `invokers`, or [resources]")

    yield make


def _target(value: Any) -> str:
    """Return an ARN, or the logical id of a resource. Raises WrongForm."""
    if is_open(value):
        raise WrongForm("known here: it is read from elsewhere")
    return resources.logical_id(value) or as_text(value)


def _schedule(said: Any) -> Makers:
    options = said if isinstance(said, dict) else {"rate": said}
    for each in as_list(options.get("rate")):
        yield partial(
            sources.schedule,
            each,
            enabled=options.get("enabled", True) is not False,
            given=options.get("input"),
            timezone=str(options.get("timezone", "")),
        )


def _queue(said: Any) -> Makers:
    yield partial(_mapping, "sqs", "queue", said if isinstance(said, dict) else {"arn": said})


def _stream(said: Any) -> Makers:
    options = said if isinstance(said, dict) else {"arn": said}
    kind = str(options.get("type") or ("kinesis" if ":kinesis:" in str(options.get("arn")) else "dynamodb"))
    yield partial(_mapping, kind, "stream", options)


def _mapping(option: str, target: str, said: Mapping[str, Any]) -> Source:
    if option not in {"sqs", "dynamodb", "kinesis"}:
        raise WrongForm("a queue or a stream")
    arn = _target(said.get("arn"))
    words = {
        "batch": said.get("batchSize"), "window": said.get("maximumBatchingWindow", said.get("batchWindow")),
        "start": said.get("startingPosition"), "enabled": said.get("enabled"),
    }  # fmt: skip
    if arn.startswith("arn:"):
        found, table = sources.by_arn(arn, words)
    else:
        found, table = (
            option,
            {target: arn, **{name: as_number(words[name]) for name in ("batch", "window") if words[name]}},
        )
    if patterns := as_list(said.get("filterPatterns")):
        table["filter"] = patterns
    return found, table


def _topic(said: Any) -> Makers:
    yield partial(_topic_source, said)


def _topic_source(said: Any) -> Source:
    options = said if isinstance(said, dict) and not resources.logical_id(said) else {"arn": said}
    target = _target(options.get("arn", options.get("topicName")))
    table: dict[str, Any] = {"topic": target}
    if options.get("filterPolicy"):
        table["filter"] = as_table(options["filterPolicy"])
    return "sns", table


def _bucket(said: Any) -> Makers:
    yield partial(_bucket_source, said)


def _bucket_source(said: Any) -> Source:
    options = said if isinstance(said, dict) and not resources.logical_id(said) else {"bucket": said}
    rules: dict[str, Any] = {}
    for each in as_list(options.get("rules")):
        rules |= as_table(each)
    words = {
        "events": as_texts(options.get("event")),
        "prefix": rules.get("prefix"),
        "suffix": rules.get("suffix"),
    }
    return sources.bucket(_target(options.get("bucket")), words)


def _bus(said: Any) -> Makers:
    options = as_table(said)
    if options.get("schedule"):
        yield partial(sources.schedule, options["schedule"], given=options.get("input"))
    if options.get("pattern"):
        bus = {"bus": options["eventBus"]} if options.get("eventBus") else {}
        yield lambda: (
            "events",
            {"pattern": as_table(options["pattern"]), **{k: _target(v) for k, v in bus.items()}},
        )


def _cloudwatch(said: Any) -> Makers:
    event = as_table(as_table(said).get("event"))
    yield lambda: ("events", {"pattern": event})


EVENTS: Mapping[str, Callable[[Any], Makers]] = {
    "schedule": _schedule,
    "sqs": _queue,
    "stream": _stream,
    "sns": _topic,
    "s3": _bucket,
    "eventBridge": _bus,
    "cloudwatchEvent": _cloudwatch,
}
