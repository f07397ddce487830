"""A stage with functions, one in the app's Lambda and one in a Lambda of its own.

Whatever happens to a call that changes something, the next run brings all of them to the same release.
"""

from itertools import cycle

import pytest
from releases.shipping import ONE_WARM

from lambdify.cli import releases
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stage import Stage

from . import cases

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

FUNCTIONS = {
    "functions": {
        "resize": {"handler": "shop.images:resize"},
        "x": {"handler": "shop.reports:nightly", "timeout": 120, "schedule": [{"every": "1 hours"}]},
    },
    "release.keep": 2,
}
NAMES = ("live", "resize", "x")


@pytest.fixture
def stage(make_stage, functions):
    """A stage of such functions, all of which can be loaded."""
    made = make_stage(FUNCTIONS)

    def answer(version, event):
        checked = event == {"lambdify": "check"}
        return {"lambdify": "checked", "failed": {}} if checked else {"statusCode": 200}

    functions.answer = answer
    return made


def told(problems):
    """All of them, a line each."""
    return "\n".join(problems)


def leads(stage):
    """Where each alias leads by the stack, by name; what Lambda says otherwise is yielded as a sentence."""
    direct = Stage(settings=stage.settings, account=stage.direct)
    found, problems = {}, []
    for each in aliases.read(stack.fetch(direct)):
        alias = stage.direct.client("lambda").get_alias(FunctionName=each.function, Name=each.name)
        found[each.name] = each.code
        if alias["FunctionVersion"] != each.version:
            problems.append(
                f"{each.name} leads to {alias['FunctionVersion']}, and the stack says {each.code}"
            )
    return found, problems


def together(case, stage):
    """What does not lead to the versions of the live release."""
    found, problems = leads(stage)
    live = releases.find_live(Stage(settings=stage.settings, account=stage.direct))
    expected = {"live": f"shop-dev:{live.version}", **live.functions}
    if found != expected:
        problems.append(f"it leads to {found} instead of {expected}")
    if set(found) != set(NAMES):
        problems.append(f"there is {sorted(found)}")
    yield from (f"{case}: {each}" for each in problems)


def struck(command, place, stage, mortal, dies):
    """The command is killed at that call, or refused it."""
    if dies:
        yield from cases.killed(command, place, stage, mortal)
    else:
        yield from cases.refused(command, place, *cases.strike(place), stage)


def changes(stage, mortal):
    """Kill and refuse in turn, at each call of a later deployment that changes something."""
    cases.begin(stage)
    stage.app += 1
    for place, dies in zip(filter(cases.writes, stage.places("deploy")), cycle([True, False])):
        stage.app += 1
        before, _ = leads(stage)
        yield from struck("deploy", place, stage, mortal, dies)
        now, problems = leads(stage)
        yield from problems
        # All or nothing: never is one function of another release than the rest.
        if now != before and len({code.partition(":")[2] for code in now.values()}) > 1:
            yield f"{place}: between the runs there is {now}"
        case = f"{place}, {'killed' if dies else 'refused'}"
        yield from cases.forward(case, stage, {})
        yield from together(case, stage)


def test_after_any_fault_of_a_later_deployment_all_functions_are_of_the_next_one(stage, mortal):
    assert not told(changes(stage, mortal))


def rollbacks(stage, mortal):
    cases.begin(stage)
    stage.change()
    stage.target = 2
    for place, dies in zip(filter(cases.writes, stage.places("rollback")), cycle([True, False])):
        stage.ship()
        yield from struck("rollback", place, stage, mortal, dies)
        case = f"rollback, {place}, {'killed' if dies else 'refused'}"
        yield from cases.back(case, stage, {})
        yield from together(case, stage)


def test_after_any_fault_of_a_rollback_all_functions_are_of_the_release_that_was_named(stage, mortal):
    assert not told(rollbacks(stage, mortal))


def additions(stage, mortal, make_settings):
    """Kill at each call of a deployment that brings the functions."""
    plain, full = make_settings(overrides=ONE_WARM | {"release.keep": 2}), stage.settings
    stage.settings = plain
    stage.ship()
    stage.settings = full
    stage.app += 1
    places = [each for each in stage.places("deploy") if cases.writes(each)]
    for place in places:
        stage.settings = plain
        stage.change()
        found, problems = leads(stage)
        yield from problems
        if set(found) != {"live"}:
            yield f"without functions there is {sorted(found)}"
        stage.settings = full
        stage.app += 1
        yield from cases.killed("deploy", place, stage, mortal)
        yield from cases.forward(f"{place}, killed", stage, {})
        yield from together(f"{place}, killed", stage)


def test_after_any_kill_of_a_deployment_that_brings_functions_they_are_all_there(
    stage, mortal, make_settings
):
    assert not told(additions(stage, mortal, make_settings))


def test_after_a_kill_anywhere_in_a_removal_the_next_one_leaves_nothing(stage, mortal):
    stage.ship()
    problems = []
    places = [each for each in stage.places("undeploy") if cases.writes(each)]
    for place in places:
        stage.ship()
        problems += cases.killed("undeploy", place, stage, mortal)
        stage.clear()
        problems += cases.afterwards(f"undeploy, {place}, killed", stage, {})
        queues = stage.direct.client("sqs").list_queues().get("QueueUrls", [])
        problems += [f"{place}: {queues} are left"] if queues else []
    assert not told(problems)
