"""A stage that is not deployed yet: whether its name is free, and whether it is meant.

    deploy prdo      is a stage of its own, though prod was meant: the stages that are there are named
    shop-dev         may be the name of a function that another tool has made

Both are said before anything is packed.
"""

from collections.abc import Mapping
from typing import Any

from lambdify.cli import hints, template
from lambdify.cli.artifacts import objects
from lambdify.cli.aws import attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined, FunctionForeign
from lambdify.cli.stage import Stage

MISSING = "^ResourceNotFoundException:"
MADE_BY_STACK = "aws:cloudformation:stack-name"
"""The tag that CloudFormation sets on what it makes."""


def check(stage: Stage, console: Console, *, yes: bool) -> None:
    """Return if the stage may become a stack; say which others of the project are there.

    With `yes` nobody is asked, not even about a name that is nearly that of another stage: stages of branches
    have such names. Raises FunctionForeign, Declined.
    """
    _refuse_foreign_function(stage)
    others = find_others(stage)
    if not others:
        return
    name = stage.settings.stage
    there = f"deployed there: {', '.join(others)}."
    said = f'"{name}" is a new stage of {stage.settings.name} in {stage.region}; {there}'
    near = hints.nearest(name, others)
    if not near:
        console.note(said)
        return
    console.warn(f"{said} {near}")
    if not yes and console.interactive and not console.confirm(f"Make the new stage {name} all the same?"):
        raise Declined("Nothing was made.")


@translated(during="looking for other stages of the project")
def find_others(stage: Stage) -> tuple[str, ...]:
    """Return the names of the project's other stages in the account and region."""
    folder = f"{stage.settings.name}/"
    names = [each.removeprefix(folder).strip("/") for each in objects.find_folders(stage, folder)]
    return tuple(sorted(name for name in names if name != stage.settings.stage))


@translated(during="looking whether the function's name is free")
def _refuse_foreign_function(stage: Stage) -> None:
    find = stage.client("lambda").get_function
    found = attempt(find, none_if=MISSING, FunctionName=stage.name)
    if found is None:
        return
    raise FunctionForeign(
        f'A function named "{stage.name}" exists in {stage.region}, and no stack of lambdify holds it: '
        f"{_describe_owner(found, stage)}.",
        hint="It was not touched. Give this project another name, such as "
        f'name = "{stage.settings.name}-web" in lambdify.toml, or deploy another stage.',
    )


def _describe_owner(found: Mapping[str, Any], stage: Stage) -> str:
    tags: Mapping[str, str] = found.get("Tags") or {}
    if template.tags(stage.settings).items() <= tags.items():
        return "an undeploy of this stage left it behind"
    if owner := tags.get(MADE_BY_STACK):
        return f'it belongs to the stack "{owner}"'
    described = found["Configuration"].get("Description")
    return f'another tool has made it ("{described}")' if described else "another tool has made it"
