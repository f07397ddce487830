"""Archives in S3: uploaded once, in a bucket that is ours and closed, and gone with their stage."""

import json

import pytest
from stages import stage_in

from lambdify.cli import aws
from lambdify.cli.artifacts import archives
from lambdify.cli.errors import AccessDenied, AwsError

BUCKET = "lambdify-123456789012-eu-central-1"
OURS = {"Bucket": BUCKET, "ExpectedBucketOwner": "123456789012"}


def bucket(account):
    return f"lambdify-{account.account_id}-eu-central-1"


@pytest.fixture
def put(account, make_settings, talk):
    """`put(bundle, "live")`: upload the bundle for that stage."""
    return lambda bundle, stage="dev": archives.put(
        bundle, stage_in(account, make_settings(stage)), talk.console
    )


def content(account, key):
    return account.client("s3").get_object(Bucket=bucket(account), Key=key)["Body"].read()


@pytest.mark.cloud
@pytest.mark.slow
def test_the_archives_are_uploaded_under_keys_that_say_their_content(account, put, make_bundle):
    bundle = make_bundle()
    artifact = put(bundle)
    assert artifact.bucket == bucket(account)
    assert artifact.app_key == f"shop/dev/app-{bundle.app.digest[:16]}.zip"
    assert artifact.layer_key == f"shop/dev/layer-{bundle.layer.digest[:16]}.zip"
    assert artifact.uploaded == (artifact.layer_key, artifact.app_key)
    assert content(account, artifact.app_key) == bundle.app.path.read_bytes()
    assert content(account, artifact.layer_key) == bundle.layer.path.read_bytes()


@pytest.mark.cloud
@pytest.mark.slow
def test_what_is_there_is_not_uploaded_again(put, make_bundle):
    first = put(make_bundle())
    assert put(make_bundle()).uploaded == ()
    changed = put(make_bundle("app = 2"))
    assert changed.uploaded == (changed.app_key,)
    assert changed.layer_key == first.layer_key


@pytest.mark.cloud
@pytest.mark.slow
def test_stages_do_not_share_archives_so_that_one_can_be_removed(put, make_bundle):
    assert put(make_bundle(), "dev").app_key != put(make_bundle(), "live").app_key
    assert len(put(make_bundle("app = 2"), "live").uploaded) == 1


@pytest.mark.cloud
@pytest.mark.slow
def test_a_bundle_without_dependencies_has_no_layer(put, make_bundle):
    artifact = put(make_bundle(layer=None))
    assert artifact.layer_key is None
    assert artifact.uploaded == (artifact.app_key,)


@pytest.mark.cloud
@pytest.mark.slow
def test_the_upload_is_shown(put, make_bundle, talk):
    bundle = make_bundle()
    put(bundle)
    assert f"Uploading {bundle.app.path.name}" in talk.said


