"""`undeploy` of a stage with a CDN: what it leaves is what it names."""

import pytest
from stages import stage_in
from waiting import nap

from lambdify.cli import undeploy as removals
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import NotDeployed

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

TABLE = {
    "Orders": {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "TableName": "orders",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        },
    }
}
CDN = {"http.cdn": True, "http.endpoint": "http-api"}


def at_the_edge(account):
    """The names of all that belongs to CloudFront in an account, by kind."""
    cloudfront = account.client("cloudfront")
    distributions = cloudfront.list_distributions()["DistributionList"].get("Items", [])
    functions = cloudfront.list_functions()["FunctionList"].get("Items", [])
    access = cloudfront.list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    return {
        "distributions": [each["Comment"] for each in distributions],
        "functions": sorted({each["Name"] for each in functions}),  # at work, and live
        "access": [each["Name"] for each in access],
    }


def test_nothing_is_left_but_what_is_named(
    account, make_settings, make_bundle, add_files, talk, functions, inventory
):
    stage = stage_in(account, make_settings(overrides={**CDN, "resources": TABLE}))
    bundle = add_files(make_bundle("app = 1"), {"static/style.css": b"red", "static/a.0badcafe.js": b"1"})
    deploy(stage, lambda: bundle, talk.console, yes=True, sleep=nap)
    there = at_the_edge(account)
    assert there == {
        "distributions": ["shop-dev, made by lambdify"],
        "functions": ["shop-dev-eu-central-1"],
        "access": ["shop-dev-eu-central-1"],
    }
    assert sorted(inventory(account)["buckets"]) == sorted([stage.bucket, stage.static_bucket])

    removal = removals.undeploy(stage, talk.console, yes=True, sleep=nap)
    assert at_the_edge(account) == {"distributions": [], "functions": [], "access": []}
    assert inventory(account) == {}
    assert account.client("dynamodb").list_tables()["TableNames"] == ["orders"]
    assert [each.name for each in removal.kept] == ["orders"]
    assert removals.describe(removal, stage.settings) == (
        "shop-dev is gone. What stays:\n  orders (AWS::DynamoDB::Table): its DeletionPolicy is Retain"
    )
    with pytest.raises(NotDeployed):
        removals.undeploy(stage, talk.console, yes=True, sleep=nap)
