"""[secrets] as the function's role needs it: the right to read exactly those, and nothing beside them.

Pure. What is fetched, and when, is `lambdify.adapter.aws.secrets`; a value never comes here. A key of the
project's own that encrypts a secret is not known from its name: the right to decrypt with it is the project's
to give ([[role.statements]]); AWS's own keys need none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PARAMETERS = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/"
SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
ANY_SUFFIX = "-??????"
"""Secrets Manager ends each ARN in six characters that nobody knows beforehand.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html"""


def statements(sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """The statements of a policy that lets a role read the secrets of these sources."""
    stores: dict[str, set[str]] = {"ssm": set(), "secretsmanager": set()}
    for source in sources.values():
        store, _, address = source.partition(":")
        stores[store].add(address.partition("#")[0])
    written = []
    if stores["ssm"]:
        written.append(_allow("ssm:GetParameters", map(_parameter, sorted(stores["ssm"]))))
    if stores["secretsmanager"]:
        written.append(
            _allow("secretsmanager:GetSecretValue", map(_secret, sorted(stores["secretsmanager"])))
        )
        # Why on everything: see roles.WILDCARDS, and
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
        written.append(_allow("secretsmanager:BatchGetSecretValue", ["*"]))
    return written


def _parameter(path: str) -> dict[str, str]:
    # The slash in front of a parameter's name is the one in its ARN.
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    return {"Fn::Sub": PARAMETERS + path.removeprefix("/")}


def _secret(name: str) -> dict[str, str] | str:
    return name if name.startswith("arn:") else {"Fn::Sub": SECRETS + name + ANY_SUFFIX}


def _allow(action: str, resources: Iterable[object]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": list(resources)}
