"""The Lambda that commands run in, where [commands] or [release] command ask for one.

    whoever may invoke it ──▶ alias `commands` ──▶ published version ──▶ a function of the same code

Rules:
- No endpoint, schedule, queue or permission leads to it. Who may run commands is who may invoke this ARN, so
  it is a Lambda of its own: the app's handler runs no commands.
- It has what the app's function has, but not what serves traffic: no concurrency that is set aside or ready,
  no snapshot, no dead letters.
- It is never called again: a command that has failed may have done half of its work.
"""

from collections.abc import Mapping
from typing import Any

from lambdify.cli.settings import Settings
from lambdify.cli.template import endpoints

Resource = dict[str, Any]

ALIAS = "commands"
"""Name of the alias, and the end of the Lambda's name."""
HANDLER = "lambdify.adapter.commands.handler"
LIVE = "LiveCommands"
"""Parameter: the version that the alias points to; "" for the one that the template publishes."""
FOR_TRAFFIC = ("DeadLetterConfig", "ReservedConcurrentExecutions", "SnapStart")
"""Properties of the app's function that this one does not have."""


def function_name(settings: Settings) -> str:
    """Return the name of the Lambda: "shop-dev-commands"."""
    return f"{settings.full_name}-{ALIAS}"


def write(settings: Settings, code: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return the Lambda, its version and its alias; {} if the settings ask for none.

    `code` are the resources of the app's function, without which there is nothing to run.
    """
    if not settings.commands.timeout:
        return {}
    function = {**code["Function"], "Properties": _properties(settings, code["Function"]["Properties"])}
    version = f"VersionCommands{endpoints.digest({**code, 'Function': function})}"
    return {
        "FunctionCommands": function,
        version: {
            "Type": "AWS::Lambda::Version",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"FunctionName": {"Ref": "FunctionCommands"}},
        },
        "AliasCommands": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "FunctionCommands"},
                "Name": ALIAS,
                "FunctionVersion": _live_version(version),
            },
        },
        "AsyncCommands": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "DependsOn": ["AliasCommands"],
            "Properties": {
                "FunctionName": {"Ref": "FunctionCommands"},
                "Qualifier": ALIAS,
                "MaximumRetryAttempts": 0,
            },
        },
    }


def parameters(settings: Settings) -> dict[str, Resource]:
    """Return the parameter that moves the alias; {} if there is none."""
    if not settings.commands.timeout:
        return {}
    described = "The version that runs commands; empty for the one that this publishes"
    return {LIVE: {"Type": "String", "Default": "", "Description": described}}


def conditions(settings: Settings) -> dict[str, Resource]:
    """Return the condition that the alias follows what is published; {} if there is no alias."""
    if not settings.commands.timeout:
        return {}
    return {f"{LIVE}IsPublished": {"Fn::Equals": [{"Ref": LIVE}, ""]}}


def outputs(resources: Mapping[str, Resource]) -> dict[str, object]:
    """Return what the stack tells of the alias: its ARN, its version, and the one that was published."""
    versions = [name for name in resources if name.startswith("VersionCommands")]
    if not versions:
        return {}
    return {
        "AliasCommands": {"Ref": "AliasCommands"},
        "VersionCommands": _live_version(versions[0]),
        "PublishedCommands": {"Fn::GetAtt": [versions[0], "Version"]},
    }


def _properties(settings: Settings, app: Mapping[str, Any]) -> Resource:
    """Return the function's properties; `app` are those of the app's function."""
    kept = {name: value for name, value in app.items() if name not in FOR_TRAFFIC}
    image = {"ImageConfig": {"Command": [HANDLER]}} if "ImageConfig" in app else {"Handler": HANDLER}
    return {
        **kept,
        "FunctionName": function_name(settings),
        "Description": "Runs commands",
        **image,
        "MemorySize": settings.commands.memory,
        "Timeout": settings.commands.timeout,
    }


def _live_version(version: str) -> Resource:
    return {"Fn::If": [f"{LIVE}IsPublished", {"Fn::GetAtt": [version, "Version"]}, {"Ref": LIVE}]}
