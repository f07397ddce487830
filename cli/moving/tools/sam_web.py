"""The function of a SAM template that gets the requests: its properties are those of the web app here."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from lambdify.cli.moving.reading import readings
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

TIMEOUT, MEMORY = 3, 128
"""Seconds and MB where a template says nothing: Lambda's own defaults."""
WEB_ADAPTER = re.compile(
    r"^(AWS_LWA_|READINESS_|ASYNC_INIT$|AWS_LAMBDA_EXEC_WRAPPER$|PORT$|REMOVE_BASE_PATH$|ENABLE_COMPRESSION$)"
)
"""Variables of the Lambda Web Adapter. https://github.com/awslabs/aws-lambda-web-adapter"""


class Function(NamedTuple):
    """A function of the template, with what Globals say."""

    name: str
    properties: Mapping[str, Any]

    @property
    def events(self) -> dict[str, Any]:
        """Its events by name."""
        events = self.properties.get("Events")
        return events if isinstance(events, dict) else {}

    @property
    def is_web(self) -> bool:
        """Whether requests reach it."""
        kinds = {each.get("Type") for each in self.events.values() if isinstance(each, dict)}
        return bool({"Api", "HttpApi"} & kinds or self.properties.get("FunctionUrlConfig"))


def has_web_adapter(function: Function) -> bool:
    """Whether the Lambda Web Adapter, or a container image, starts the app as a server."""
    layers = str(function.properties.get("Layers"))
    return "LambdaAdapterLayer" in layers or function.properties.get("PackageType") == "Image"


def read(function: Function) -> Iterator[Setting]:
    """Yield the properties of the function that gets the requests."""
    properties = function.properties
    defaults: Mapping[str, Any] = {"Timeout": TIMEOUT, "MemorySize": MEMORY}
    for key, (option, read_value) in OPTIONS.items():
        if key in properties:
            yield readings.one(f"{function.name}.{key}", properties[key], option, read_value)
        elif key in defaults:
            yield carry(f"({key})", {option: defaults[key]}, "unsaid, Lambda's default")
    for key, value in properties.items():
        at = f"{function.name}.{key}"
        if key in READERS:
            try:
                yield from READERS[key](at, value, function)
            except WrongForm as error:
                yield by_hand(at, f"it is not {error}")
        elif key in NEEDLESS:
            yield needless(at, NEEDLESS[key])
        elif key not in OPTIONS and key != "Handler":
            yield by_hand(at, "see [function] for what there is")


OPTIONS: Mapping[str, tuple[Keys, Callable[[object], object]]] = {
    "MemorySize": (("function", "memory"), as_number),
    "Timeout": (("function", "timeout"), as_number),
    "Description": (("function", "description"), as_text),
    "KmsKeyArn": (("function", "kms_key"), as_text),
    "ReservedConcurrentExecutions": (("function", "reserved_concurrency"), as_number),
    "Architectures": (("function", "architecture"), readings.architecture),
    "Role": (("role", "arn"), as_text),
    "PermissionsBoundary": (("role", "boundary"), as_text),
    "Tags": (("tags",), readings.tags),
}
NEEDLESS: Mapping[str, str] = {
    "CodeUri": "the folder of the app is found with it",
    "PackageType": "[build] form chooses; an image is made where zips would be too large",
    "FunctionName": "the function is called NAME-STAGE",
    "AutoPublishAlias": "every release is a version, and the alias is `live`",
    "ImageUri": "an image is made from the project",
    "InlineCode": "the project is packed",
}


def _runtime(key: str, value: Any, _: Function) -> Iterator[Setting]:
    yield readings.python(key, value)


def _tracing(key: str, value: Any, _: Function) -> Iterator[Setting]:
    yield (
        carry(key, {("function", "tracing"): True}) if value == "Active" else needless(key, "off by default")
    )


def _storage(key: str, value: Any, _: Function) -> Iterator[Setting]:
    yield readings.one(f"{key}.Size", as_table(value).get("Size"), ("function", "storage"), as_number)


def _snap_start(key: str, value: Any, _: Function) -> Iterator[Setting]:
    on = as_table(value).get("ApplyOn") == "PublishedVersions"
    yield carry(key, {("function", "snapstart"): True}) if on else needless(key, "off by default")


def _provisioned(key: str, value: Any, _: Function) -> Iterator[Setting]:
    number = as_table(value).get("ProvisionedConcurrentExecutions")
    yield readings.one(key, number, ("function", "provisioned_concurrency"), as_number)


def _vpc(key: str, value: Any, _: Function) -> Iterator[Setting]:
    said = as_table(value)
    yield from readings.network(key, said.get("SubnetIds"), said.get("SecurityGroupIds"))


def _dead_letter(key: str, value: Any, _: Function) -> Iterator[Setting]:
    yield readings.one(key, as_table(value).get("TargetArn"), ("function", "dead_letter"))


