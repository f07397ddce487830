"""The policy for all stages of a pattern: what one of them may, with a star for its name."""

import json

import pytest
from stages import stage_in

from lambdify.cli import aws
from lambdify.cli.settings import stages
from lambdify.cli.template import deployer

ACCOUNT = aws.placeholder_account("123456789012", "eu-central-1", "aws")
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"http.endpoint": "alb", "http.alb.listener": LISTENER},
        {"build.form": "image", "tasks.workers": 2},
    ],
)
def test_every_arn_with_a_name_is_for_the_pattern_alone(make_settings, overrides):
    settings = make_settings(stages.example("pr-*"), overrides)
    policy = deployer.write_previews(stage_in(ACCOUNT, settings), "pr-*")
    text = json.dumps(policy.document)
    assert stages.EXAMPLE not in text
    own = deployer.write(stage_in(ACCOUNT, settings))
    assert text.count("pr-*") == json.dumps(own.document).count("-zz0zz0")
    assert f"stack/{settings.name}-pr-*/*" in text


def test_all_stacks_may_be_listed_and_nothing_else_of_them(make_settings):
    settings = make_settings(stages.example("pr-*"))
    one = deployer.write(stage_in(ACCOUNT, settings)).document["Statement"]
    all_ = deployer.write_previews(stage_in(ACCOUNT, settings), "pr-*").document["Statement"]
    wide = [each["Action"] for each in all_ if each["Resource"] == ["*"]]
    before = [each["Action"] for each in one if each["Resource"] == ["*"]]
    assert {action for actions in wide for action in actions} - {
        action for actions in before for action in actions
    } == {"cloudformation:DescribeStacks"}


def test_pull_requests_are_let_in_for_previews_alone():
    for previews in (False, True):
        text = deployer.trust_github("octo/shop", "main", "pr-*", ACCOUNT, previews=previews).text
        assert ("repo:octo/shop:pull_request" in text) is previews
        assert "repo:octo/shop:environment:pr-*" in text


def test_names_of_previews_are_any_of_the_patterns(make_settings):
    stage = stage_in(
        ACCOUNT, make_settings(stages.example("pr-*"), {"domain.names": ["{stage}.shop.example"]})
    )
    found = deployer.write_previews(stage, "pr-*")
    records = {
        name
        for each in found.document["Statement"]
        for name in each.get("Condition", {})
        .get("ForAllValues:StringLike", {})
        .get("route53:ChangeResourceRecordSetsNormalizedRecordNames", ())
    }
    assert records == {"pr-*.shop.example", "_*.pr-*.shop.example"}
    assert stages.EXAMPLE not in found.text
    assert '"aws:RequestTag/lambdify:stage": [\n' in found.text
