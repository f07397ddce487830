"""Tables whose keys the user chooses: environment variables, secrets, tags, resources, outputs, functions.

Each has a reader that takes the whole table, and returns it as `Settings` stores it, or raises SettingsError.
Messages never contain values, which may be secrets.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import function_tables
from lambdify.cli.settings.domains.forms import STAGE
from lambdify.cli.settings.validators import Locate, Schema

RESERVED_VARIABLES = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
})  # fmt: skip
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime"""
VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
"""The name of an environment variable on Lambda."""
ENVIRONMENT_BYTES = 4096
"""The limit for all variables as JSON. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
LONG_VALUES_HINT = (
    "Move long values into a file of the project, or store them apart from it: `lambdify secrets set NAME`."
)
"""The hint for variables that exceed the limit."""
SECRET_SOURCE = re.compile(r"ssm:/?[\w.-]+(/[\w.-]+)*|secretsmanager:[\w/+=.@:-]+(#[\w.-]+)?")
"""The place of a secret: a parameter's name, or a secret's name or ARN, with a key of its JSON."""
STATIC_PATH = re.compile(r"/|(/[A-Za-z0-9_.~!$&'()*+,;=:@-]+)+/?")
"""A path in [static.folders], as clients send it: https://www.rfc-editor.org/rfc/rfc3986#section-3.3"""
MAX_TAGS = 48
"""AWS allows 50, and two are ours. https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html"""

LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
OUR_RESOURCES = re.compile(
    "Role|LogGroup|Layer|Function|Version[0-9a-f]{12}|Alias|Schedule(Role)?|Live|Share|Shift(Alarm|Return(Role)?|Until)"
    "|Api(Log)?|Integration|Route|Preflight(Root|Proxy)|Stage|TokenAuthorizer|(Authorizer)?(Permission)?"
    "|FilesAccess|Viewer|Distribution|(Domain|Mapping)[0-9a-f]{12}|Record[0-9a-f]{12}A(AAA)?"
    "|Url((Invoke)?Permission)?|TargetGroup(Permission)?|ListenerRule"
    "|Rest(Api|Path|Root|Proxy|Log|Stage|Key|Plan|PlanKey|(Authorizer)?(Permission)?|Deployment[0-9a-f]{12})"
    "|(Function|Alias|Async|Live)Commands|VersionCommands[0-9a-f]{12}"
)
"""Logical ids of resources and parameters in our templates, with any settings."""
OUR_OUTPUTS = re.compile(
    "Endpoint|Function|Version|Published|Alias|Bucket|App|Image|Layer|Files|Origin|Refreshed|Name[0-9]+"
    "|(Version|Published|Alias)Commands"
)


FILE = "file"
"""The key of [environment] that is no variable: the name of an environment file, see environment_file.py."""


def _environment(keys: tuple[str, ...], values: Mapping[str, Any], locate: Locate) -> dict[str, str]:
    """Return [environment], the variables of the function's configuration."""
    variables = _variables(keys, values, locate)
    size = environment_size({name: value for name, value in variables.items() if name != FILE})
    if size > ENVIRONMENT_BYTES:
        raise SettingsError(
            f"{locate(keys)}: [{'.'.join(keys)}] holds {size} bytes; Lambda takes {ENVIRONMENT_BYTES}.",
            hint=LONG_VALUES_HINT,
        )
    return variables


def _variables(keys: tuple[str, ...], values: Mapping[str, Any], locate: Locate) -> dict[str, str]:
    """Return the variables. Messages never contain values, which may be secrets."""
    for name, value in values.items():
        at = (*keys, name)
        if not isinstance(value, str):
            raise SettingsError(
                f"{locate(at)}: {'.'.join(at)} is not text.", hint='Put the value in quotes: NAME = "value".'
            )
        if not VARIABLE.fullmatch(name):
            raise SettingsError(
                f'{locate(at)}: "{name}" cannot be the name of an environment variable on Lambda.',
                hint="A name has two or more letters, digits and underscores, and begins with a letter.",
            )
        if name in RESERVED_VARIABLES:
            raise SettingsError(
                f"{locate(at)}: Lambda itself sets {name}, and refuses to have it set.",
                hint="Use another name, and let the app read that.",
            )
    return dict(values)


def environment_size(values: Mapping[str, str]) -> int:
    """Return the bytes of variables as AWS counts them: as JSON without spaces."""
    return len(json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode())


def _secrets(keys: tuple[str, ...], values: Mapping[str, Any], locate: Locate) -> dict[str, str]:
    """Return [secrets], environment variables and the places of their values."""
    for name, value in _variables(keys, values, locate).items():
        if not SECRET_SOURCE.fullmatch(value.replace(STAGE, "stage")):
            at = (*keys, name)
            raise SettingsError(
                f"{locate(at)}: {'.'.join(at)} does not say where the secret is.",
                hint='It takes "ssm:/path" or "secretsmanager:name#key". The value itself stays away.',
            )
    return dict(values)


