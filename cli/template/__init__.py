"""Settings + Artifact -> Template: all resources of a stage, as a CloudFormation template.

    endpoint (endpoints/) ──▶ alias `live` ──▶ published version ──▶ function + layer ──▶ log group
    Scheduler, every N minutes ──┘                             function.py, roles.py
    sources/ ──▶ alias of a function ──▶ the same version, or one of a Lambda of its own (lambdas.py)

Rules:
- Pure: same values in, same text out; no call, no clock. cfn-lint accepts every template without a warning.
- Nothing calls the function itself: endpoint and schedule call the alias, which points to the version in the
  parameter Live. A version never changes, so the digest of its properties is part of its logical id.
- Each role may do what settings ask for, on the one resource that they name (roles.py).
- The user's own resources and outputs are added to ours; none has a name of ours (settings/mappings.py).
- CloudFormation puts ARNs together, so that they are right in every partition.
- A template holds no secret: everybody who may see the stack can read it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import Settings, names
from lambdify.cli.template import (
    alarms,
    cdn,
    commands,
    domain,
    endpoints,
    failed,
    function,
    lambdas,
    roles,
    rollback_alarm,
    sources,
    tasks,
)
from lambdify.cli.template.sources.source import Right

Resource = dict[str, Any]

ALIAS = "live"
LIVE = lambdas.LIVE
SHARE = "Share"
"""Parameter: the weight, from 0 to 1, of the published version in the alias's routing config."""
KEEP_WARM = {"lambdify": "keep-warm"}
REFRESHED, REFRESHED_OUTPUT = "LAMBDIFY_REFRESHED", "Refreshed"
"""The variable with the time of the last `deploy --refresh`, and the output that tells the next one."""
ORIGIN = "Origin"
"""The output with the endpoint's own URL, where the stage's is that of what stands in front."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """The template of a stack, with its tags."""

    stack: str
    body: Mapping[str, Any]
    text: str
    """The body as JSON."""
    version: str
    """Logical id of the version that it publishes; it changes whenever the version changes."""
    tags: Mapping[str, str]
    """Tags of the stack, which CloudFormation copies to every resource that can have tags."""


def write(settings: Settings, artifact: Artifact, target: Target) -> Template:
    """Return the template of the stage."""
    code = function.write(settings, artifact, target)
    # A version resource publishes only when it is created, so each version needs a resource of its own.
    version = f"Version{endpoints.digest(function.versioned(code))}"
    behind = cdn.place(settings, endpoints.write(settings, ALIAS), artifact.static)
    endpoint = domain.place(settings, behind)
    resources = {
        **roles.write(settings, function_rights(settings)),
        "LogGroup": function.log_group(settings),
        **code,
        version: function.version("Function"),
        "Alias": _alias(settings, version),
        **rollback_alarm.write(settings, ALIAS, version),
        **endpoint.resources,
        **_schedule_role(settings),
        **_keep_warm(settings),
        **commands.write(settings, code),
        **lambdas.write(settings, artifact, target, version),
        **lambdas.asynchronous(settings),
        **sources.write(settings),
        **tasks.write(settings),
        **failed.write(settings),
        **alarms.write(settings, endpoint),
        **settings.resources,
    }
    refreshed = settings.environment.get(REFRESHED)
    others = {
        **lambdas.outputs(settings, resources),
        **commands.outputs(resources),
        **domain.outputs(settings),
        **({REFRESHED_OUTPUT: refreshed} if refreshed else {}),
        **({ORIGIN: endpoint.origin} if endpoint.origin else {}),
    }
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{settings.name}, stage {settings.stage}; made by lambdify.",
        **_traffic(settings),
        "Resources": resources,
        "Outputs": {
            **_outputs(artifact, version, endpoint.url, others),
            **settings.outputs,
        },
    }
    text = json.dumps(body, indent=2) + "\n"
    every_tag = {**settings.tags, **tags(settings)}
    return Template(stack=settings.full_name, body=body, text=text, version=version, tags=every_tag)


def tags(settings: Settings) -> dict[str, str]:
    """Return the tags that mark a stack, and its resources, as this stage of this project."""
    return {"lambdify:project": settings.name, "lambdify:stage": settings.stage}


def _traffic(settings: Settings) -> dict[str, Resource]:
    """Return the parameters and conditions that releases/traffic.py moves traffic with."""
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
        # An alias with provisioned concurrency has no routing config (see `_alias`).
        del parameters[SHARE], conditions["Shared"]
    aliases = lambdas.aliases(settings)
    return {
        "Parameters": parameters
        | rollback_alarm.parameters(settings)
        | lambdas.parameters(aliases)
        | commands.parameters(settings),
        "Conditions": conditions
        | rollback_alarm.conditions(settings)
        | lambdas.conditions(aliases)
        | commands.conditions(settings),
    }


def _alias(settings: Settings, version: str) -> Resource:
    published = {"Fn::GetAtt": [version, "Version"]}
    weight = {"FunctionVersion": published, "FunctionWeight": {"Ref": SHARE}}
    # Without weights the list is empty, not left out: UpdateAlias keeps weights that it is not told about.
    weights = {"AdditionalVersionWeights": {"Fn::If": ["Shared", [weight], []]}}
    ready = settings.function.provisioned_concurrency
    # AWS takes one of the two; settings/conflicts.py refuses [release] shift with provisioned concurrency.
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
            "FunctionVersion": lambdas.live_version(LIVE, version),
            **routing,
        },
    }


def function_rights(settings: Settings) -> list[Resource]:
    """Return the statements that the function's role needs for what runs beside the app."""
    rights = [*sources.rights(settings), *tasks.rights(settings), *failed.rights(settings)]
    return [*roles.join(rights), *tasks.pass_role(settings)]


