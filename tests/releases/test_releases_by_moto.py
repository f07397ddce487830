"""A second opinion on releases: moto's S3 and Lambda, where ministack's word is not to be the only one."""

import io
import json
import zipfile
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import ANY
from stages import stage_in

from lambdify.cli import releases
from lambdify.cli.artifacts import archives, images
from lambdify.cli.releases import Release, pruning
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stacks.stack import Stack

pytestmark = pytest.mark.slow

ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def prune(settings, moto, talk, *, previous, **options):
    """Prune the stage as a deployment does, of the stack as it is; version `previous` had the traffic."""
    stage = stage_in(moto, settings)
    deployed = stack.fetch(stage)
    before = replace(deployed, outputs={**deployed.outputs, "Version": previous})
    pruning.prune(deployed, stage, talk.console, previous=aliases.read(before), **options)


@pytest.fixture
def deployed(moto, make_settings):
    """A stage with five versions, of which the last has the traffic."""
    settings = make_settings()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("app.py", "")
    role = moto.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(ROLE))
    lambda_ = moto.client("lambda")
    lambda_.create_function(
        FunctionName="shop-dev",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": zipped.getvalue()},
    )
    for number in range(5):
        lambda_.update_function_configuration(FunctionName="shop-dev", Description=str(number))
        lambda_.publish_version(FunctionName="shop-dev")
    lambda_.create_alias(FunctionName="shop-dev", Name="live", FunctionVersion="5")
    body = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {
            "Version": {"Value": "5"},
            "Published": {"Value": "5"},
            "App": {"Value": "shop/dev/app-5.zip"},
        },
    }
    moto.client("cloudformation").create_stack(
        StackName="shop-dev",
        TemplateBody=json.dumps(body),
        Tags=[{"Key": "lambdify:project", "Value": "shop"}, {"Key": "lambdify:stage", "Value": "dev"}],
    )
    moto.client("s3").create_bucket(
        Bucket=moto.bucket, CreateBucketConfiguration={"LocationConstraint": moto.region}
    )
    return stack.fetch(stage_in(moto, settings))


@pytest.fixture
def begin(deployed, moto, make_settings):
    """`begin("3")`: record a release of that version, which worked."""

    def begin(version) -> Release:
        outputs = {"Published": version, "App": f"shop/dev/app-{version}.zip"}
        made = releases.begin(replace(deployed, outputs=outputs), stage_in(moto, make_settings()))
        key = f"shop/dev/app-{version}.zip"
        moto.client("s3").put_object(Bucket=moto.bucket, Key=key, Body=b"zip")
        return releases.end(made, "live", stage_in(moto, make_settings()))

    return begin


def test_a_record_comes_back_as_it_was_written(begin, moto, make_settings):
    made = begin("5")
    assert releases.find_live(stage_in(moto, make_settings())) == made
    assert releases.find_all(stage_in(moto, make_settings())) == (made,)


THEIRS = {
    "number": 12,
    "at": datetime(2026, 1, 2, tzinfo=UTC),
    "by": "arn:aws:sts::123456789012:user/bob",
    "commit": "",
    "dirty": False,
    "stack": "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1",
    "version": "7",
    "artifacts": (),
    "settings": {},
    "state": "unfinished",
    "reason": "its deployment has not ended",
}


