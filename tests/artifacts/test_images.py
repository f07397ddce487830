"""Images in ECR: a repository for each stage, nothing built twice, nothing left behind."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import docker
import httpx
import pytest
from stages import stage_in

from lambdify.cli import template
from lambdify.cli.artifacts import archives, images
from lambdify.cli.errors import BundleRefused, DockerUnavailable, LambdifyError

REPOSITORY = {"repositoryName": "lambdify/shop-dev"}


@pytest.fixture
def bundle(make_bundle):
    """A bundle that is to become an image."""
    return replace(make_bundle(), form="image")


# -------------------------------------------------------------------- the repository


def test_the_repository_is_the_stages_own_and_lets_lambda_in_for_its_function_alone(
    account, make_settings, bundle
):
    uri = images.ensure_repository(stage_in(account, make_settings()))
    assert images.plan(bundle, stage_in(account, make_settings())).startswith(f"{uri}:")
    assert images.ensure_repository(stage_in(account, make_settings())) == uri
    ecr = account.client("ecr")
    (found,) = ecr.describe_repositories()["repositories"]
    assert (found["repositoryName"], found["imageTagMutability"]) == ("lambdify/shop-dev", "IMMUTABLE")
    (statement,) = json.loads(ecr.get_repository_policy(**REPOSITORY)["policyText"])["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    function = f"arn:aws:lambda:{account.region}:{account.account_id}:function:shop-dev"
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": function}}


def test_it_goes_with_the_stage(account, make_settings):
    bucket = account.bucket
    account.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region}
    )
    archives.mark_images(stage_in(account, make_settings()))
    images.ensure_repository(stage_in(account, make_settings()))
    removed = archives.remove_stage(stage_in(account, make_settings()))
    assert (removed.images, removed.objects, removed.bucket) == (True, 1, True)
    assert account.client("ecr").describe_repositories()["repositories"] == []
    assert not archives.remove_stage(stage_in(account, make_settings())).images


def test_a_stage_of_zips_has_ecr_asked_nothing(stubbed, make_settings):
    stubbed.answers("s3.head_bucket")
    for _ in ("images", "static files"):
        stubbed.refuses("s3.head_object", "404", "Not Found", 404)
    stubbed.answers("s3.list_object_versions")
    stubbed.answers("s3.list_object_versions")
    stubbed.answers("s3.delete_bucket")
    assert not archives.remove_stage(stage_in(stubbed.account, make_settings())).images


def test_images_that_may_not_be_removed_are_told_and_the_note_of_them_stays(stubbed, make_settings):
    stubbed.answers("s3.head_bucket")
    stubbed.answers("s3.head_object")
    stubbed.refuses("ecr.delete_repository", "AccessDeniedException", "not authorized")
    with pytest.raises(LambdifyError, match="not authorized"):
        archives.remove_stage(stage_in(stubbed.account, make_settings()))


def test_old_images_are_removed_by_their_tags(stubbed, make_settings):
    place = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambdify/shop-dev"
    stubbed.answers(
        "ecr.batch_delete_image", {}, **REPOSITORY, imageIds=[{"imageTag": "one"}, {"imageTag": "two"}]
    )
    archives.remove([f"{place}:one", f"{place}:two"], stage_in(stubbed.account, make_settings()))


def test_removing_images_that_are_gone_is_no_error(stubbed, make_settings):
    stubbed.refuses("ecr.batch_delete_image", "RepositoryNotFoundException")
    images.remove(
        ["123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambdify/shop-dev:a"],
        stage_in(stubbed.account, make_settings()),
    )


# -------------------------------------------------------------------- an image


@pytest.fixture
def ecr(stubbed, registry):
    """ECR whose registry is on the loopback."""
    uri = f"{registry.address}/lambdify/shop-dev"
    stubbed.answers("ecr.describe_repositories", {"repositories": [{"repositoryUri": uri}]})
    stubbed.answers("ecr.set_repository_policy", {})
    return stubbed


@pytest.mark.docker
@pytest.mark.slow
def test_an_image_that_is_not_there_is_built_and_pushed(ecr, registry, tiny, make_settings, bundle, talk):
    tomorrow = datetime(2030, 1, 1, tzinfo=UTC)
    token = {"authorizationToken": registry.token, "expiresAt": tomorrow, "proxyEndpoint": "https://x"}
    ecr.refuses("ecr.describe_images", "ImageNotFoundException")
    ecr.answers("ecr.get_authorization_token", {"authorizationData": [token]})
    made = images.put(
        bundle,
        stage_in(ecr.account, make_settings(overrides={"build.base": tiny})),
        talk.console,
    )
    name, _, tag = made.uri.rpartition(":")
    assert (made.pushed, name) == (True, f"{registry.address}/lambdify/shop-dev")
    there = httpx.get(f"http://{registry.address}/v2/lambdify/shop-dev/tags/list", auth=("AWS", "U*U"))
    assert tag in there.json()["tags"]
    client = docker.from_env()
    try:
        assert [each for each in client.images.list(name=name) if made.uri in each.tags]
    finally:
        client.close()
    assert f"Pushing {made.uri}" in talk.said
    assert registry.password not in talk.said


def test_one_that_is_there_needs_no_engine(ecr, registry, make_settings, bundle, talk, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    ecr.answers("ecr.describe_images", {"imageDetails": [{"imageTags": ["any"]}]})
    assert not images.put(bundle, stage_in(ecr.account, make_settings()), talk.console).pushed


def test_without_an_engine_it_is_said_what_for(ecr, make_settings, bundle, talk, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    ecr.refuses("ecr.describe_images", "ImageNotFoundException")
    with pytest.raises(DockerUnavailable, match="the container image has to be built"):
        images.put(bundle, stage_in(ecr.account, make_settings()), talk.console)


@pytest.mark.parametrize(
    "changed", [{"build.base": "mirror/python:3.13"}, {"function.architecture": "arm64"}], ids=str
)
def test_the_tag_says_what_the_image_is_made_of(make_settings, bundle, account, changed):
    same = images.plan(bundle, stage_in(account, make_settings()))
    assert images.plan(bundle, stage_in(account, make_settings())) == same
    settings = make_settings(overrides=changed)
    target = replace(bundle.target, architecture=settings.function.architecture)
    assert images.plan(replace(bundle, target=target), stage_in(account, settings)) != same


# -------------------------------------------------------------------- the template


def test_the_function_runs_the_image_and_names_its_handler(account, make_settings, bundle):
    artifact = archives.plan(bundle, stage_in(account, make_settings()))
    written = template.write(make_settings(), artifact, bundle.target)
    function = written.body["Resources"]["Function"]["Properties"]
    assert function["PackageType"] == "Image"
    assert function["Code"] == {"ImageUri": artifact.image}
    assert function["ImageConfig"] == {"Command": ["lambdify.adapter.entry.handler"]}
    assert not {"Runtime", "Handler", "Layers"} & set(function)
    assert "Layer" not in written.body["Resources"]
    assert written.body["Outputs"]["Image"] == {"Value": artifact.image}


# -------------------------------------------------------------------- what it can follow


def test_an_image_does_not_follow_zips_under_the_same_name(bundle):
    with pytest.raises(BundleRefused, match=r"deployed as zips, .* a container image") as refused:
        images.check_kind(bundle, {"App": "shop/dev/app-1.zip"})
    assert "package --report" in refused.value.hint


def test_zips_do_not_follow_an_image_under_the_same_name(bundle):
    with pytest.raises(BundleRefused, match=r"deployed as a container image, .* zips") as refused:
        images.check_kind(replace(bundle, form="layer"), {"Image": "registry/shop:1"})
    assert 'form = "image"' in refused.value.hint


@pytest.mark.parametrize("deployed", [{}, {"Image": "registry/shop:1"}])
def test_an_image_follows_an_image_or_nothing(bundle, deployed):
    images.check_kind(bundle, deployed)
