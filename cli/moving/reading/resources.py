"""CloudFormation resources of another tool's stack: which of them a second stack may make as well. Pure.

Data cannot be made twice, a name is held by the old stack, and what refers to the old stack's parts has none
of them here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lambdify.cli.failures.variables import is_secret_name
from lambdify.cli.moving.reading import readings
from lambdify.cli.moving.reading.setting import Setting, by_hand, carry

HOLDS_DATA = (
    "Bucket", "Cluster", "DBCluster", "DBInstance", "Domain", "FileSystem", "GlobalTable", "ReplicationGroup",
    "Repository", "Secret", "Stream", "Table", "UserPool", "Volume",
)  # fmt: skip
"""Ends of types of resources that are lost with their stack."""
NAMES = re.compile(r"(?:Queue|Topic|Bucket|Table|Role|Policy|Function|Alarm|Group|Stream|Rule|LogGroup)?Name")
RETAIN = 'give it "DeletionPolicy: Retain" there before that stack is removed'
_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}")


def read(key: str, found: Mapping[str, Any]) -> Iterator[Setting]:
    """Yield each resource of a template."""
    reasons = {name: _reason(body) for name, body in found.items()}
    kept = {name for name, reason in reasons.items() if not reason}
    while True:
        missing = {name: _missing(found[name], kept) for name in kept}
        gone = {name: lost for name, lost in missing.items() if lost}
        if not gone:
            break
        kept -= gone.keys()
        reasons |= {
            name: f"it refers to {', '.join(lost)}, which stays in the old stack"
            for name, lost in gone.items()
        }
    for name, body in found.items():
        if name in kept:
            yield carry(f"{key}.{name}", {("resources", name): body}, "made anew, beside the old one")
        else:
            kind = body.get("Type") if isinstance(body, dict) else "it"
            yield by_hand(f"{key}.{name}", f"{kind}: {reasons[name]}")


def _reason(body: Any) -> str:
    if not isinstance(body, dict) or not isinstance(body.get("Type"), str):
        return "it has no Type"
    properties = body.get("Properties")
    if body["Type"].endswith(HOLDS_DATA) or body.get("DeletionPolicy"):
        return f"it holds data and stays in the old stack; {RETAIN}"
    if "Condition" in body:
        return "it depends on a condition of the old template: write it into [resources] where it is wanted"
    named = [each for each in properties if NAMES.fullmatch(each)] if isinstance(properties, dict) else []
    if named:
        return (
            f"its {named[0]} is held by the old stack: write it into [resources] without, or keep the old one"
        )
    if _holds_secret(properties):
        return (
            "it has a password in it, which is not copied: write it into [resources], and refer to a secret"
        )
    return ""


def _holds_secret(value: Any) -> bool:
    if isinstance(value, str):
        return readings.looks_secret("text", value)
    if isinstance(value, dict):
        return any(
            (isinstance(each, str) and each and not each.startswith("{{resolve:") and _is_password(str(name)))
            or _holds_secret(each)
            for name, each in value.items()
        )
    return any(map(_holds_secret, value)) if isinstance(value, list) else False


def _is_password(name: str) -> bool:
    """Whether a property is a secret by its name, MasterUserPassword: its words are those of a variable."""
    return is_secret_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper())


def _missing(body: Any, kept: set[str]) -> list[str]:
    return sorted({each for each in _references(body) if each not in kept and not each.startswith("AWS::")})


def _references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a resource names."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    if not isinstance(value, dict):
        return
    for name, each in value.items():
        if name in {"Ref", "Condition"} and isinstance(each, str):
            yield each
        elif name == "Fn::GetAtt":
            yield str(each[0] if isinstance(each, list) and each else each).partition(".")[0]
        elif name == "Fn::Sub":
            yield from _IN_TEXT.findall(str(each[0] if isinstance(each, list) and each else each))
        elif name == "DependsOn":
            yield from map(str, each if isinstance(each, list) else [each])
        yield from _references(each)


def logical_id(value: object) -> str:
    """Return the resource that a value of CloudFormation's names; "" if it names none."""
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    ((name, inner),) = value.items()
    if name == "Ref" and isinstance(inner, str):
        return inner
    if name == "Fn::GetAtt":
        return str(inner[0] if isinstance(inner, list) and inner else inner).partition(".")[0]
    return ""
