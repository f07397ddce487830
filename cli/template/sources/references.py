"""What settings name, as a template refers to it: an ARN as it is, what is in [resources] by a reference."""

from typing import Any

from lambdify.cli.settings import Settings

Resource = dict[str, Any]


def arn(settings: Settings, named: str, attribute: str = "Arn") -> object:
    """Return the ARN of what settings name; `attribute` is that of a resource of the project's own."""
    if named not in settings.resources:
        return named
    # A topic is referred to by its ARN.
    is_topic = settings.resources[named]["Type"] == "AWS::SNS::Topic"
    return {"Ref": named} if is_topic else {"Fn::GetAtt": [named, attribute]}


def is_topic(settings: Settings, place: object) -> bool:
    """Return whether an ARN, or a reference to one, is that of a topic."""
    if isinstance(place, str):
        return place.split(":")[2] == "sns"
    named = place.get("Ref") if isinstance(place, dict) else None
    return bool(settings.resources.get(str(named), {}).get("Type") == "AWS::SNS::Topic")
