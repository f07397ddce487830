"""What a stage may never do to an account: name buckets without their owner, or things too long for AWS."""

import json
from dataclasses import replace

import pytest
from stages import stage_in

from lambdify.cli import releases, settings
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import SettingsError
from lambdify.cli.releases import rollback
from lambdify.cli.undeploy import undeploy

OWNERLESS = {"ListBuckets", "CreateBucket"}
"""Calls of S3 that have no owner to expect: of these tests, and of a bucket that is not there yet."""
LONGEST = {
    "AWS::ApiGateway::RestApi": ("Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::ApiGatewayV2::Api": ("Name", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::Lambda::Alias": ("Name", 128),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Lambda::LayerVersion": ("LayerName", 140),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::Scheduler::Schedule": ("Name", 64),
}
"""The resource schemas of CloudFormation say so: for each kind its name, and how long that may be."""

LONGEST_REGION = "ap-southeast-10"
"""There is none of that many characters yet."""


@pytest.mark.cloud
@pytest.mark.slow
def test_every_call_of_a_stage_says_whose_bucket_it_expects(
    account, make_settings, make_bundle, talk, functions
):
    asked = []

    def look(params, model, **_):
        asked.append((model.name, params.get("ExpectedBucketOwner")))

    account.client("s3").meta.events.register("before-parameter-build.s3", look)
    for app in ("app = 1", "app = 2"):
        deploy(
            stage_in(account, make_settings()),
            lambda app=app: make_bundle(app),
            talk.console,
            yes=True,
        )
    releases.find_all(stage_in(account, make_settings()))
    rollback.rollback(stage_in(account, make_settings()), talk.console, yes=True)
    undeploy(stage_in(account, make_settings()), talk.console, yes=True)
    assert {"HeadBucket", "PutObject", "GetObject", "DeleteObjects", "DeleteBucket"} <= {
        name for name, _ in asked
    }
    assert {name for name, owner in asked if owner != account.account_id} <= OWNERLESS


@pytest.mark.parametrize("endpoint", ["http-api", "rest-api", "function-url"])
def test_the_longest_name_that_is_allowed_fits_everything_that_is_named(write, endpoint):
    written = write({"name": "n" * 60, "http.endpoint": endpoint})
    assert len(written.stack) == 64 <= 128
    named = 0
    for resource in written.body["Resources"].values():
        name, limit = LONGEST.get(resource["Type"], ("", 0))
        value = resource.get("Properties", {}).get(name)
        if value:
            named += 1
            made = value["Fn::Sub"].replace("${AWS::Region}", LONGEST_REGION) if "Fn::Sub" in value else value
            assert len(made if isinstance(made, str) else json.dumps(made)) <= limit, resource
    assert named >= 4


def test_a_name_that_is_too_long_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(SettingsError, match="65 characters, and Lambda takes 64"):
        settings.load(tmp_path, stage="dev", overrides={"name": "n" * 61})


def test_the_name_of_the_bucket_fits_every_region(stubbed, boto_session):
    partitions = boto_session.get_available_partitions()
    regions = [name for each in partitions for name in boto_session.get_available_regions("lambda", each)]
    assert len(regions) > 30
    for region in regions:
        assert len(replace(stubbed.account, region=region).bucket) <= 63
