"""Traffic: parameters of the stack say which version gets it, and only this module changes them.

    Live        the version that the alias of the web app leads to
    Share       the weight, from 0 to 1, of the published version in that alias's routing config
    ShiftUntil  when AWS sets that weight to 0 by itself (template/rollback_alarm.py)
    Live<Name>  the version that the alias of a function leads to (stacks/aliases.py)

Rules:
- A template is applied with the traffic held where it is: the new version gets none before it was tried.
- All aliases move in one update. Parts of the traffic are for the web app: functions move at the end.
- An alias that is new to the stack, or to another Lambda, follows the published version at once: the version
  before does not know its function.
- Traffic moves to a version by its number, and only while the stack is the one that was tried. A change set
  is void as soon as the stack has changed, so this never undoes what somebody else deployed meanwhile.
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from lambdify.cli import template
from lambdify.cli.aws import Account, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Interrupted
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import aliases, change_sets, stack, stack_events
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep, pauses
from lambdify.cli.stage import Stage
from lambdify.cli.template import LIVE, SHARE, Template
from lambdify.cli.template.rollback_alarm import SHIFT_UNTIL, is_guarded


def hold(wanted: Template, existing: Stack | None, account: Account) -> dict[str, str]:
    """Return the parameters that leave the traffic where it is; {} for a stack that has no traffic yet."""
    if existing is None or not existing.live:
        return {}
    before = stack.fetch_body(existing, account)["Resources"]
    wanted_functions = _lambdas(wanted.body["Resources"])
    held = {SHARE: "0", SHIFT_UNTIL: ""}
    for alias in aliases.read(existing):
        function, version = wanted_functions.get(f"Alias{alias.id}", ("", ""))
        if function != alias.function:
            continue
        follows = not existing.parameters.get(alias.parameter) and version in before
        # If nothing new is published, the alias may go on following the published version.
        held[alias.parameter] = "" if follows else alias.version
    return _declared(held, wanted.body["Parameters"])


def _lambdas(resources: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return, by the logical id of each alias, the name of its Lambda and the logical id of the version."""

    def owner(resource: Mapping[str, Any]) -> str:
        return str(resource["Properties"]["FunctionName"]["Ref"])

    versions = {owner(each): name for name, each in _of_type("AWS::Lambda::Version", resources)}
    return {
        name: (
            str(resources[owner(each)]["Properties"]["FunctionName"]),
            versions.get(owner(each), ""),
        )
        for name, each in _of_type("AWS::Lambda::Alias", resources)
    }


def _of_type(kind: str, resources: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield our resources of that type; those of the project refer to others, or to none."""
    for name, each in resources.items():
        refers = each.get("Properties", {}).get("FunctionName")
        if each["Type"] == kind and isinstance(refers, Mapping) and refers.get("Ref") in resources:
            yield name, each


def move(
    version: str,
    deployed: Stack,
    stage: Stage,
    console: Console,
    *,
    sleep: Sleep,
    weight: float = 0.0,
    until: datetime | None = None,
    functions: Mapping[str, str] | None = None,
) -> Stack:
    """Point the web app's alias at the version, with `weight` for the published one; return the stack then.

    `until`, in UTC, is when AWS sets the weight to 0, unless the traffic has moved before. Stages that cannot
    have that ignore it. `functions` are the versions of other aliases, by name, which move with it; the rest
    stays. Raises StackBusy if the stack has changed meanwhile, and DeployFailed.
    """
    moment = until.strftime("%Y-%m-%dT%H:%M:%S") if until else ""
    others = aliases.functions(deployed)
    moved = {each.parameter: (functions or {}).get(each.name, each.version) for each in others}
    wanted = {LIVE: version, SHARE: f"{weight:g}", SHIFT_UNTIL: moment, **moved}
    wanted = _declared(wanted, deployed.parameters)
    change_set = change_sets.propose_parameters(
        deployed, wanted, stage.account, express=stage.settings.release.express, sleep=sleep
    )
    if change_set is None:
        return stack.fetch(stage)
    now = stack.find(stage)
    if now is None or (now.id, _published(now)) != (deployed.id, _published(deployed)):
        change_sets.discard(change_set, stage.account)
        raise stack.overtaken(stage.settings, "another deployment came in between")
    update = partial(change_sets.apply, change_set, stage.account)
    stack_events.follow(update, stage, console, touched=(), sleep=sleep)
    return stack.fetch(stage)


def _published(deployed: Stack) -> dict[str, str]:
    """Return the published version of each Lambda."""
    return {each.function: each.published for each in aliases.read(deployed)}


def is_split(deployed: Stack) -> bool:
    """Whether the stack splits the traffic: a part of it goes to the published version."""
    return float(deployed.parameters.get(SHARE) or 0) > 0


@translated(during="looking where the traffic goes")
def fetch_weights(stage: Stage) -> dict[str, float]:
    """Return the weights of additional versions in the alias's routing config, from 0 to 1, by version.

    {} while the stack says that traffic is split means that AWS has taken it back.
    """
    found = stage.client("lambda").get_alias(FunctionName=stage.name, Name=template.ALIAS)
    weights: dict[str, float] = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return weights


def check_unmoved(moved: Stack, stage: Stage) -> None:
    """Return if the traffic is still where it was moved to. Raises StackBusy."""
    now = stack.find(stage)
    if now is None or (now.id, now.outputs, now.parameters) != (moved.id, moved.outputs, moved.parameters):
        raise stack.overtaken(stage.settings, "somebody else has moved its traffic, or deployed")


def take_back(version: str, deployed: Stack, stage: Stage, console: Console, *, sleep: Sleep) -> Stack:
    """Wait until the last move is done, then do as `move`. Raises Interrupted if Ctrl-C ends the wait."""
    try:
        for pause in pauses():
            if not stack.fetch(stage).is_busy:
                return move(version, deployed, stage, console, sleep=sleep)
            sleep(pause)
    except KeyboardInterrupt:
        pass
    raise Interrupted(
        f"A part of the traffic of {stage.name} may go to version {deployed.published}.",
        hint=rollback_hint(version, stage.settings),
    )


def rollback_hint(version: str, settings: Settings) -> str:
    """Return the hint for traffic of which a part may go to another version."""
    by_itself = " Where nobody does that, AWS takes it back after a while." if is_guarded(settings) else ""
    return f"`lambdify rollback {settings.stage}` gives all of it to version {version} again.{by_itself}"


def _declared(parameters: Mapping[str, str], there: Container[str]) -> dict[str, str]:
    """Return the parameters that the template declares: CloudFormation refuses others."""
    return {name: value for name, value in parameters.items() if name in there}
