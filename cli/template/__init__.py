"""Settings + Artifact -> Template: everything that a stage is, as CloudFormation reads it.

    endpoint (endpoints/) ──▶ alias `live` ──▶ published version ──▶ function + layer ──▶ log group
    Scheduler, every N minutes ──┘                             function.py, roles.py

Rules:
- Pure: same values in, same text out; no call, no clock. cfn-lint accepts every template without a warning.
- Nobody calls the function itself: endpoint and schedule call the alias, which leads where the parameter Live
  says. A version never changes, so whatever goes into one is part of its logical id.
- Each role may do what settings ask for, on the one resource that they name (roles.py).
- Resources and outputs of the user's own are beside ours; none has a name of ours (free_tables.py).
- ARNs are put together by CloudFormation, so that they are right in every partition.
- No secret is in a template: it can be read by everybody who may look at the stack.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import Settings
from lambdify.cli.template import endpoints, function, roles, rollback_alarm

Resource = dict[str, Any]

ALIAS = "live"
LIVE = "Live"
"""The parameter with the version that gets the traffic; "" for the one that the template publishes."""
SHARE = "Share"
"""The parameter with the part of the traffic, from 0 to 1, that the template's own version gets besides."""
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
    code = function.write(settings, artifact, target)
    # A version resource publishes when it is created and never again, so it has to be another one each time.
    version = f"Version{endpoints.digest(function.versioned(code))}"
    endpoint = endpoints.write(settings, ALIAS)
    resources = {
        **roles.write(settings),
        "LogGroup": function.log_group(settings),
        **code,
        version: _version(),
        "Alias": _alias(settings, version),
        **rollback_alarm.write(settings, ALIAS, version),
        **endpoint.resources,
        **_keep_warm(settings),
        **settings.resources,
    }
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{settings.name}, stage {settings.stage}; made by lambdify.",
        **_traffic(settings),
        "Resources": resources,
        "Outputs": {**_outputs(artifact, version, endpoint.url), **settings.outputs},
    }
    text = json.dumps(body, indent=2) + "\n"
    every_tag = {**settings.tags, **tags(settings)}
    return Template(stack=settings.full_name, body=body, text=text, version=version, tags=every_tag)


def tags(settings: Settings) -> dict[str, str]:
    """What marks a stack, and the things in it, as this stage of this project."""
    return {"lambdify:project": settings.name, "lambdify:stage": settings.stage}


def _traffic(settings: Settings) -> dict[str, Resource]:
    """What can be moved without another template: see releases.py for who does."""
    parameters: Resource = {
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
    }
    conditions: Resource = {
        "LiveIsPublished": {"Fn::Equals": [{"Ref": LIVE}, ""]},
        "Shared": {"Fn::Not": [{"Fn::Equals": [{"Ref": SHARE}, "0"]}]},
    }
    if settings.function.provisioned_concurrency:
        # An alias with environments that are always ready leads to one version (see `_alias`).
        del parameters[SHARE], conditions["Shared"]
    return {
        "Parameters": parameters | rollback_alarm.parameters(settings),
        "Conditions": conditions | rollback_alarm.conditions(settings),
    }


def _version() -> Resource:
    """A version that outlives its place in the template, to go back to; not one of a failed deployment."""
    return {
        "Type": "AWS::Lambda::Version",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"FunctionName": {"Ref": "Function"}},
    }


def _alias(settings: Settings, version: str) -> Resource:
    published = {"Fn::GetAtt": [version, "Version"]}
    weight = {"FunctionVersion": published, "FunctionWeight": {"Ref": SHARE}}
    # The empty list is said, so that weights that were there are taken away: UpdateAlias leaves alone what it
    # is not told about.
    weights = {"AdditionalVersionWeights": {"Fn::If": ["Shared", [weight], []]}}
    ready = settings.function.provisioned_concurrency
    # AWS takes one of the two; [release] shift together with the latter is refused (combinations.py).
    # https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    routing: Resource = (
        {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": ready}}
        if ready
        else {"RoutingConfig": weights}
    )
    return {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": "Function"},
            "Name": ALIAS,
            "FunctionVersion": _live_version(published),
            **routing,
        },
    }


def _live_version(published: Resource) -> Resource:
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
                "RoleName": {"Fn::Sub": roles.name(settings, roles.SCHEDULE)},
                "AssumeRolePolicyDocument": roles.trust("scheduler.amazonaws.com", ours),
                "Policies": [
                    roles.policy("invoke", roles.allow(["lambda:InvokeFunction"], {"Ref": "Alias"})),
                ],
                **roles.boundary(settings),
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
                    "Input": json.dumps(_keep_warm_event(settings)),
                    # The next call is never far: there is no point in making up for one that was missed.
                    "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60},
                },
            },
        },
    }


def _keep_warm_event(settings: Settings) -> Resource:
    """What the schedule sends; adapter/aws/warming.py says how one event keeps several environments warm."""
    at_once = settings.warm.concurrency
    return {**KEEP_WARM, "concurrency": at_once} if at_once > 1 else KEEP_WARM


def _outputs(artifact: Artifact, version: str, url: object) -> dict[str, Resource]:
    published = {"Fn::GetAtt": [version, "Version"]}
    values: dict[str, object] = {
        **({"Endpoint": url} if url else {}),
        "Function": {"Ref": "Function"},
        "Version": _live_version(published),
        "Published": published,
        "Alias": {"Ref": "Alias"},
        "Bucket": function.substitute(artifact.bucket),
        **({"Image": function.substitute(artifact.image)} if artifact.image else {"App": artifact.app_key}),
    }
    if artifact.layer_key is not None:
        values["Layer"] = artifact.layer_key
    return {name: {"Value": value} for name, value in values.items()}
