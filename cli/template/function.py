"""The Lambdas of a stage as resources of its template: their code, log group, and configuration.

Rules:
- Properties with AWS's default values are left out: a template says what somebody decided.
- `versioned` returns the parts that make a version. A new one is published only if they have changed:
  CloudFormation fails to publish a version of a function that has not changed since the last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import Settings
from lambdify.cli.template import cdn, domain, roles, tasks

Resource = dict[str, Any]

HANDLER = "lambdify.adapter.entry.handler"
STREAMING_HANDLER = "lambdify.adapter.streaming.runtime.handler"
STORAGE = 512
"""MB of /tmp that every function has."""
BESIDE_VERSIONS = ("ReservedConcurrentExecutions",)
"""Properties of the function that are not part of a version."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a Lambda beside the app's has of its own. 0 and None: as the app's."""

    memory: int = 0
    timeout: int = 0
    storage: int = 0
    reserved_concurrency: int | None = None


def write(settings: Settings, artifact: Artifact, target: Target) -> dict[str, Resource]:
    """Return the function, and its layer if there are dependencies."""
    return {**_layer(settings, artifact, target), "Function": _function(settings, artifact, target)}


def write_beside(
    settings: Settings, artifact: Artifact, target: Target, name: str, limits: Limits
) -> dict[str, Resource]:
    """Return a Lambda beside the app's with the same code, as "Function", and the layer that it shares.

    What answers requests only, it does without: streaming, environments that are kept ready, SnapStart.
    """
    common = _function(settings, artifact, target)
    left_out = ("DeadLetterConfig", "SnapStart", "ReservedConcurrentExecutions")
    properties = {key: value for key, value in common["Properties"].items() if key not in left_out}
    properties |= _code(artifact, target, settings.function.wrapper or HANDLER)
    properties |= {
        "FunctionName": name,
        "MemorySize": limits.memory or settings.function.memory,
        "Timeout": limits.timeout or settings.function.timeout,
    }
    if limits.storage:
        properties["EphemeralStorage"] = {"Size": limits.storage}
    if limits.reserved_concurrency is not None:
        properties["ReservedConcurrentExecutions"] = limits.reserved_concurrency
    layer = _layer(settings, artifact, target)
    return {**layer, "Function": {**common, "Properties": properties}}


def version(of: str) -> Resource:
    """Return a version that outlives its place in the template, for rollbacks, unless its creation fails."""
    return {
        "Type": "AWS::Lambda::Version",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"FunctionName": {"Ref": of}},
    }


def versioned(code: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return the parts of the resources that make a version: if they change, a new one is published."""
    properties = code["Function"]["Properties"]
    kept = {name: value for name, value in properties.items() if name not in BESIDE_VERSIONS}
    return {**code, "Function": {"Type": code["Function"]["Type"], "Properties": kept}}


def log_group(settings: Settings) -> Resource:
    """Return the function's log group."""
    return {
        "Type": "AWS::Logs::LogGroup",
        # `undeploy` removes it after the stack, or leaves it (--keep-logs) for the next stack to take over.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Delete",
        "Properties": {"LogGroupName": settings.log_group, "RetentionInDays": settings.logs.retention},
    }


def substitute(name: str) -> object:
    """Return a name for a template: with Fn::Sub if it has pseudo parameters, as those of `pipeline` have."""
    return {"Fn::Sub": name} if "${" in name else name


def _layer(settings: Settings, artifact: Artifact, target: Target) -> dict[str, Resource]:
    if artifact.layer_key is None:
        return {}
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {
            "LayerName": settings.full_name,
            "Description": "Dependencies",
            "Content": {"S3Bucket": substitute(artifact.bucket), "S3Key": artifact.layer_key},
            "CompatibleRuntimes": [target.runtime],
            "CompatibleArchitectures": [target.architecture],
        },
    }
    return {"Layer": layer}


def _function(settings: Settings, artifact: Artifact, target: Target) -> Resource:
    properties: Resource = {
        "FunctionName": settings.full_name,
        "Description": settings.function.description,
        **_code(artifact, target, _handler(settings)),
        "Architectures": [target.architecture],
        "MemorySize": settings.function.memory,
        "Timeout": settings.function.timeout,
        "Role": roles.arn(settings),
        "LoggingConfig": _logging(settings),
    }
    # If two layers hold the same file, the later one wins: the user's layers come last.
    ours = [] if artifact.layer_key is None else [{"Ref": "Layer"}]
    if layers := [*ours, *settings.function.layers]:
        properties["Layers"] = layers
    told = {**tasks.variables(settings), **cdn.variables(settings), **domain.variables(settings)}
    if variables := {**settings.environment, **told}:
        properties["Environment"] = {"Variables": dict(sorted(variables.items()))}
    function = {"Type": "AWS::Lambda::Function", "Properties": {**properties, **_options(settings)}}
    # An image has no runtime that would tell which Python is deployed.
    return {**function, "Metadata": {"Runtime": target.runtime}} if artifact.image else function


def _handler(settings: Settings) -> str:
    """Return what Lambda calls; a wrapper calls HANDLER, and with streaming there is none."""
    return STREAMING_HANDLER if settings.http.streaming else settings.function.wrapper or HANDLER


def _code(artifact: Artifact, target: Target, handler: str) -> Resource:
    """Return the properties for the code and its handler."""
    if artifact.image:
        # The base image's entry point is AWS's runtime client, which takes the handler as its command.
        return {
            "PackageType": "Image",
            "Code": {"ImageUri": substitute(artifact.image)},
            "ImageConfig": {"Command": [handler]},
        }
    return {
        "Runtime": target.runtime,
        "Handler": handler,
        "Code": {"S3Bucket": substitute(artifact.bucket), "S3Key": artifact.app_key},
    }


def _logging(settings: Settings) -> Resource:
    """Return the logging config. It keeps Lambda's own lines, such as reports of requests, for `status`."""
    logging: Resource = {"LogGroup": {"Ref": "LogGroup"}}
    if settings.logs.format == "json":
        logging |= {"LogFormat": "JSON", "ApplicationLogLevel": settings.logs.level}
    return logging


def _options(settings: Settings) -> Resource:
    """Return the properties that only some functions have."""
    function, vpc, efs = settings.function, settings.vpc, settings.efs
    options: Resource = {}
    if function.storage != STORAGE:
        options["EphemeralStorage"] = {"Size": function.storage}
    if vpc.subnets:
        options["VpcConfig"] = {
            "SubnetIds": list(vpc.subnets),
            "SecurityGroupIds": list(vpc.security_groups),
        }
    if efs.access_point:
        options["FileSystemConfigs"] = [{"Arn": efs.access_point, "LocalMountPath": efs.mount}]
    if function.tracing:
        options["TracingConfig"] = {"Mode": "Active"}
    if function.dead_letter:
        options["DeadLetterConfig"] = {"TargetArn": function.dead_letter}
    if function.kms_key:
        options["KmsKeyArn"] = function.kms_key
    if function.snapstart:
        options["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    if function.reserved_concurrency is not None:
        options["ReservedConcurrentExecutions"] = function.reserved_concurrency
    return options
