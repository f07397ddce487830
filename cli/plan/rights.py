"""Rights that a template gives, as sentences, so that those of two templates can be compared.

Pure. A right is a statement of a policy, a managed policy or boundary of a role, or a permission to invoke
the function.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.stacks.changes import Body, format_value


@dataclass(frozen=True, kw_only=True)
class Right:
    """A right that a change adds or removes."""

    added: bool
    resource: str
    """Logical id of the resource that gives the right."""
    text: str


def compare(before: Body, after: Body) -> tuple[Right, ...]:
    """Return the rights that the change adds, and those that it removes."""
    old, new = _all_rights(before), _all_rights(after)
    changed = [(*right, True) for right in new - old] + [(*right, False) for right in old - new]
    return tuple(
        Right(resource=resource, text=text, added=added) for resource, text, added in sorted(changed)
    )


def _all_rights(body: Body) -> set[tuple[str, str]]:
    return {
        (name, text)
        for name, resource in body.get("Resources", {}).items()
        for text in _rights(resource["Type"], resource.get("Properties", {}))
    }


def _rights(kind: str, properties: Body) -> Iterator[str]:
    if kind == "AWS::Lambda::Permission":
        source = format_value(properties["SourceArn"]) if "SourceArn" in properties else ""
        who = format_value(properties.get("Principal"))
        yield f"{who if who != '*' else 'everybody'} may {format_value(properties.get('Action'))}" + (
            f", from {source}" if source else ""
        )
    elif kind.startswith("AWS::IAM::"):
        yield from _statements(properties.get("AssumeRolePolicyDocument", {}))
        yield from _statements(properties.get("PolicyDocument", {}))
        for policy in _as_list(properties.get("Policies")):
            yield from _statements(policy.get("PolicyDocument", {}))
        for policy in _as_list(properties.get("ManagedPolicyArns")):
            yield f"has the policy {format_value(policy)}"
        if "PermissionsBoundary" in properties:
            yield f"is bounded by {format_value(properties['PermissionsBoundary'])}"


def _statements(document: Body) -> Iterator[str]:
    for statement in _as_list(document.get("Statement")):
        actions = ", ".join(
            map(format_value, _as_list(statement.get("Action") or statement.get("NotAction")))
        )
        verb = "may not" if statement.get("Effect") == "Deny" else "may"
        unless = " anything but" if "NotAction" in statement else ""
        if "Principal" in statement:
            yield f"{_principal(statement['Principal'])} {verb}{unless} {actions}"
        else:
            on = ", ".join(
                map(format_value, _as_list(statement.get("Resource") or statement.get("NotResource")))
            )
            yield f"{verb}{unless} {actions} on {'all but ' if 'NotResource' in statement else ''}{on}"


def _principal(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(format_value(each) for inner in value.values() for each in _as_list(inner))
    return "everybody" if value == "*" else format_value(value)


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