def _schedule_role(settings: Settings) -> dict[str, Resource]:
    """Return the role in which schedules call the aliases; {} if nothing is scheduled."""
    called = [f"Alias{each.id}" for each in settings.functions.values() if each.is_scheduled]
    called = [*(["Alias"] if settings.warm.every else []), *called]
    if not called:
        return {}
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    invoke = roles.join([Right(("lambda:InvokeFunction",), {"Ref": alias}) for alias in called])
    return {
        "ScheduleRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": {"Fn::Sub": names.role(settings, roles.SCHEDULE)},
                "AssumeRolePolicyDocument": roles.trust("scheduler.amazonaws.com", ours),
                "Policies": [roles.policy("invoke", *invoke)],
                **roles.boundary(settings),
            },
        }
    }


def _keep_warm(settings: Settings) -> dict[str, Resource]:
    """Return a schedule that calls the alias; {} if the stage is not kept warm."""
    every = settings.warm.every
    if not every:
        return {}
    return {
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
                    # The next call comes soon, so a missed call is hardly retried.
                    "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60},
                },
            },
        },
    }


def _keep_warm_event(settings: Settings) -> Resource:
    """Return the schedule's event; adapter/aws/warming.py says how it keeps several environments warm."""
    at_once = settings.warm.concurrency
    return {**KEEP_WARM, "concurrency": at_once} if at_once > 1 else KEEP_WARM


def _outputs(
    artifact: Artifact, version: str, url: object, others: Mapping[str, object]
) -> dict[str, Resource]:
    published = {"Fn::GetAtt": [version, "Version"]}
    values: dict[str, object] = {
        **({"Endpoint": url} if url else {}),
        "Function": {"Ref": "Function"},
        "Version": lambdas.live_version(LIVE, version),
        "Published": published,
        "Alias": {"Ref": "Alias"},
        "Bucket": function.substitute(artifact.bucket),
        **({"Image": function.substitute(artifact.image)} if artifact.image else {"App": artifact.app_key}),
        **others,
    }
    if artifact.static:
        values["Files"] = artifact.static.record
    if artifact.layer_key is not None:
        values["Layer"] = artifact.layer_key
    return {name: {"Value": value} for name, value in values.items()}
