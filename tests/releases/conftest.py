"""A stage that is deployed again and again, and what is known of its releases.

It keeps one environment warm, unless a test says otherwise: test_warm_up.py is about several.
"""

import pytest
from releases.shipping import ONE_WARM
from stages import stage_in
from waiting import nap

from lambdify.cli import releases
from lambdify.cli.deploy import deploy
from lambdify.cli.releases import rollback


@pytest.fixture
def ship(account, make_settings, make_bundle, talk, functions):
    """`ship("app = 2", {"release.keep": 2})`: deploy that code with those settings."""

    def ship(app="app = 1", overrides=None, **options):
        options = {"yes": True, "sleep": nap} | options
        return deploy(
            stage_in(account, make_settings(overrides=ONE_WARM | (overrides or {}))),
            lambda: make_bundle(app),
            talk.console,
            **options,
        )

    return ship


@pytest.fixture
def back(account, make_settings, talk, functions):
    """`back(1)`: roll back to release 1."""

    def back(number=None, overrides=None, **options):
        options = {"yes": True, "sleep": nap} | options
        return rollback.rollback(
            stage_in(account, make_settings(overrides=ONE_WARM | (overrides or {}))),
            talk.console,
            number=number,
            **options,
        )

    return back


@pytest.fixture
def listed(account, make_settings):
    """`listed()`: number, version and state of each release."""

    def listed():
        found = releases.find_all(stage_in(account, make_settings()))
        return [(each.number, each.version, each.state) for each in found]

    return listed


@pytest.fixture
def alias(account):
    """`alias()`: the version with the traffic, and what others get of it."""

    def alias():
        found = account.client("lambda").get_alias(FunctionName="shop-dev", Name="live")
        weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return found["FunctionVersion"], weights

    return alias


@pytest.fixture
def versions(account, make_settings):
    return lambda: sorted(releases.find_versions(stage_in(account, make_settings())), key=int)
