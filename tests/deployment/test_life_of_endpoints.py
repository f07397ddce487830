"""A stage goes through every kind of endpoint, each with all that it can be asked, and leaves nothing."""

import pytest
from stages import stage_in
from template.variants import ENDPOINTS, FUNCTIONS

from lambdify.cli.deploy import deploy
from lambdify.cli.undeploy import undeploy

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


LEFT = {
    "http-api": {"http-api": ["shop-dev"]},
    "http-api-tokens": {"http-api": ["shop-dev"], "logs": ["http-api"]},
    "http-api-authorizer": {"http-api": ["shop-dev"]},
    "http-api-signed": {"http-api": ["shop-dev"]},
    "function-url": {"function-url": ["shop-dev"]},
    "function-url-signed": {"function-url": ["shop-dev"]},
    "rest-api": {"rest-api": ["shop-dev"]},
    "rest-api-keys": {
        "rest-api": ["shop-dev"],
        "keys": ["shop-dev"],
        "plans": ["shop-dev"],
        "logs": ["rest-api"],
    },
    "rest-api-private": {"rest-api": ["shop-dev"]},
    "alb": {"alb": ["shop-dev"]},
    "none": {},
}
"""What stands in front of the stage after it was deployed so: what there was before is gone."""


def test_a_stage_switches_through_every_endpoint_and_leaves_nothing(
    account, make_settings, make_bundle, talk, inventory, fronts, make_listener
):
    # An authorizer has to be there: the stage's own function will do for what no request goes through.
    who = f"arn:aws:lambda:eu-central-1:{account.account_id}:function:shop-dev"
    there = {"http.alb.listener": make_listener(account), "http.authorizer.function": who}
    for name, overrides in ENDPOINTS.items():
        chosen = make_settings("dev", {**overrides, **there})
        deployment = deploy(stage_in(account, chosen), make_bundle, talk.console, yes=True)
        assert deployment.changed
        assert fronts(account) == LEFT[name]
        assert bool(deployment.endpoint) == (name != "none")
        assert deployment.alias.endswith(":function:shop-dev:live")
        assert not deploy(stage_in(account, chosen), make_bundle, talk.console).changed
    undeploy(stage_in(account, make_settings()), talk.console, yes=True)
    assert fronts(account) == {}
    assert inventory(account) == {}


def keep_secrets(account, sources):
    """Put a value at each source; the account has none of them."""
    for source in sources:
        store, _, place = source.partition(":")
        name = place.partition("#")[0]
        if store == "ssm":
            account.client("ssm").put_parameter(Name=name, Value="s", Type="SecureString", Overwrite=True)
        else:
            account.client("secretsmanager").create_secret(Name=name, SecretString='{"key": "s"}')


@pytest.mark.parametrize("name", ["in-a-network", "watched", "with-a-role", "with-rights"])
def test_a_stage_can_be_deployed_and_taken_away_whatever_its_function_is_like(
    account, make_settings, make_bundle, talk, inventory, name
):
    chosen = make_settings("dev", FUNCTIONS[name])
    keep_secrets(account, chosen.secrets.values())
    assert deploy(stage_in(account, chosen), make_bundle, talk.console, yes=True).changed
    assert not deploy(stage_in(account, chosen), make_bundle, talk.console).changed
    undeploy(stage_in(account, chosen), talk.console, yes=True)
    assert inventory(account) == {}
