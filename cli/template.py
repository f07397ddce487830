"""Settings + Artifact -> Template: everything that a stage is, as CloudFormation reads it.

    endpoint (endpoints.py) ──▶ alias `live` ──▶ published version ──▶ function + layer ──▶ log group
    Scheduler, every N minutes ──┘

Rules:
- Pure: same values in, same text out; no call, no clock. cfn-lint accepts every template without a warning.
- Nobody calls the function itself: endpoint and schedule call the alias, which leads where the parameter Live
  says. A version never changes, so whatever goes into one is part of its logical id.
- Each role may do one thing on one resource. There is no wildcard but the log streams of our own log group.
- ARNs are put together by CloudFormation, so that they are right in every partition.
- No secret is in a template: it can be read by everybody who may look at the stack.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli import endpoints
from lambdify.cli.artifacts import Artifact
from lambdify.cli.build.target import Target
from lambdify.cli.settings import Settings

Resource = dict[str, Any]

HANDLER = "lambdify.adapter.entry.handler"
STREAMING_HANDLER = "lambdify.adapter.runtime.handler"
ALIAS = "live"
LIVE = "Live"
"""The parameter with the version that gets the traffic; "" for the one that the template publishes."""
SHARE = "Share"
"""The parameter with the part of the traffic, from 0 to 1, that goes to the template's own version besides."""
KEEP_WARM = {"lambdify": "keep-warm"}


@dataclass(frozen=True, kw_only=True)
class Template:
    """What a stack is to become."""

    stack: str
    body: Mapping[str, Any]
    text: str
    """The body as JSON."""
    version: str
    """Logical id of the version that it publishes; another one whenever the version would be."""
    tags: Mapping[str, str]
    """Put on the stack, and by CloudFormation on everything in it that can carry tags."""


def write(settings: Settings, artifact: Artifact, target: Target) -> Template:
    """The template of the stage."""
    code = {**_layer(settings, artifact, target), "Function": _function(settings, artifact, target)}
    # A version resource publishes when it is created and never again, so it has to be another one each time.
    version = f"Version{endpoints.digest(code)}"
    endpoint = endpoints.write(settings, ALIAS)
    resources = {
        "Role": _role(),
        "LogGroup": _log_group(settings),
        **code,
        version: _version(),
        "Alias": _alias(version),
        **endpoint.resources,
        **_keep_warm(settings),
    }
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{settings.name}, stage {settings.stage}; made by lambdify.",
        **_traffic(),
        "Resources": resources,
        "Outputs": _outputs(artifact, version, endpoint.url),
    }
    text = json.dumps(body, indent=2) + "\n"
    return Template(stack=settings.full_name, body=body, text=text, version=version, tags=tags(settings))


def tags(settings: Settings) -> dict[str, str]:
    """What marks a stack, and the things in it, as this stage of this project."""
    return {"lambdify:project": settings.name, "lambdify:stage": settings.stage}


def log_group(settings: Settings) -> str:
    """The name of the log group that the function writes to."""
    return f"/aws/lambda/{settings.full_name}"


def _trust(service: str, condition: Resource | None = None) -> Resource:
    statement: Resource = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def _may(name: str, actions: list[str], resource: object) -> list[Resource]:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return [{"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}]


def _role() -> Resource:
    # The log group's ARN ends in ":*", which stands for its streams. Without logs:CreateLogGroup the function
    # cannot bring its log group back after `undeploy`.
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _trust("lambda.amazonaws.com"),
            "Policies": _may(
                "logs",
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                {"Fn::GetAtt": ["LogGroup", "Arn"]},
            ),
        },
    }


def _log_group(settings: Settings) -> Resource:
    return {
        "Type": "AWS::Logs::LogGroup",
        # Logs are kept for [logs] retention and no longer: the stage takes them with it.
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {"LogGroupName": log_group(settings), "RetentionInDays": settings.logs.retention},
    }