def _layers(key: str, value: Any, _: Function) -> Iterator[Setting]:
    given = [each for each in as_list(value) if "LambdaAdapterLayer" not in str(each)]
    if given:
        yield (
            readings.one(key, given, ("function", "layers"), as_texts)
            if not readings.holds_reference(given)
            else by_hand(
                key, "dependencies are a layer already; others are named by their ARNs in [function] layers"
            )
        )


def variables(function: Function) -> dict[str, str]:
    """Return a function's variables, each value as one text, to be compared."""
    environment = function.properties.get("Environment")
    found = environment.get("Variables") if isinstance(environment, dict) else None
    return {str(name): repr(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _environment(key: str, value: Any, function: Function) -> Iterator[Setting]:
    variables = as_table(as_table(value).get("Variables"))
    adapters = has_web_adapter(function)
    for name in [each for each in variables if adapters and WEB_ADAPTER.match(each)]:
        yield needless(f"{key}.{name}", "it is the Web Adapter's")
        if name == "AWS_LWA_INVOKE_MODE" and str(variables[name]).lower() == "response_stream":
            yield carry(f"{key}.{name}", {("http", "streaming"): True})
        if name == "AWS_LWA_READINESS_CHECK_PATH" and variables[name] != "/":
            yield readings.one(f"{key}.{name}", variables[name], ("release", "smoke"))
        del variables[name]
    yield from readings.variables(key, variables)


def _policies(key: str, value: Any, _: Function) -> Iterator[Setting]:
    statements: list[Any] = []
    for number, each in enumerate(as_list(value), 1):
        if isinstance(each, str):
            yield _managed(f"{key} {number}", each)
        elif isinstance(each, dict) and "Statement" in each:
            statements += as_list(each["Statement"])
        elif isinstance(each, dict):
            template = next(iter(each), "it")
            yield by_hand(
                f"{key} {number}",
                f"{template} is SAM's: write its statement as [[role.statements]]",
            )
    if statements:
        yield from readings.rights(key, statements)


BASIC = {"AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSLambdaVPCAccessExecutionRole"}
"""Policies whose rights the function's role has anyway, where it needs them."""


def _managed(key: str, name: str) -> Setting:
    if name.rpartition("/")[2] in BASIC:
        return needless(key, "the function's role may do that anyway")
    # SAM knows AWS's own policies by their names.
    arn = name if name.startswith("arn:") else f"arn:aws:iam::aws:policy/{name}"
    return carry(key, {("role", "managed_policies"): [arn]})


def _url(key: str, value: Any, _: Function) -> Iterator[Setting]:
    said = as_table(value)
    yield carry(key, {("http", "endpoint"): readings.OWN_URL})
    if said.get("AuthType") != "NONE":
        yield carry(f"{key}.AuthType", {("http", "auth"): "iam"})
    if said.get("InvokeMode") == "RESPONSE_STREAM":
        yield carry(f"{key}.InvokeMode", {("http", "streaming"): True})
    if said.get("Cors"):
        names = {
            "origins": "AllowOrigins", "methods": "AllowMethods", "headers": "AllowHeaders",
            "expose": "ExposeHeaders", "credentials": "AllowCredentials", "max_age": "MaxAge",
        }  # fmt: skip
        yield readings.cors(f"{key}.Cors", said["Cors"], names)


def _web_events(key: str, value: Any, _: Function) -> Iterator[Setting]:
    for name, each in as_table(value).items():
        event = as_table(each)
        at = f"{key}.{name}"
        properties = event.get("Properties")
        properties = properties if isinstance(properties, dict) else {}
        if event.get("Type") not in {"Api", "HttpApi"}:
            yield by_hand(at, "what is no request goes to a function of its own: [functions.NAME]")
            continue
        yield needless(at, "the endpoint sends every path to the app")
        auth = properties.get("Auth")
        if isinstance(auth, dict) and auth.get("ApiKeyRequired"):
            yield carry(
                f"{at}.Auth", {("http", "endpoint"): "rest-api", ("http", "api_key"): True}, "for every path"
            )
        elif auth:
            yield closed(f"{at}.Auth")


def closed(key: str) -> Setting:
    """Return what lets nobody in until the user has written who may call."""
    return by_hand(
        key,
        f"write [http.jwt], [http.authorizer] or allow_from, which is for every path; {readings.UNTIL_THEN}",
        readings.CLOSED,
    )


READERS: Mapping[str, Callable[[str, Any, Function], Iterator[Setting]]] = {
    "Runtime": _runtime,
    "Tracing": _tracing,
    "EphemeralStorage": _storage,
    "SnapStart": _snap_start,
    "ProvisionedConcurrencyConfig": _provisioned,
    "VpcConfig": _vpc,
    "DeadLetterQueue": _dead_letter,
    "Layers": _layers,
    "Environment": _environment,
    "Policies": _policies,
    "FunctionUrlConfig": _url,
    "Events": _web_events,
}
