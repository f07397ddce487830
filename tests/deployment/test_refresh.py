"""deploy --refresh: a new version of the same code, once, and of every Lambda of the stage."""

import pytest
from stages import stage_in

from lambdify.cli.deploy import deploy
from lambdify.cli.look import environment
from lambdify.cli.plan import diff

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

ALL = {
    "tasks.workers": 2,
    "commands.timeout": 60,
    "functions": {"report": {"handler": "a:b", "reserved_concurrency": 0}},
}


@pytest.fixture
def ship(account, make_settings, make_bundle, talk, functions):
    functions.answer = lambda version, event: {"statusCode": 200, "loaded": [], "failed": {}}

    def ship(overrides=None, **options):
        settings = make_settings(overrides=overrides)
        return deploy(stage_in(account, settings), make_bundle, talk.console, yes=True, **options)

    return ship


def test_a_new_version_of_the_same_code_gets_the_traffic_and_the_next_deployment_changes_nothing(
    account, ship, make_settings, make_bundle, talk
):
    first = ship(refresh=True)
    assert first.version == "1", "a stage that is not there has nothing to start anew"
    refreshed = ship(refresh=True)
    assert (refreshed.changed, refreshed.version, refreshed.release, refreshed.uploaded) == (True, "2", 2, ())
    live = account.client("lambda").get_alias(FunctionName="shop-dev", Name="live")
    assert live["FunctionVersion"] == "2"

    again = ship()
    assert (again.changed, again.version) == (False, "2")
    stage = stage_in(account, make_settings())
    assert not diff.compute(stage, make_bundle, talk.console, drift=False).changed
    assert diff.compute(stage, make_bundle, talk.console, drift=False, refresh=True).changed
    assert environment.fetch(stage) == (), "what lambdify sets itself is not the project's"

    assert ship({"function.memory": 1024}).version == "3"
    codes = {
        account.client("lambda").get_function(FunctionName="shop-dev", Qualifier=version)["Configuration"][
            "CodeSha256"
        ]
        for version in ("1", "2", "3")
    }
    assert len(codes) == 1


def test_every_lambda_of_the_stage_starts_anew(account, ship):
    ship(ALL)
    before = versions(account)
    ship(ALL, refresh=True)
    after = versions(account)
    assert set(after) == {"live", "report", "tasks", "commands"}
    assert {name for name in after if after[name] == before[name]} == set()
    ship(ALL)
    assert versions(account) == after


def versions(account):
    """The version that each alias of the stage leads to."""
    client = account.client("lambda")
    return {
        alias["Name"]: alias["FunctionVersion"]
        for function in client.list_functions()["Functions"]
        for alias in client.list_aliases(FunctionName=function["FunctionName"])["Aliases"]
    }
