"""Trials of a stage whose function lets in nobody but the CDN: they know its secret."""

import pytest
from stages import stage_in
from waiting import nap

from lambdify.cli.deploy import deploy
from lambdify.cli.releases import rollback
from lambdify.cli.stacks import stack

from .shipping import ONE_WARM, SMOKE

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

ACL = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/shop/a1b2c3d4-5678-90ab-cdef-111122223333"
CDN = {"http.cdn": True, "http.endpoint": "function-url", "cdn.web_acl": ACL, **SMOKE, **ONE_WARM}


@pytest.fixture
def secrets(functions):
    """The secrets of requests that functions got, by version."""
    found = []

    def answer(version, event):
        if "headers" in event:
            found.append((version, event["headers"].get("x-lambdify-cdn")))
        return {"statusCode": 200}

    functions.answer = answer
    return found


def test_a_deployment_and_a_rollback_ask_as_the_cdn_does(secrets, account, make_settings, make_bundle, talk):
    def ship(color, overrides):
        made = stage_in(account, make_settings(overrides=overrides))
        deploy(made, lambda: make_bundle(f"app = {color!r}"), talk.console, yes=True, sleep=nap)
        return made

    plain = {**CDN, "http.cdn": False, "cdn.web_acl": ""}
    ship("red", plain)
    ship("green", CDN)
    stage = ship("blue", CDN)
    deployed = stack.fetch(stage)
    secret = deployed.id.rpartition("/")[2]
    assert secrets == [("1", None), ("2", secret), ("3", secret)]
    variables = account.client("lambda").get_function_configuration(FunctionName="shop-dev")["Environment"]
    assert variables["Variables"]["LAMBDIFY_CDN"] == secret
    for number in (2, 1):
        rollback.rollback(stage, talk.console, number=number, yes=True, sleep=nap)
    assert secrets[3:] == [("2", secret), ("1", None)], "each as its own deployment was asked"