def _layer(settings: Settings, artifact: Artifact, target: Target) -> dict[str, Resource]:
    if artifact.layer_key is None:
        return {}
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {
            "LayerName": settings.full_name,
            "Description": "Dependencies",
            "Content": {"S3Bucket": artifact.bucket, "S3Key": artifact.layer_key},
            "CompatibleRuntimes": [target.runtime],
            "CompatibleArchitectures": [target.architecture],
        },
    }
    return {"Layer": layer}


def _function(settings: Settings, artifact: Artifact, target: Target) -> Resource:
    properties: Resource = {
        "FunctionName": settings.full_name,
        "Description": settings.function.description,
        "Runtime": target.runtime,
        "Architectures": [target.architecture],
        "Handler": STREAMING_HANDLER if settings.http.streaming else HANDLER,
        "Code": {"S3Bucket": artifact.bucket, "S3Key": artifact.app_key},
        "MemorySize": settings.function.memory,
        "Timeout": settings.function.timeout,
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "LoggingConfig": {"LogGroup": {"Ref": "LogGroup"}},
    }
    if artifact.layer_key is not None:
        properties["Layers"] = [{"Ref": "Layer"}]
    if settings.environment:
        properties["Environment"] = {"Variables": dict(sorted(settings.environment.items()))}
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def _traffic() -> dict[str, Resource]:
    """What can be moved without another template: see releases.py for who does."""
    return {
        "Parameters": {
            LIVE: {
                "Type": "String",
                "Default": "",
                "Description": "The version that gets the traffic; empty for the one that this publishes",
            },
            SHARE: {
                "Type": "Number",
                "Default": 0,
                "MinValue": 0,
                "MaxValue": 1,
                "Description": "Part of the traffic that the version that this publishes gets besides",
            },
        },
        "Conditions": {
            "LiveIsPublished": {"Fn::Equals": [{"Ref": LIVE}, ""]},
            "Shared": {"Fn::Not": [{"Fn::Equals": [{"Ref": SHARE}, "0"]}]},
        },
    }


def _version() -> Resource:
    """A version that outlives its place in the template, to go back to; not one of a deployment that failed."""
    return {
        "Type": "AWS::Lambda::Version",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"FunctionName": {"Ref": "Function"}},
    }


def _alias(version: str) -> Resource:
    published = {"Fn::GetAtt": [version, "Version"]}
    share = {"FunctionVersion": published, "FunctionWeight": {"Ref": SHARE}}
    return {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": "Function"},
            "Name": ALIAS,
            "FunctionVersion": _live(published),
            "RoutingConfig": {
                "Fn::If": ["Shared", {"AdditionalVersionWeights": [share]}, {"Ref": "AWS::NoValue"}]
            },
        },
    }


def _live(published: Resource) -> Resource:
    return {"Fn::If": ["LiveIsPublished", published, {"Ref": LIVE}]}


def _keep_warm(settings: Settings) -> dict[str, Resource]:
    """A schedule that calls the alias, and the role that lets it."""
    every = settings.warm.every
    if not every:
        return {}
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return {
        "ScheduleRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _trust("scheduler.amazonaws.com", ours),
                "Policies": _may("invoke", ["lambda:InvokeFunction"], {"Ref": "Alias"}),
            },
        },
        "Schedule": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "Name": settings.full_name,
                "Description": "Keeps the function warm",
                "ScheduleExpression": f"rate({every} minute{'' if every == 1 else 's'})",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Ref": "Alias"},
                    "RoleArn": {"Fn::GetAtt": ["ScheduleRole", "Arn"]},
                    "Input": json.dumps(KEEP_WARM),
                    # The next call is never far: there is no point in making up for one that was missed.
                    "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60},
                },
            },
        },
    }


def _outputs(artifact: Artifact, version: str, url: object) -> dict[str, Resource]:
    published = {"Fn::GetAtt": [version, "Version"]}
    values: dict[str, object] = {
        "Endpoint": url,
        "Function": {"Ref": "Function"},
        "Version": _live(published),
        "Published": published,
        "Bucket": artifact.bucket,
        "App": artifact.app_key,
    }
    if artifact.layer_key is not None:
        values["Layer"] = artifact.layer_key
    return {name: {"Value": value} for name, value in values.items()}
