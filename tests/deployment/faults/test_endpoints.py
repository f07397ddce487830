"""Other endpoints than an HTTP API, a switch from one to another, and settings that bring calls."""

from itertools import cycle

import pytest
from releases.shipping import ONE_WARM

from . import cases

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

KINDS = ("http-api", "rest-api", "function-url", "alb", "none")


@pytest.fixture
def stage_of(make_stage, make_settings, make_listener):
    """`stage_of()`: a stage, and its settings for each kind of endpoint."""

    def stage_of():
        stage = make_stage({})
        listener = make_listener(stage.direct)
        own = {"alb": {"http.alb.listener": listener}}
        kinds = {
            kind: make_settings(overrides=ONE_WARM | {"http.endpoint": kind, **own.get(kind, {})})
            for kind in KINDS
        }
        return stage, kinds

    return stage_of


def told(problems):
    """All of them, a line each."""
    return "\n".join(problems)


# -------------------------------------------------------------------- what only some settings ask of AWS


def test_no_endpoint_has_more_asked_of_aws_than_an_http_api(stage_of):
    """So their calls need no faults of their own: CloudFormation makes what they are made of."""
    stage, kinds = stage_of()
    asked = {}
    for kind, settings in kinds.items():
        stage.settings = settings
        passed = stage.places("deploy")
        stage.app += 1
        passed += stage.places("deploy") + stage.places("rollback") + stage.places("undeploy")
        asked[kind] = {each.operation for each in passed}
    assert all(operations == asked["http-api"] for operations in asked.values())


OWN_CALLS = {
    "apigateway:GET /account": {"http.endpoint": "rest-api", "http.access_logs": True},
    "cloudformation:UpdateTerminationProtection": {"protect": True},
    "lambda:GET /2015-03-31/functions/NAME/configuration": {"release.express": True},
}


@pytest.mark.parametrize("operation", OWN_CALLS)
def test_after_any_fault_of_a_call_that_a_setting_makes_the_next_run_completes_it(
    make_stage, mortal, operation
):
    stage = make_stage(OWN_CALLS[operation])
    role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::123456789012:role/logs"}
    stage.direct.client("apigateway").update_account(patchOperations=[role])
    asked = []

    def is_it(place):
        asked.append(place.operation)
        return place.operation == operation

    assert not told(cases.creation_and_removal(stage, mortal, is_it))
    assert operation in asked


# -------------------------------------------------------------------- a switch


def test_after_any_fault_of_a_switch_of_endpoints_the_next_deployment_has_the_new_one_alone(stage_of, mortal):
    assert not told(switches(*stage_of(), mortal))


def switches(stage, kinds, mortal):
    """Fault by fault of a deployment that makes another endpoint, and all kinds in turn."""
    turn = cycle(kinds)

    def switch():
        stage.app += 1
        kind = next(turn)
        stage.settings = kinds[kind]
        return kind

    switch()
    stage.ship()
    switch()
    places = [each for each in stage.places("deploy") if cases.writes(each)]
    assert {each.operation for each in places} > {"cloudformation:ExecuteChangeSet", "s3:PUT release object"}
    for place, dies in zip(places, cycle([True, False]), strict=False):
        kind = switch()
        if dies:
            yield from cases.killed("deploy", place, stage, mortal)
        else:
            yield from cases.refused("deploy", place, *cases.strike(place), stage)
        case = f"{kind}, {place}, {'killed' if dies else 'refused'}"
        yield from cases.forward(case, stage, {})
        fronts = stage.fronts(stage.direct)
        if fronts != ({} if kind == "none" else {kind: ["shop-dev"]}):
            yield f"{case}: afterwards there is {fronts}"
