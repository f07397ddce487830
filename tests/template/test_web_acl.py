"""[cdn] web_acl in the template and in the policy; nothing of it without one."""

import pytest
from stages import stage_in

from lambdify.cli.stacks import changes
from lambdify.cli.template import cdn, deployer

from .test_cdn import ACCOUNT, CDN, KINDS

ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/a1b2c3d4-5678-90ab-cdef-111122223333"
WITH = {kind: {**each, "cdn.web_acl": ACL} for kind, each in CDN.items()}


def variables(body):
    return body["Resources"]["Function"]["Properties"]["Environment"]["Variables"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_stands_before_the_distribution_and_the_function_lets_in_nobody_else(write, kind):
    body = write(WITH[kind]).body
    assert body["Resources"]["Distribution"]["Properties"]["DistributionConfig"]["WebACLId"] == ACL
    assert variables(body) == {cdn.VARIABLE: cdn.SECRET, cdn.ALONE: "1"}


@pytest.mark.parametrize("kind", KINDS)
def test_without_one_there_is_nothing_of_it(write, kind):
    body = write(CDN[kind]).body
    assert "WebACLId" not in body["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert variables(body) == {cdn.VARIABLE: cdn.SECRET}


def test_it_makes_a_new_version_and_no_new_address(write):
    before, after = write(CDN["http-api"]), write(WITH["http-api"])
    assert before.version != after.version
    assert changes.find_url_change(before.body, after.body, ()) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_cfn_lint_has_nothing_to_say(write, complaints, kind):
    assert complaints(write(WITH[kind]), "eu-central-1") == []


def test_whoever_deploys_may_read_that_web_acl_and_no_other(make_settings):
    def found(overrides):
        document = deployer.write(stage_in(ACCOUNT, make_settings("dev", overrides))).document
        return [each for each in document["Statement"] if "wafv2:GetWebACL" in each["Action"]]

    (statement,) = found(WITH["http-api"])
    assert statement["Resource"] == [ACL]
    assert found(CDN["http-api"]) == []
