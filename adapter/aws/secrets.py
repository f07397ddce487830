"""Fetches secrets into environment variables while the function initialises, before the app is imported.

[secrets] in lambdify.toml names the source of each secret:
    ssm:/path                  a parameter of SSM Parameter Store, decrypted
    secretsmanager:name#key    one key of a secret that is JSON; without a key, the whole text

Rules
1. All parameters take one call, and all secrets one; more only if AWS's limit for one call is lower.
2. A missing secret fails the init: an app without its database's password does not work.
3. No value is in a message, a log, or anything but the process's environment.
4. SnapStart may restore an environment that is weeks old, so the secrets are fetched again then
   (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html).
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lambdify.adapter.aws import CallFailed, call
from lambdify.adapter.errors import AdapterError

Call = Callable[[str, str, dict[str, Any]], Any]

PARAMETERS_AT_ONCE = 10
"""https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html"""
SECRETS_AT_ONCE = 20
"""https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html"""


class SecretMissing(AdapterError):
    """A secret does not exist, or the function has no right to read it."""


def load(sources: dict[str, str]) -> None:
    """Put secrets into the environment, now and after each restore. Raises SecretMissing."""
    os.environ.update(fetch(sources))
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # Managed runtimes with SnapStart have this module.
        from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped, unused-ignore]

        register_after_restore(lambda: os.environ.update(fetch(sources)))


def fetch(sources: dict[str, str], call: Call = call) -> dict[str, str]:
    """Return environment variables with the values from their sources. Raises SecretMissing."""
    parameters: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for name, source in sources.items():
        store, _, place = source.partition(":")
        (parameters if store == "ssm" else secrets)[name] = place
    found = {}
    try:
        if parameters:
            held = dict(_fetch_parameters(sorted(set(parameters.values())), call))
            found.update({name: held[place] for name, place in parameters.items()})
        if secrets:
            held = dict(_fetch_secrets(sorted({_identify(place) for place in secrets.values()}), call))
            found.update({name: _pick(name, place, held) for name, place in secrets.items()})
    except CallFailed as error:
        raise SecretMissing(f"the secrets could not be fetched: {error}") from None
    return found


def _fetch_parameters(names: list[str], call: Call) -> Iterator[tuple[str, str]]:
    for part in _parts(names, PARAMETERS_AT_ONCE):
        answer = call("ssm", "AmazonSSM.GetParameters", {"Names": part, "WithDecryption": True})
        if missing := answer.get("InvalidParameters"):
            raise SecretMissing(f"SSM Parameter Store has no {' and no '.join(missing)} in this region")
        yield from ((each["Name"], each["Value"]) for each in answer["Parameters"])


def _fetch_secrets(ids: list[str], call: Call) -> Iterator[tuple[str, str]]:
    for part in _parts(ids, SECRETS_AT_ONCE):
        answer = call("secretsmanager", "secretsmanager.BatchGetSecretValue", {"SecretIdList": part})
        for error in answer.get("Errors") or ():
            raise SecretMissing(f"Secrets Manager, {error.get('SecretId')}: {error.get('ErrorCode')}")
        for each in answer["SecretValues"]:
            # A secret may be requested by name or by ARN; the response has both.
            yield each["Name"], each.get("SecretString", "")
            yield each["ARN"], each.get("SecretString", "")


def _identify(place: str) -> str:
    return place.partition("#")[0]


def _pick(name: str, place: str, held: dict[str, str]) -> str:
    """Return a secret's text, or one key of it. Raises SecretMissing."""
    identity, _, key = place.partition("#")
    if identity not in held:
        raise SecretMissing(f"Secrets Manager has no {identity} in this region")
    if not key:
        return held[identity]
    try:
        value = json.loads(held[identity])[key]
    except (ValueError, KeyError, TypeError):
        raise SecretMissing(f"{name}: the secret {identity} is not JSON with a key {key!r}") from None
    return value if isinstance(value, str) else json.dumps(value)


def _parts(items: list[str], size: int) -> Iterable[list[str]]:
    return (items[at : at + size] for at in range(0, len(items), size))
