"""[secrets] in the function's role: the right to read exactly these secrets.

Pure. `lambdify.adapter.aws.secrets` fetches the values in the function; none comes here. The name of a secret
does not tell which key encrypts it. If it is a key of the project's own, the project has to give the right to
decrypt with it ([[role.statements]]); AWS's own keys need no right.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PARAMETERS = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/"
SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
ANY_SUFFIX = "-??????"
"""Secrets Manager ends each ARN with six random characters.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html"""


def statements(sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the statements that let a role read the secrets of these sources ("ssm:/path", by variable)."""
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
        # The action is allowed on every resource; roles.WILDCARDS says why, and so does
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
        written.append(_allow("secretsmanager:BatchGetSecretValue", ["*"]))
    return written


def _parameter(path: str) -> dict[str, str]:
    # The slash at the start of a parameter's name is the one in its ARN already.
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    return {"Fn::Sub": PARAMETERS + path.removeprefix("/")}


def _secret(name: str) -> dict[str, str] | str:
    return name if name.startswith("arn:") else {"Fn::Sub": SECRETS + name + ANY_SUFFIX}


def _allow(action: str, resources: Iterable[object]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": list(resources)}
