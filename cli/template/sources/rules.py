"""Events of EventBridge, among them those of S3: a rule, and the permission to call the function.

CloudFormation cannot have a bucket that exists notify a function, and a bucket in the stack that does would
depend on the function, and the function's role on the bucket. Events of the bucket have neither fault; it has
to send them (plan/sources.py asks whether it does).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
"""

from lambdify.cli.settings import Settings, names
from lambdify.cli.settings.functions import Bucket, FunctionSettings, Rule
from lambdify.cli.template.sources.source import Resource, Right, alias, logical_id, permission


def write(
    settings: Settings, function: FunctionSettings, option: str, number: int, source: Bucket | Rule
) -> dict[str, Resource]:
    """Return the rule and its permission."""
    name = logical_id(option, number, function)
    return {
        name: {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": names.rule(settings, function, option, number),
                **_bus(settings, source),
                "EventPattern": _pattern(settings, source)
                if isinstance(source, Bucket)
                else dict(source.pattern),
                "Targets": [{"Id": "function", "Arn": alias(function)}],
            },
        },
        f"{name}Permission": permission(function, "events.amazonaws.com", {"Fn::GetAtt": [name, "Arn"]}),
    }


def _bus(settings: Settings, source: Bucket | Rule) -> Resource:
    if isinstance(source, Bucket) or source.bus == "default":
        return {}
    return {"EventBusName": {"Ref": source.bus} if source.bus in settings.resources else source.bus}


def _pattern(settings: Settings, source: Bucket) -> Resource:
    bucket = {"Ref": source.bucket} if source.bucket in settings.resources else source.bucket
    keys = {"object": {"key": [{"wildcard": each} for each in source.key]}} if source.key else {}
    return {
        "source": ["aws.s3"],
        "detail-type": list(source.events),
        "detail": {"bucket": {"name": [bucket]}, **keys},
    }


def rights(settings: Settings, option: str, source: Bucket | Rule) -> list[Right]:  # noqa: ARG001
    """Return no rights: the rule calls by the permission. To read the object is the app's own right."""
    return []
