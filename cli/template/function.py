"""The function of a stage as resources of its template: its code, its log, and how it runs.

Rules:
- What is as AWS has it by default is left out: a template says what somebody decided.
- What is part of a version and what is not, is told apart (`versioned`): a version resource publishes once,
  and CloudFormation fails to publish one of a function that has not changed since the last.
"""

from collections.abc import Mapping
from typing import Any

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import Settings
from lambdify.cli.template import roles

Resource = dict[str, Any]

HANDLER = "lambdify.adapter.entry.handler"
STREAMING_HANDLER = "lambdify.adapter.streaming.runtime.handler"
STORAGE = 512
"""MB of /tmp that every function has."""
BESIDE_VERSIONS = ("ReservedConcurrentExecutions",)
"""Properties of the function that no version keeps."""


def write(settings: Settings, artifact: Artifact, target: Target) -> dict[str, Resource]:
    """The layer, if there are dependencies, and the function."""
    return {**_layer(settings, artifact, target), "Function": _function(settings, artifact, target)}


def versioned(code: Mapping[str, Resource]) -> dict[str, Resource]:
    """What of these becomes part of a version: when that changes, another one has to be published."""
    properties = code["Function"]["Properties"]
    kept = {name: value for name, value in properties.items() if name not in BESIDE_VERSIONS}
    return {**code, "Function": {**code["Function"], "Properties": kept}}


def log_group(settings: Settings) -> Resource:
    """The function's log group."""
    return {
        "Type": "AWS::Logs::LogGroup",
        # `undeploy` removes it after the stack, or leaves it (--keep-logs) for the next stack to take over.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Delete",
        "Properties": {"LogGroupName": settings.log_group, "RetentionInDays": settings.logs.retention},
    }


def substitute(name: str) -> object:
    """A bucket or an image as a template names it: `pipeline` leaves the account and region in it open."""
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
        **_code(settings, artifact, target),
        "Architectures": [target.architecture],
        "MemorySize": settings.function.memory,
        "Timeout": settings.function.timeout,
        "Role": roles.arn(settings),
        "LoggingConfig": _logging(settings),
    }
    # Where two layers hold the same file, the later one wins: the user's own are there to say the last word.
    ours = [] if artifact.layer_key is None else [{"Ref": "Layer"}]
    if layers := [*ours, *settings.function.layers]:
        properties["Layers"] = layers
    if settings.environment:
        properties["Environment"] = {"Variables": dict(sorted(settings.environment.items()))}
    return {"Type": "AWS::Lambda::Function", "Properties": {**properties, **_options(settings)}}


def _code(settings: Settings, artifact: Artifact, target: Target) -> Resource:
    """What runs, and what of it is called."""
    handler = STREAMING_HANDLER if settings.http.streaming else HANDLER
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
    """Lambda's own lines, such as the report of each request, are always logged: `status` reads them."""
    logging: Resource = {"LogGroup": {"Ref": "LogGroup"}}
    if settings.logs.format == "json":
        logging |= {"LogFormat": "JSON", "ApplicationLogLevel": settings.logs.level}
    return logging


def _options(settings: Settings) -> Resource:
    """The properties that only some functions have."""
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
