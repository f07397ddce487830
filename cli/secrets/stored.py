"""The values of secrets at AWS: one is stored or deleted, of others it is asked whether they are there.

No call here returns a value: DescribeParameters and DescribeSecret answer with names and dates.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.errors import UsageError
from lambdify.cli.stage import Stage

MAX_BYTES = 4096
"""Bytes of a standard parameter, which costs nothing.
https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"""
NAMES_AT_ONCE = 50
"""Values of a filter.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html"""
Dates = Mapping[str, datetime | None]
"""When each value was changed, by the name of its parameter or secret. What has no value is not there."""


def check(name: str, value: str) -> None:
    """Raise UsageError for a value that cannot be stored, or be in an environment variable."""
    if not value:
        raise UsageError(f"The value of {name} is empty, which Parameter Store does not take.")
    if "\0" in value:
        raise UsageError(f"The value of {name} has a zero byte, which no environment variable can hold.")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:  # a terminal in another encoding than Python's
        raise UsageError(f"The value of {name} is not UTF-8.", hint="Binary values go as base64.") from error
    if size > MAX_BYTES:
        raise UsageError(
            f"The value of {name} has {size} bytes; Parameter Store takes {MAX_BYTES}.",
            hint="Secrets Manager takes longer ones. Store it there, and write under [secrets]: "
            f'{name} = "secretsmanager:ITS-NAME"',
        )


@translated(during="storing the secret")
def put(stage: Stage, parameter: str, value: str) -> None:
    """Store a value, in place of one that is there. Raises AccessDenied, AwsError."""
    stage.client("ssm").put_parameter(Name=parameter, Value=value, Type="SecureString", Overwrite=True)


@translated(during="deleting the secret")
def delete(stage: Stage, parameter: str) -> None:
    """Delete a value, if it is still there. Raises AccessDenied, AwsError."""
    attempt(stage.client("ssm").delete_parameter, none_if="^ParameterNotFound:", Name=parameter)


@translated(during="looking for the stage's secrets")
def find(stage: Stage, sources: Iterable[str]) -> Dates:
    """Return the dates of what sources such as "ssm:/shop/dev/KEY" name. Raises AccessDenied, AwsError."""
    found: dict[str, datetime | None] = {}
    parameters, secrets = _names(sources, "ssm"), _names(sources, "secretsmanager")
    for begin in range(0, len(parameters), NAMES_AT_ONCE):
        names = parameters[begin : begin + NAMES_AT_ONCE]
        found |= _describe(stage, {"Key": "Name", "Option": "Equals", "Values": names})
    for secret in secrets:
        described = attempt(
            stage.client("secretsmanager").describe_secret,
            none_if="^ResourceNotFoundException:",
            SecretId=secret,
        )
        # A secret that waits for its deletion gives no value.
        if described is not None and "DeletedDate" not in described:
            found[secret] = described.get("LastChangedDate")
    return found


@translated(during="looking for the stage's secrets")
def find_below(stage: Stage, path: str) -> Dates:
    """Return the dates of the parameters right below a path. Raises AccessDenied, AwsError."""
    return _describe(stage, {"Key": "Path", "Option": "OneLevel", "Values": [path]})


def name_of(source: str) -> str:
    """Return the parameter or secret that a source names, without the key of its JSON."""
    return source.partition(":")[2].partition("#")[0]


def _names(sources: Iterable[str], store: str) -> list[str]:
    return list(dict.fromkeys(name_of(each) for each in sources if each.startswith(f"{store}:")))


def _describe(stage: Stage, rule: Mapping[str, Any]) -> dict[str, datetime | None]:
    pages = stage.client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=[rule])
    return {each["Name"]: each.get("LastModifiedDate") for page in pages for each in page["Parameters"]}