@pytest.mark.cloud
@pytest.mark.slow
def test_the_bucket_is_private_encrypted_and_takes_tls_only(account, put, make_bundle):
    put(make_bundle())
    s3 = account.client("s3")
    assert set(
        s3.get_public_access_block(Bucket=bucket(account))["PublicAccessBlockConfiguration"].values()
    ) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=bucket(account))["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket(account))["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket(account))["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.cloud
@pytest.mark.slow
def test_a_bucket_that_an_earlier_run_left_open_is_closed(account, put, make_bundle):
    account.client("s3").create_bucket(
        Bucket=bucket(account), CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    put(make_bundle())
    assert "aws:SecureTransport" in account.client("s3").get_bucket_policy(Bucket=bucket(account))["Policy"]


@pytest.mark.cloud
@pytest.mark.slow
def test_a_policy_that_somebody_wrote_for_the_bucket_stays(account, put, make_bundle):
    put(make_bundle())
    own = json.dumps({"Version": "2012-10-17", "Statement": []})
    account.client("s3").put_bucket_policy(Bucket=bucket(account), Policy=own)
    put(make_bundle("app = 2"))
    assert account.client("s3").get_bucket_policy(Bucket=bucket(account))["Policy"] == own


@pytest.mark.cloud
@pytest.mark.slow
def test_the_region_without_a_name_is_not_told_to_s3(cloud, account, make_settings, make_bundle, talk):
    settings = make_settings(overrides={"region": "us-east-1"})
    account = aws.connect(settings, endpoint_url=cloud, credentials=(account.account_id, "secret"))
    artifact = archives.put(make_bundle(), stage_in(account, settings), talk.console)
    assert artifact.bucket == f"lambdify-{account.account_id}-us-east-1"


def test_a_bucket_name_that_another_account_took_is_not_used(stubbed, make_settings, make_bundle, talk):
    stubbed.refuses("s3.head_bucket", "403", "Forbidden", 403)
    stubbed.refuses("s3.create_bucket", "BucketAlreadyExists", "The requested bucket name is not available.")
    stubbed.refuses("s3.head_bucket", "403", "Forbidden", 403)
    with pytest.raises(AwsError, match=f'"{BUCKET}" is taken by another AWS account') as caught:
        archives.put(make_bundle(), stage_in(stubbed.account, make_settings()), talk.console)
    assert "Nothing was uploaded there" in caught.value.hint


def test_a_bucket_that_may_not_be_looked_at_is_ours_when_s3_says_so(
    stubbed, make_settings, make_bundle, talk
):
    stubbed.refuses("s3.head_bucket", "403", "Forbidden", 403)
    stubbed.refuses("s3.create_bucket", "BucketAlreadyOwnedByYou", "you already own it", 409)
    stubbed.answers("s3.get_bucket_policy", {"Policy": "{}"}, **OURS)
    stubbed.answers("s3.head_object", {"ContentLength": 1})
    artifact = archives.put(make_bundle(layer=None), stage_in(stubbed.account, make_settings()), talk.console)
    assert artifact.bucket == BUCKET


def test_every_call_says_whose_bucket_it_expects(stubbed, make_settings, make_bundle, talk):
    stubbed.answers("s3.head_bucket", {}, **OURS)
    stubbed.answers("s3.get_bucket_policy", {"Policy": "{}"}, **OURS)
    key = f"shop/dev/{make_bundle().app.path.name}"
    stubbed.answers("s3.head_object", {"ContentLength": 1}, Key=key, **OURS)
    artifact = archives.put(make_bundle(layer=None), stage_in(stubbed.account, make_settings()), talk.console)
    assert artifact.uploaded == ()


def test_a_denied_upload_names_the_action_and_is_not_taken_for_absence(
    stubbed, make_settings, make_bundle, talk
):
    stubbed.answers("s3.head_bucket", {}, **OURS)
    stubbed.answers("s3.get_bucket_policy", {"Policy": "{}"}, **OURS)
    stubbed.refuses("s3.head_object", "403", "Forbidden", 403)
    with pytest.raises(AccessDenied, match="s3:GetObject"):
        archives.put(make_bundle(layer=None), stage_in(stubbed.account, make_settings()), talk.console)


@pytest.mark.cloud
@pytest.mark.slow
def test_removing_a_stage_takes_its_archives_and_the_last_one_takes_the_bucket(
    account, put, make_settings, make_bundle
):
    put(make_bundle(), "dev")
    put(make_bundle("app = 2"), "dev")
    put(make_bundle(), "live")
    removed = archives.remove_stage(stage_in(account, make_settings("dev")))
    assert (removed.objects, removed.bucket) == (3, False)
    removed = archives.remove_stage(stage_in(account, make_settings("live")))
    assert (removed.objects, removed.bucket) == (2, True)
    assert account.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.cloud
@pytest.mark.slow
def test_removing_a_stage_takes_older_versions_and_delete_markers_too(
    account, put, make_settings, make_bundle
):
    put(make_bundle())
    s3 = account.client("s3")
    s3.put_bucket_versioning(Bucket=bucket(account), VersioningConfiguration={"Status": "Enabled"})
    artifact = put(make_bundle("app = 2"))
    s3.put_object(Bucket=bucket(account), Key=artifact.app_key, Body=b"again")
    s3.delete_object(Bucket=bucket(account), Key=artifact.app_key)
    removed = archives.remove_stage(stage_in(account, make_settings()))
    assert (removed.objects, removed.bucket) == (5, True)


@pytest.mark.cloud
@pytest.mark.slow
def test_what_others_keep_in_the_bucket_keeps_the_bucket(account, put, make_settings, make_bundle):
    put(make_bundle())
    account.client("s3").put_object(Bucket=bucket(account), Key="shop/development/app-1.zip", Body=b"")
    assert not archives.remove_stage(stage_in(account, make_settings())).bucket
    (left,) = account.client("s3").list_objects_v2(Bucket=bucket(account))["Contents"]
    assert left["Key"] == "shop/development/app-1.zip"


@pytest.mark.cloud
@pytest.mark.slow
def test_without_a_bucket_there_is_nothing_to_remove(account, make_settings):
    removed = archives.remove_stage(stage_in(account, make_settings()))
    assert (removed.objects, removed.bucket) == (0, False)


def test_an_archive_that_cannot_be_deleted_is_named(stubbed, make_settings):
    stubbed.answers("s3.head_bucket", {}, **OURS)
    for _ in ("images", "static files"):
        stubbed.refuses("s3.head_object", "404", "Not Found", 404)
    version = {"Key": "shop/dev/app-1.zip", "VersionId": "1"}
    stubbed.answers("s3.list_object_versions", {"Versions": [version]}, Prefix="shop/dev/", **OURS)
    locked = {"Key": "shop/dev/app-1.zip", "Code": "AccessDenied", "Message": "Object is locked"}
    stubbed.answers("s3.delete_objects", {"Errors": [locked]})
    with pytest.raises(AwsError, match=r"S3 did not delete shop/dev/app-1\.zip: Object is locked"):
        archives.remove_stage(stage_in(stubbed.account, make_settings()))
