"""[cdn] web_acl: which web ACLs CloudFront takes, and what it cannot be without."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError

ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/a1b2c3d4-5678-90ab-cdef-111122223333"
ONLY = "[cdn] web_acl: CloudFront takes web ACLs of the scope CLOUDFRONT, which are in us-east-1; "


@pytest.fixture
def read(tmp_path):
    """`read({"cdn.web_acl": ACL})`: settings of a stage with a CDN and these values."""

    def read(overrides):
        common = {"name": "shop", "function.python": "3.13", "http.cdn": True}
        return settings.load(tmp_path, overrides={**common, **overrides})

    return read


def test_one_of_cloudfronts_own_scope_is_taken(read):
    assert read({"cdn.web_acl": ACL, "region": "eu-central-1"}).cdn.web_acl == ACL
    assert read({}).cdn.web_acl == ""


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        (
            ACL.replace("us-east-1", "eu-central-1").replace("global", "regional"),
            "this is of the scope REGIONAL, in eu-central-1.",
        ),
        (ACL.replace("global", "regional"), "this is of the scope REGIONAL, in us-east-1."),
        (ACL.replace("us-east-1", "eu-west-1"), "this is of the scope CLOUDFRONT, in eu-west-1."),
        (ACL.replace("webacl", "ipset"), "this is none."),
        ("arn:aws:wafv2:us-east-1:shop", "this is none."),
    ],
    ids=["of a region", "the wrong scope", "the wrong region", "something else", "cut short"],
)
def test_any_other_is_told_with_its_scope_and_region(read, arn, told):
    with pytest.raises(SettingsError) as caught:
        read({"cdn.web_acl": arn})
    assert caught.value.message == ONLY + told
    assert "aws wafv2 list-web-acls --scope CLOUDFRONT --region us-east-1" in caught.value.hint


@pytest.mark.parametrize("said", ["a1b2c3d4-5678-90ab-cdef-111122223333", "shop", "arn:aws:waf::1:webacl/2"])
def test_an_id_is_no_arn_nor_is_one_of_the_first_waf(read, said):
    with pytest.raises(SettingsError, match=r"cdn\.web_acl cannot be") as caught:
        read({"cdn.web_acl": said})
    assert "arn:aws:wafv2:us-east-1:" in caught.value.hint


def test_without_a_cdn_there_is_nothing_that_it_could_stand_before(read):
    with pytest.raises(SettingsError) as caught:
        read({"http.cdn": False, "cdn.web_acl": ACL})
    assert caught.value.message == "[cdn] web_acl: there is no CDN that it could stand in front of."
    assert caught.value.hint == "Set [http] cdn = true, or leave web_acl out."
