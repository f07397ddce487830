"""The Python of a stage as it is deployed, which stays until the project asks for another."""

import json
from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.packing.target import Target
from lambdify.cli.stacks import stack

ZIPS = Artifact(bucket="bucket", app_key="app.zip", layer_key=None, uploaded=())
IMAGE = Artifact(bucket="bucket", app_key="", layer_key=None, image="123.dkr.ecr/shop@sha256:0", uploaded=())


def describe(stubbed, state):
    tags = [{"Key": "lambdify:project", "Value": "shop"}, {"Key": "lambdify:stage", "Value": "dev"}]
    found = {
        "StackName": "shop-dev",
        "StackId": "arn:aws:shop",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
    }
    found |= {"StackStatus": state, "Tags": tags}
    stubbed.answers("cloudformation.describe_stacks", {"Stacks": [found]}, StackName="shop-dev")


@pytest.mark.parametrize("artifact", [ZIPS, IMAGE], ids=["zips", "image"])
def test_it_is_told_by_the_template_whatever_the_form(stubbed, make_settings, write, artifact):
    body = write(artifact=artifact, target=Target(python="3.12")).body
    describe(stubbed, "UPDATE_COMPLETE")
    stubbed.answers("cloudformation.get_template", {"TemplateBody": json.dumps(body)})
    assert stack.find_python(stage_in(stubbed.account, make_settings())) == "3.12"


def test_a_stack_that_was_made_of_an_older_image_tells_none(stubbed, make_settings, write):
    body = write(artifact=IMAGE).body
    function = {name: value for name, value in body["Resources"]["Function"].items() if name != "Metadata"}
    describe(stubbed, "CREATE_COMPLETE")
    older = {**body, "Resources": {**body["Resources"], "Function": function}}
    stubbed.answers("cloudformation.get_template", {"TemplateBody": json.dumps(older)})
    assert stack.find_python(stage_in(stubbed.account, make_settings())) == ""


def test_a_stage_of_which_only_the_name_is_there_tells_none(stubbed, make_settings):
    describe(stubbed, "REVIEW_IN_PROGRESS")
    stubbed.answers("cloudformation.list_change_sets", {"Summaries": [{"ChangeSetName": "lambdify-1"}]})
    assert stack.find_python(stage_in(stubbed.account, make_settings())) == ""