def _static_folders(keys: tuple[str, ...], values: Mapping[str, Any], locate: Locate) -> dict[str, str]:
    """Return [static.folders], folders by path; both without a slash at the end."""
    for path, folder in values.items():
        at = (*keys, path)
        if not STATIC_PATH.fullmatch(path) or {".", ".."} & {*path.split("/")}:
            raise SettingsError(
                f'{locate(at)}: "{path}" is not the path of files.',
                hint='It takes "/", or a path that begins with a slash: "/app" = "frontend/dist".',
            )
        parts = folder.split("/") if isinstance(folder, str) else [".."]
        if ".." in parts or not parts[0]:
            raise SettingsError(
                f"{locate(at)}: {'.'.join(keys)} takes folders of the project, relative to it.",
                hint=f'Write "{path}" = "frontend/dist". A link in the project may lead out of it.',
            )
    return {path.rstrip("/"): str(PurePosixPath(folder)) for path, folder in values.items()}


def _tags(keys: tuple[str, ...], values: Mapping[str, Any], locate: Locate) -> dict[str, str]:
    """Return [tags], which have to be valid for CloudFormation."""
    for name, value in values.items():
        at = (*keys, name)
        if not isinstance(value, str) or not re.fullmatch(r"[\w .:/=+@-]{0,256}", value):
            raise SettingsError(
                f"{locate(at)}: {'.'.join(at)} cannot be the value of a tag.",
                hint="It takes text of up to 256 letters, digits, spaces and . : / = + - @ _",
            )
        if not re.fullmatch(r"[\w .:/=+@-]{1,128}", name) or name.startswith(("aws:", "lambdify:")):
            raise SettingsError(
                f'{locate(at)}: "{name}" cannot be the name of a tag.',
                hint="It has up to 128 letters, digits, spaces and . : / = + - @ _ "
                "and begins neither with aws: nor with lambdify:.",
            )
    if len(values) > MAX_TAGS:
        raise SettingsError(f"{locate(keys)}: [{'.'.join(keys)}] holds more than {MAX_TAGS} tags.")
    return dict(values)


def _cloudformation(keys: tuple[str, ...], values: Mapping[str, Any], locate: Locate) -> dict[str, Any]:
    """Return [resources] or [outputs], tables by logical id for CloudFormation."""
    ours = OUR_RESOURCES if keys[-1] == "resources" else OUR_OUTPUTS
    for name, value in values.items():
        at = (*keys, name)
        if not LOGICAL_ID.fullmatch(name):
            raise SettingsError(
                f'{locate(at)}: "{name}" cannot be a logical id.', hint="It has letters and digits only."
            )
        if ours.fullmatch(name):
            raise SettingsError(
                f'{locate(at)}: "{name}" in [{".".join(keys)}] is a logical id of lambdify\'s own.',
                hint=f'Choose another one, such as "My{name}".',
            )
        wanted = "Type" if keys[-1] == "resources" else "Value"
        if not isinstance(value, dict) or wanted not in value:
            raise SettingsError(
                f"{locate(at)}: {'.'.join(at)} has no {wanted}.",
                hint=f"Write [{'.'.join(at)}] and {wanted} = ... below it, as CloudFormation wants it.",
            )
        if wrong := next(_not_json(value, at), None):
            raise SettingsError(
                f"{locate(wrong)}: {'.'.join(wrong)} is a date or a number that templates do not have.",
                hint="Put it in quotes.",
            )
    return dict(values)


def _not_json(value: object, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the keys of values that TOML has and JSON lacks: dates, infinite numbers and NaN."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _not_json(inner, (*at, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _not_json(inner, at)
    elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        yield at


MAPPING_READERS: Mapping[str, Callable[[tuple[str, ...], Mapping[str, Any], Locate], dict[str, Any]]] = {
    "environment": _environment,
    "secrets": _secrets,
    "tags": _tags,
    "static.folders": _static_folders,
    "static.environment": _variables,
    "resources": _cloudformation,
    "outputs": _cloudformation,
    "functions": function_tables.read,
}
"""The reader of each table."""


def _by_name(name: re.Pattern[str], value: Schema) -> Schema:
    named = {f"^({name.pattern})$": value}
    return {"type": "object", "patternProperties": named, "additionalProperties": False}


MAPPING_SCHEMAS: Mapping[str, Schema] = {
    "environment": _by_name(VARIABLE, {"type": "string"}),
    "secrets": _by_name(VARIABLE, {"type": "string", "pattern": "^(ssm|secretsmanager):"}),
    "tags": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 256}},
    "resources": _by_name(LOGICAL_ID, {"type": "object", "required": ["Type"]}),
    "outputs": _by_name(LOGICAL_ID, {"type": "object", "required": ["Value"]}),
    "static.folders": _by_name(STATIC_PATH, {"type": "string", "minLength": 1}),
    "static.environment": _by_name(VARIABLE, {"type": "string"}),
    "functions": function_tables.schema(),
}
"""The schema of each table, as schema.py needs it."""