def test_a_number_that_somebody_takes_at_the_same_time_is_theirs(stubbed, make_settings):
    deployed = Stack(
        name="shop-dev",
        id="arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1",
        state="UPDATE_COMPLETE",
        reason="",
        outputs={"Published": "7"},
        parameters={},
        tags={},
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    listed = [{"Key": "shop/dev/releases/00011.json"}]
    stubbed.answers("s3.list_objects_v2", {"IsTruncated": False, "Contents": listed})
    stubbed.refuses("s3.put_object", "PreconditionFailed", "At least one of the pre-conditions...", 412)
    theirs = asdict(Release(**THEIRS)) | {"at": THEIRS["at"].isoformat()}
    stubbed.answers("s3.get_object", {"Body": io.BytesIO(json.dumps(theirs).encode())})
    stubbed.refuses("s3.put_object", "ConditionalRequestConflict", "The conditional request...", 409)
    stubbed.refuses("s3.get_object", "NoSuchKey", "The specified key does not exist.", 404)
    stubbed.answers(
        "s3.put_object",
        Bucket="lambdify-123456789012-eu-central-1",
        Key="shop/dev/releases/00014.json",
        Body=ANY,
        ContentType="application/json",
        ExpectedBucketOwner="123456789012",
        IfNoneMatch="*",
    )
    assert releases.begin(deployed, stage_in(stubbed.account, make_settings())).number == 14


def test_before_there_is_a_bucket_there_are_no_releases(moto, make_settings):
    assert releases.find_all(stage_in(moto, make_settings())) == ()
    assert releases.find_live(stage_in(moto, make_settings())) is None


def test_old_versions_and_archives_go_and_the_rest_stays(begin, moto, make_settings, talk):
    for version in "12345":
        begin(version)
    moto.client("lambda").create_alias(FunctionName="shop-dev", Name="theirs", FunctionVersion="1")
    settings = make_settings(overrides={"release.keep": 2})
    prune(settings, moto, talk, previous="4")
    assert sorted(releases.find_versions(stage_in(moto, settings))) == ["1", "4", "5"]
    found = moto.client("s3").list_objects_v2(Bucket=moto.bucket)["Contents"]
    zips = [each["Key"] for each in found if each["Key"].endswith(".zip")]
    assert zips == ["shop/dev/app-4.zip", "shop/dev/app-5.zip"]
    assert "Removed versions 2, 3." in talk.said


def test_a_version_newer_than_what_the_stack_has_published_belongs_to_somebody_else(
    begin, moto, make_settings, talk
):
    begin("5")
    lambda_ = moto.client("lambda")
    lambda_.update_function_configuration(FunctionName="shop-dev", Description="theirs")
    lambda_.publish_version(FunctionName="shop-dev")
    prune(make_settings(overrides={"release.keep": 1}), moto, talk, previous="5")
    assert sorted(releases.find_versions(stage_in(moto, make_settings()))) == ["5", "6"]


@pytest.mark.parametrize(("days", "stays"), [(0.5, True), (1.5, False)])
def test_an_archive_that_never_became_a_release_goes_after_a_day(
    begin, moto, make_settings, talk, days, stays
):
    begin("5")
    abandoned = {"Bucket": moto.bucket, "Key": "shop/dev/app-6.zip"}
    moto.client("s3").put_object(**abandoned, Body=b"zip")
    moto.client("s3").put_object(**abandoned | {"Key": "shop/dev-x/app-6.zip"}, Body=b"zip")
    prune(make_settings(), moto, talk, previous="5", now=datetime.now(UTC) + timedelta(days=days))
    found = moto.client("s3").list_objects_v2(Bucket=moto.bucket)["Contents"]
    zips = {each["Key"] for each in found if each["Key"].endswith(".zip")}
    assert zips - {abandoned["Key"]} == {"shop/dev/app-5.zip", "shop/dev-x/app-6.zip"}
    assert (abandoned["Key"] in zips) == stays


@pytest.mark.parametrize(("days", "left"), [(0.5, ["5", "6"]), (1.5, ["5"])])
def test_an_image_that_never_became_a_release_goes_after_a_day(
    begin, deployed, moto, make_settings, talk, days, left
):
    settings = make_settings()
    archives.mark_images(stage_in(moto, settings))
    repository = images.ensure_repository(stage_in(moto, settings))
    for tag in ("5", "6"):
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": kind, "layers": [], "config": {"digest": tag}}
        )
        which = {"repositoryName": images.repository_name(settings), "imageTag": tag}
        moto.client("ecr").put_image(**which, imageManifest=manifest)
    made = begin("5")
    record = replace(made, artifacts=(f"{repository}:5",))
    releases.end(record, "live", stage_in(moto, settings))
    prune(settings, moto, talk, previous="5", now=datetime.now(UTC) + timedelta(days=days))
    found = moto.client("ecr").list_images(repositoryName=images.repository_name(settings))["imageIds"]
    assert sorted(each["imageTag"] for each in found) == left


def test_undeploying_takes_the_records_along(begin, moto, make_settings):
    begin("5")
    assert archives.remove_stage(stage_in(moto, make_settings())).objects == 2
    assert releases.find_all(stage_in(moto, make_settings())) == ()
