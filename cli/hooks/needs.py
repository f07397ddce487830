"""What lambdify itself needs of a template: a function of the project may change the rest, and add to it.

Names are what `status`, `logs`, `undeploy` and the deployer's policy find things by; parameters, versions and
aliases are what traffic is moved with; outputs are what the next deployment reads. Each is refused by its
name, so that nothing is taken away unsaid.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lambdify.cli.errors import HookFailed
from lambdify.cli.settings import Settings
from lambdify.cli.settings.function_conflicts import our_ids
from lambdify.cli.settings.mappings import OUR_OUTPUTS, OUR_RESOURCES

Body = Mapping[str, Any]

WHOLE = {"AWS::Lambda::Version": "versions", "AWS::Lambda::Alias": "aliases"}
"""Types of ours that stay as they are: traffic is moved with them."""
OF_FUNCTIONS = ("Code", "Handler", "ImageConfig", "LoggingConfig", "PackageType", "Runtime")
"""Properties of our Lambdas that stay as they are: the bundle goes with them."""
FUNCTION = "AWS::Lambda::Function"
OUR_VARIABLES = "LAMBDIFY_"
OUR_TAGS = "lambdify:"
FIXED = ("Type", "Condition")
"""Attributes of ours that stay as they are: a condition may take a resource away."""


def check(before: Body, after: Body, settings: Settings) -> None:
    """Return if the template `after` has all that lambdify needs of `before`. Raises HookFailed."""
    for why, hint in _find(before, after, settings):
        raise HookFailed(
            f"[hooks] template: {settings.hooks.template} {why}.",
            hint=f"{hint} Nothing was uploaded or changed.",
        )


def _find(before: Body, after: Body, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, as the end of a sentence, and what to do."""
    for section in before:
        if section not in after or not isinstance(after[section], type(before[section])):
            yield f"removed {section}", "It may change the template's parts, not remove them."
            return
    yield from _shape(after)
    if "Transform" in after:
        yield "added Transform", "Macros are not run: write the resources that they would make."
    yield from _sections(before, after, settings)
    there = {name: each for name, each in before["Resources"].items() if name not in settings.resources}
    for name, each in there.items():
        yield from _resource(name, each, after["Resources"].get(name))
    for name, each in after["Resources"].items():
        if name not in before["Resources"]:
            yield from _new_resource(name, settings)
        if any(str(key).startswith(OUR_TAGS) for key in _tags(each)):
            yield (
                f"gave {name} a tag {OUR_TAGS}...",
                "These tags say which stage a resource is of: leave them.",
            )


def _shape(after: Body) -> Iterator[tuple[str, str]]:
    """Yield what no template has: a part that is no table, a resource without a type."""
    for section in ("Parameters", "Conditions", "Resources", "Outputs"):
        for name, value in after[section].items():
            if not isinstance(value, dict):
                yield f"made {type(value).__name__} of {name} in {section}", "Each of them is a table."
    for name, each in after["Resources"].items():
        if not isinstance(each.get("Type"), str) or not isinstance(each.get("Properties", {}), dict):
            yield (
                f"left {name} without a Type, or with Properties that are no table",
                'A resource is {"Type": "AWS::...", "Properties": {...}}.',
            )


def _sections(before: Body, after: Body, settings: Settings) -> Iterator[tuple[str, str]]:
    for section in ("Parameters", "Conditions", "Outputs"):
        for name, value in before[section].items():
            if section == "Outputs" and name in settings.outputs:
                continue
            if after[section].get(name) != value:
                verb = "changed" if name in after[section] else "removed"
                yield f"{verb} {name} in {section}", "lambdify reads it: leave it as it is."
    for name, value in after["Parameters"].items():
        if name not in before["Parameters"] and "Default" not in value:
            yield f"added the parameter {name} without a Default", "Nobody else gives it a value: write one."
    for name in after["Outputs"]:
        if name not in before["Outputs"] and OUR_OUTPUTS.fullmatch(name):
            yield (
                f"added the output {name}",
                f'That name is lambdify\'s: choose another one, such as "My{name}".',
            )


def _new_resource(name: str, settings: Settings) -> Iterator[tuple[str, str]]:
    if OUR_RESOURCES.fullmatch(name) or our_ids(settings).fullmatch(name):
        yield f"added {name}", f'That name is lambdify\'s: choose another one, such as "My{name}".'


def _resource(name: str, before: Body, after: Any) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a resource of ours."""
    kind = before["Type"]
    if after is None:
        yield f"removed {name} ({kind})", "What is lambdify's may be changed, not removed."
        return
    if kind in WHOLE and after != before:
        yield f"changed {name}", f"Traffic is moved with {WHOLE[kind]}: leave them as they are."
        return
    for attribute in FIXED:
        if after.get(attribute) != before.get(attribute):
            yield f"changed {attribute} of {name}", "What is lambdify's keeps it."
    old, new = before.get("Properties", {}), after.get("Properties", {})
    for key, value in old.items():
        if (key.endswith("Name") or (kind == FUNCTION and key in OF_FUNCTIONS)) and new.get(key) != value:
            yield f"changed {key} of {name}", "lambdify finds it by that: leave it as it is."
    if kind == FUNCTION:
        yield from _function(name, old, new)


def _function(name: str, old: Body, new: Body) -> Iterator[tuple[str, str]]:
    added = [key for key in OF_FUNCTIONS if key in new and key not in old]
    if added:
        yield f"added {added[0]} to {name}", "The bundle says how it is called."
    layers = new["Layers"] if isinstance(new.get("Layers"), list) else []
    missing = [each for each in old.get("Layers", []) if isinstance(each, dict) and each not in layers]
    if missing:
        yield f"took the layer with the dependencies from {name}", "Add others to Layers, and keep it."
    wanted, found = (_variables(each) for each in (old, new))
    for variable, value in wanted.items():
        if variable.startswith(OUR_VARIABLES) and found.get(variable) != value:
            yield f"changed {variable} of {name}", "lambdify's part in the function reads it."


def _variables(properties: Body) -> Body:
    """Return a Lambda's variables; {} for what are none."""
    environment = properties.get("Environment")
    variables = environment.get("Variables") if isinstance(environment, dict) else None
    return variables if isinstance(variables, dict) else {}


def _tags(resource: Body) -> Iterator[object]:
    """Yield the keys of a resource's tags, which are a list or a table."""
    found = resource.get("Properties", {}).get("Tags")
    for each in found if isinstance(found, list | dict) else ():
        yield each.get("Key") if isinstance(each, dict) else each
