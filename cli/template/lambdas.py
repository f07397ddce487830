"""Aliases of a stage's functions, and Lambdas beside the app's: the same code, with limits of their own.

    app's Lambda ─▶ its version ─▶ alias `live`, and one for each function without limits of its own
    another one  ─▶ its version ─▶ alias of its name

Rules:
- Each alias has a parameter of its own, Live<Name>, so that releases/traffic.py moves all of them in one
  update. Without a value it leads to the version that the template publishes.
- Whatever runs has a version: a release that fails leaves what runs as it was.
- All Lambdas of a stage have one role, one log group, and one bundle.
"""

from collections.abc import Mapping
from typing import Any

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import Settings
from lambdify.cli.settings.functions import identifier
from lambdify.cli.template import function
from lambdify.cli.template.endpoints import digest
from lambdify.cli.template.function import Limits
from lambdify.cli.template.sources.source import on_failure

Resource = dict[str, Any]

LIVE = "Live"
"""Parameter: the version that the app's alias points to; "" for the one that the template publishes.
The parameters of other aliases begin so: LiveReport."""
TASKS = "tasks"
COMMANDS = "commands"


def own(settings: Settings) -> Mapping[str, Limits]:
    """Return the Lambdas beside the app's that run functions and tasks, by their aliases."""
    limits: dict[str, Limits] = {TASKS: Limits(memory=settings.tasks.memory, timeout=settings.tasks.timeout)}
    for each in settings.functions.values():
        limits[each.name] = Limits(
            memory=each.memory,
            timeout=each.timeout,
            storage=each.storage,
            reserved_concurrency=each.reserved_concurrency,
        )
    return {alias: limits[alias] for alias in settings.own_lambdas}


def aliases(settings: Settings) -> tuple[str, ...]:
    """Return the names of all aliases but the app's."""
    return tuple(dict.fromkeys([*settings.functions, *settings.own_lambdas]))


def of(settings: Settings, alias: str) -> Resource:
    """Return a reference to the Lambda behind an alias: the app's or one of its own."""
    return {"Ref": f"Function{identifier(alias)}" if alias in settings.own_lambdas else "Function"}


def write(settings: Settings, artifact: Artifact, target: Target, version: str) -> dict[str, Resource]:
    """Return all Lambdas but the app's, their versions, and all aliases but the app's.

    `version` is the logical id of the version of the app's Lambda.
    """
    beside = own(settings)
    resources: dict[str, Resource] = {}
    for alias in aliases(settings):
        if alias in beside:
            resources |= write_one(settings, artifact, target, alias, beside[alias])
        else:
            resources[f"Alias{identifier(alias)}"] = _alias(alias, "Function", version)
    return resources


def write_one(
    settings: Settings, artifact: Artifact, target: Target, alias: str, limits: Limits
) -> dict[str, Resource]:
    """Return a Lambda beside the app's, its version, and its alias."""
    end = identifier(alias)
    code = function.write_beside(settings, artifact, target, settings.lambda_name(alias), limits)
    version = f"Version{end}{digest(function.versioned(code))}"
    return {
        f"Function{end}": code["Function"],
        version: function.version(f"Function{end}"),
        f"Alias{end}": _alias(alias, f"Function{end}", version),
    }


def asynchronous(settings: Settings) -> dict[str, Resource]:
    """Return how often each function's events are tried again, for how long, and where they go then."""
    return {
        f"Async{each.id}": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            # The alias is named, not referred to: Lambda wants its name.
            "DependsOn": [f"Alias{each.id}"],
            "Properties": {
                "FunctionName": of(settings, each.name),
                "Qualifier": each.name,
                "MaximumRetryAttempts": each.retries,
                "MaximumEventAgeInSeconds": each.max_age,
                **on_failure(settings, each),
            },
        }
        for each in settings.functions.values()
    }


def parameters(names: tuple[str, ...]) -> dict[str, Resource]:
    """Return the parameters that say where these aliases lead."""
    return {
        f"{LIVE}{identifier(alias)}": {
            "Type": "String",
            "Default": "",
            "Description": f"The version that {alias} leads to; empty for the one that this publishes",
        }
        for alias in names
    }


def conditions(names: tuple[str, ...]) -> dict[str, Resource]:
    """Return the conditions that these aliases lead to what the template publishes."""
    return {
        f"{held}IsPublished": {"Fn::Equals": [{"Ref": held}, ""]}
        for held in (f"{LIVE}{identifier(alias)}" for alias in names)
    }


def outputs(settings: Settings, resources: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return what the stack tells of each alias but the app's: stacks/aliases.py reads it.

    Its ARN, the version that it leads to, and the one that was published of a Lambda of its own.
    """
    found: dict[str, Resource] = {}
    for alias in aliases(settings):
        end = identifier(alias)
        version = _version_of(of(settings, alias), resources)
        found[f"Alias{end}"] = {"Ref": f"Alias{end}"}
        found[f"Version{end}"] = live_version(f"{LIVE}{end}", version)
        if alias in settings.own_lambdas:
            found[f"Published{end}"] = {"Fn::GetAtt": [version, "Version"]}
    return found


def _version_of(owner: Resource, resources: Mapping[str, Resource]) -> str:
    """Return the logical id of the version of a Lambda."""
    of_owner = (
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::Lambda::Version" and each.get("Properties", {}).get("FunctionName") == owner
    )
    return next(of_owner)


def live_version(held: str, version: str) -> Resource:
    """Return the version that a parameter holds, or the published one."""
    return {"Fn::If": [f"{held}IsPublished", {"Fn::GetAtt": [version, "Version"]}, {"Ref": held}]}


def _alias(alias: str, of_function: str, version: str) -> Resource:
    return {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": of_function},
            "Name": alias,
            "FunctionVersion": live_version(f"{LIVE}{identifier(alias)}", version),
        },
    }
