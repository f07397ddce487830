"""The template for those who deploy by a pipeline of their own."""

import json
from dataclasses import replace

import pytest
import yaml

from lambdify.cli import template
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.template import pipeline


@pytest.fixture
def written(make_settings, make_bundle, talk):
    """`written("builds")`: the template with a bundle, whose zips are in that bucket."""

    def written(bucket=None):
        return pipeline.write(make_settings(), make_bundle(), bucket, talk.console)

    return written


def code(body):
    return body["Resources"]["Function"]["Properties"]["Code"]


def test_the_account_and_the_region_are_left_to_cloudformation(written, complaints):
    found = written()
    bucket = {"Fn::Sub": "lambdify-${AWS::AccountId}-${AWS::Region}"}
    assert code(found.body)["S3Bucket"] == bucket
    assert found.body["Resources"]["Layer"]["Properties"]["Content"]["S3Bucket"] == bucket
    assert found.body["Outputs"]["Bucket"]["Value"] == bucket
    assert complaints(found) == []


def test_a_bucket_of_the_pipelines_own_is_named_as_it_is(written):
    assert code(written("builds").body)["S3Bucket"] == "builds"


def test_what_has_to_be_uploaded_and_where_is_said(written, talk, make_bundle):
    found = written("builds")
    for archive in make_bundle().archives:
        assert f"Upload {archive.path} to s3://builds/shop/dev/{archive.path.name}" in talk.said
        assert f"shop/dev/{archive.path.name}" in found.text


def test_it_is_what_deploy_would_apply(make_settings, make_bundle, talk):
    bundle = make_bundle()
    exported = pipeline.write(make_settings(), bundle, "lambdify-123456789012-eu-central-1", talk.console)
    uploaded = Artifact(
        bucket="lambdify-123456789012-eu-central-1",
        app_key=f"shop/dev/{bundle.app.path.name}",
        layer_key=f"shop/dev/{bundle.layer.path.name}",
        uploaded=(),
    )
    assert exported.text == template.write(make_settings(), uploaded, bundle.target).text


def test_an_image_is_named_for_whatever_account_and_region_it_is(
    make_settings, make_bundle, talk, complaints
):
    bundle = replace(make_bundle(), form="image")
    found = pipeline.write(make_settings(), bundle, None, talk.console)
    uri = code(found.body)["ImageUri"]["Fn::Sub"]
    registry = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
    assert uri.startswith(f"{registry}/lambdify/shop-dev:")
    assert found.body["Outputs"]["Image"]["Value"] == {"Fn::Sub": uri}
    assert "`lambdify deploy` pushes it to lambdify/shop-dev" in talk.said
    assert complaints(found) == []


def test_yaml_says_the_same_as_json(make_settings, make_bundle, talk):
    words = {"MODE": "off", "SINCE": "2012-10-17", "NAME": "Zoë: ${x}", "PORT": "0777", "EMPTY": ""}
    settings = make_settings("dev", {"environment": words, "http.endpoint": "rest-api"})
    found = pipeline.write(settings, make_bundle(), None, talk.console)
    text = pipeline.as_yaml(found)
    assert yaml.safe_load(text) == json.loads(found.text)
    # CloudFormation has no anchors.
    assert "&id" not in text
    assert text.startswith("AWSTemplateFormatVersion: '2010-09-09'\n")
