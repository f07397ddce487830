"""A topic: a subscription of the function's alias, and the permission to call it."""

from lambdify.cli.settings import Settings
from lambdify.cli.settings.functions import FunctionSettings, Topic
from lambdify.cli.template.sources import references
from lambdify.cli.template.sources.source import Resource, Right, alias, logical_id, permission


def write(
    settings: Settings, function: FunctionSettings, option: str, number: int, source: Topic
) -> dict[str, Resource]:
    """Return the subscription and its permission."""
    topic, name = references.arn(settings, source.topic), logical_id(option, number, function)
    region = source.topic.split(":")[3] if source.topic.startswith("arn:") else ""
    return {
        name: {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": topic,
                "Protocol": "lambda",
                "Endpoint": alias(function),
                **({"FilterPolicy": dict(source.filter)} if source.filter else {}),
                # CloudFormation asks in the stage's region, unless it is told where the topic is.
                **({"Region": region} if region else {}),
            },
        },
        f"{name}Permission": permission(function, "sns.amazonaws.com", topic),
    }


def rights(settings: Settings, option: str, source: Topic) -> list[Right]:  # noqa: ARG001
    """Return no rights: the topic calls by the permission."""
    return []
