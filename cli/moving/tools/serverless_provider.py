"""`provider` of serverless.yml: what holds for all functions, and for the web app here."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources as packaged
from typing import Any, NamedTuple

from lambdify.cli.moving.reading import readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Setting,
    WrongForm,
    as_number,
    as_table,
    as_text,
    as_texts,
    by_hand,
    carry,
    needless,
)
from lambdify.cli.moving.tools.serverless_variables import is_open

DEFAULTS: Mapping[str, int] = {"memorySize": 1024, "timeout": 6}
"""What the framework takes where a file says nothing."""
OPEN = "it is read from elsewhere when you deploy: write what it is"
_PARAMETER = re.compile(
    r"\$\{ssm(?:\([^)]*\))?:([\w./-]+)(?:~true)?\}|\{\{resolve:ssm(?:-secure)?:([\w./-]+?)(?::\d+)?\}\}"
)
"""A whole value that stands in Parameter Store."""


class Service(NamedTuple):
    """A file of the framework, with its variables filled in for a stage."""

    content: Mapping[str, Any]
    provider: Mapping[str, Any]
    functions: Mapping[str, Mapping[str, Any]]
    web: str
    """The function that gets the requests; "" if none does."""
    code: Code

    def of_web(self, key: str) -> Any:
        """Return what the web function says, else what all functions have."""
        return self.functions.get(self.web, {}).get(key, self.provider.get(key))


@cache
def table() -> Mapping[str, Any]:
    """Return serverless.toml."""
    return tomllib.loads(packaged.files(__package__).joinpath("serverless.toml").read_text("utf-8"))


def one(key: str, value: Any, option: Keys, read_value: Callable[[object], object] = as_text) -> Setting:
    """Return a setting that is carried to one option, unless a variable is left in its value."""
    return (
        by_hand(key, f"{option[-1]}: {OPEN}")
        if is_open(value)
        else readings.one(key, value, option, read_value)
    )


def read(service: Service) -> Iterator[Setting]:
    """Yield what `provider` says, and the options of the web function that may stand there, too."""
    rows = table()["provider"]
    for key, option in rows["carried"].items():
        keys: Keys = tuple(option.split("."))
        value = service.of_web(key)
        if value is None and key in DEFAULTS and service.web:
            yield carry(f"({key})", {keys: DEFAULTS[key]}, "unsaid, the framework's default")
        elif value is not None:
            yield one(f"provider.{key}", value, keys, READERS.get(key, as_text))
    for key, value in service.provider.items():
        at = f"provider.{key}"
        if key in PROVIDER:
            try:
                yield from PROVIDER[key](at, value, service)
            except WrongForm as error:
                yield by_hand(at, f"it is not {error}")
        elif key in rows["needless"]:
            yield needless(at, rows["needless"][key])
        elif key in rows["by_hand"]:
            yield by_hand(at, rows["by_hand"][key], _closed(key, value))
        elif key not in rows["carried"] and key != "environment":
            yield by_hand(at, "lambdify has no counterpart that is known")
    yield from _environment(service)


def _closed(key: str, value: Any) -> Mapping[Keys, Any]:
    """Return what lets nobody in, where a setting kept strangers out."""
    guards = key in {"resourcePolicy", "vpcEndpointIds"} or (
        key == "apiGateway" and isinstance(value, dict) and "resourcePolicy" in value
    )
    return {("http", "endpoint"): "rest-api", ("http", "auth"): "iam"} if guards and value else {}


def _environment(service: Service) -> Iterator[Setting]:
    shared = as_table(service.provider.get("environment"))
    own = as_table(service.functions.get(service.web, {}).get("environment"))
    plain = {}
    for name, value in {**shared, **own}.items():
        key = f"environment.{name}"
        if found := _PARAMETER.fullmatch(str(value)):
            place = found[1] or found[2]
            yield carry(
                key,
                {("secrets", name): f"ssm:{place}"},
                "fetched when the function starts, no longer in the template",
            )
        elif not is_open(value):
            plain[name] = value
        elif readings.names_secret(name):
            yield by_hand(
                key,
                f"a secret, {OPEN.partition(':')[0]}: `lambdify secrets set` stores it",
                {("secrets", name): ""},
            )
        else:
            yield by_hand(key, f"[environment] {name}: {OPEN}")
    yield from readings.variables("environment", plain)


def _runtime(key: str, _: Any, service: Service) -> Iterator[Setting]:
    yield readings.python(key, service.of_web("runtime"))


def _iam(key: str, value: Any, _: Service) -> Iterator[Setting]:
    role = as_table(value).get("role")
    if isinstance(role, str):
        yield one(f"{key}.role", role, ("role", "arn"))
        return
    for name, said in as_table(role).items():
        at = f"{key}.role.{name}"
        if name == "statements":
            yield from readings.rights(at, said)
        elif name == "permissionsBoundary":
            yield one(at, said, ("role", "boundary"))
        elif name == "managedPolicies":
            yield one(at, said, ("role", "managed_policies"), as_texts)
        elif name == "tags":
            yield needless(at, "[tags] are for everything that is made")
        else:
            yield by_hand(at, "a role is made, unless [role] arn names one")


def _statements(key: str, value: Any, _: Service) -> Iterator[Setting]:
    yield from readings.rights(key, value)


def _role(key: str, value: Any, _: Service) -> Iterator[Setting]:
    yield one(key, value, ("role", "arn"))


def _managed(key: str, value: Any, _: Service) -> Iterator[Setting]:
    yield one(key, value, ("role", "managed_policies"), as_texts)


def _vpc(key: str, _: Any, service: Service) -> Iterator[Setting]:
    said = service.of_web("vpc")
    if not isinstance(said, dict) or is_open(said):
        yield by_hand(key, f"[vpc] subnets and security_groups: {OPEN}")
    else:
        yield from readings.network(key, said.get("subnetIds"), said.get("securityGroupIds"))


def _tracing(key: str, value: Any, _: Service) -> Iterator[Setting]:
    for name, said in as_table(value).items():
        if name == "lambda":
            on = said in (True, "Active")
            yield (
                carry(f"{key}.lambda", {("function", "tracing"): True})
                if on
                else needless(f"{key}.lambda", "off by default")
            )
        else:
            yield needless(f"{key}.{name}", "the endpoint's own traces are not kept; the function's are")


def _tags(key: str, value: Any, _: Service) -> Iterator[Setting]:
    yield (
        by_hand(key, f"[tags]: {OPEN}")
        if is_open(value)
        else readings.one(key, value, ("tags",), readings.tags)
    )


def _http_api(key: str, value: Any, _: Service) -> Iterator[Setting]:
    for name, said in as_table(value).items():
        at = f"{key}.{name}"
        if name == "cors":
            names = {
                "origins": "allowedOrigins", "methods": "allowedMethods", "headers": "allowedHeaders",
                "expose": "exposedResponseHeaders", "credentials": "allowCredentials", "max_age": "maxAge",
            }  # fmt: skip
            yield by_hand(at, f"[http.cors]: {OPEN}") if is_open(said) else readings.cors(at, said, names)
        elif name == "authorizers":
            yield needless(at, "what counts is which of them an event names")
        elif name == "disableDefaultEndpoint":
            yield by_hand(
                at, "the default address stays, beside the names of [domain]; [domain] client_ca takes it off"
            )
        else:
            yield needless(at, "the API is called as the stack, and makes its own stage")


PROVIDER: Mapping[str, Callable[[str, Any, Service], Iterator[Setting]]] = {
    "runtime": _runtime,
    "iam": _iam,
    "iamRoleStatements": _statements,
    "iamManagedPolicies": _managed,
    "role": _role,
    "vpc": _vpc,
    "tracing": _tracing,
    "tags": _tags,
    "stackTags": _tags,
    "httpApi": _http_api,
}
READERS: Mapping[str, Callable[[object], object]] = {
    "memorySize": as_number,
    "timeout": as_number,
    "logRetentionInDays": as_number,
    "architecture": readings.architecture,
}
