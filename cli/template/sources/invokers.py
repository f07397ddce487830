"""Any other service of AWS that calls functions: the permission alone, for what it calls from.

What makes it call is set at that service, or in [resources], where {"Ref": "AliasNAME"} is the ARN to name.
"""

from lambdify.cli.settings import Settings
from lambdify.cli.settings.functions import FunctionSettings, Invoker
from lambdify.cli.template.sources import references
from lambdify.cli.template.sources.source import Resource, Right, logical_id, permission


def write(
    settings: Settings, function: FunctionSettings, option: str, number: int, source: Invoker
) -> dict[str, Resource]:
    """Return the permission."""
    arn = references.arn(settings, source.arn)
    return {f"{logical_id(option, number, function)}Permission": permission(function, source.service, arn)}


def rights(settings: Settings, option: str, source: Invoker) -> list[Right]:  # noqa: ARG001
    """Return no rights: the service calls by the permission."""
    return []
