"""[http] cdn: the distribution in front of an endpoint, the secret on both sides; nothing where it is off."""

import json
import re

import pytest
from stages import stage_in
from template.variants import ENDPOINTS, FUNCTIONS

from lambdify.adapter.in_front import cdn as adapter
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.artifacts.published import Static
from lambdify.cli.aws import placeholder_account
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import mappings
from lambdify.cli.stacks import changes
from lambdify.cli.template import cdn, deployer

KINDS = ("http-api", "rest-api", "function-url")
CDN = {kind: {**ENDPOINTS[kind], "http.cdn": True} for kind in KINDS}
ACCOUNT = placeholder_account("123456789012", "eu-central-1", "aws")


@pytest.fixture
def config(write):
    """`config("http-api", {...})`: the distribution in front of such an endpoint."""

    def config(kind, overrides=None, **how):
        resource = write({**CDN[kind], **(overrides or {})}, **how).body["Resources"]["Distribution"]
        return resource["Properties"]["DistributionConfig"]

    return config


STATIC = Static(
    bucket="lambdify-static-123456789012-eu-central-1",
    folder="/shop/dev",
    record="shop/dev/files/0123456789abcdef.json",
    paths=("/static/*", "/favicon.ico"),
)
FILES = Artifact(bucket="bucket", app_key="app.zip", layer_key=None, static=STATIC, uploaded=())


def without_versions(text):
    return re.sub(r"(Version|Deployment)[0-9a-f]{12}", r"\1", text)


def test_a_stage_without_it_has_nothing_of_it(write):
    for overrides in (*ENDPOINTS.values(), *FUNCTIONS.values()):
        text = write(overrides).text
        assert "CloudFront" not in text
        assert cdn.VARIABLE not in text


@pytest.mark.parametrize("kind", KINDS)
def test_it_adds_two_resources_and_a_variable_and_its_address_is_the_stages(write, kind):
    plain, behind = write(ENDPOINTS[kind]).body, write(CDN[kind]).body
    names = [set(map(without_versions, body["Resources"])) for body in (plain, behind)]
    assert names[1] - names[0] == {"Viewer", "Distribution"}
    assert names[0] <= names[1]
    assert behind["Outputs"]["Endpoint"]["Value"] == {"Fn::Sub": "https://${Distribution.DomainName}"}
    assert all(mappings.OUR_RESOURCES.fullmatch(name) for name in behind["Resources"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_endpoint_is_asked_by_its_own_name_and_told_the_secret(write, config, kind):
    (origin,) = config(kind)["Origins"]
    url = write(ENDPOINTS[kind]).body["Outputs"]["Endpoint"]["Value"]
    assert origin["DomainName"] == {"Fn::Select": [2, {"Fn::Split": ["/", url]}]}
    assert origin.get("OriginPath") == ("/live" if kind == "rest-api" else None)
    (header,) = origin["OriginCustomHeaders"]
    function = write(CDN[kind]).body["Resources"]["Function"]["Properties"]
    assert header["HeaderName"] == adapter.SECRET
    assert header["HeaderValue"] == function["Environment"]["Variables"][cdn.VARIABLE]
    assert set(re.findall(r"headers\['([a-z-]+)'\]", cdn.VIEWER)) == {adapter.HOST, adapter.CLIENT}


def test_nothing_of_the_app_is_kept_at_the_edge_and_every_method_passes(config):
    behavior = config("http-api")["DefaultCacheBehavior"]
    assert behavior["CachePolicyId"] == cdn.CACHING_DISABLED
    assert behavior["OriginRequestPolicyId"] == cdn.ALL_VIEWER_EXCEPT_HOST
    assert {"POST", "DELETE", "PATCH"} <= set(behavior["AllowedMethods"])
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"


@pytest.mark.parametrize(("timeout", "waits"), [(3, 30), (60, 60), (900, 120)])
def test_it_waits_as_long_as_the_endpoint_and_as_cloudfront_can(config, timeout, waits):
    (origin,) = config("function-url", {"function.timeout": timeout})["Origins"]
    assert origin["CustomOriginConfig"]["OriginReadTimeout"] == waits


@pytest.mark.parametrize("name", ["shop", "n" * 55])
def test_the_name_of_what_is_the_accounts_fits_and_is_one_stages_own(make_settings, name):
    found = {
        cdn.global_name(make_settings("dev", {"name": name}), region) for region in ("ap-southeast-7", "x")
    }
    other = make_settings("dev", {"name": f"{name[:-1]}x"})
    assert len(found) == 2
    assert all(len(each) <= cdn.LONGEST_NAME for each in found)
    assert cdn.global_name(other, "ap-southeast-7") not in found


def test_the_address_of_a_stage_changes_with_it_and_that_is_said(write):
    before, after = write(ENDPOINTS["http-api"]).body, write(CDN["http-api"]).body
    change = changes.find_url_change(before, after, ())
    assert (change.before, change.after) == ("http-api", "cdn")


@pytest.mark.slow
@pytest.mark.parametrize("function", ["plain", "shifting", "with-rights"])
@pytest.mark.parametrize("kind", KINDS)
def test_cfn_lint_has_nothing_to_say(write, complaints, kind, function):
    assert complaints(write({**CDN[kind], **FUNCTIONS[function]}), "eu-central-1") == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_with_a_cdn(write, golden, kind):
    golden(f"with/cdn-{kind}.json", write(CDN[kind]).text)


# -------------------------------------------------------------------- files


def test_files_come_from_the_stages_folder_by_signed_questions(write, config):
    body = write(CDN["http-api"], artifact=FILES).body
    app, files = config("http-api", artifact=FILES)["Origins"]
    assert (app["Id"], files["Id"], files["OriginPath"]) == ("app", "files", "/shop/dev")
    assert files["DomainName"] == {"Fn::Sub": f"{STATIC.bucket}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}"}
    assert files["OriginAccessControlId"] == {"Fn::GetAtt": ["FilesAccess", "Id"]}
    access = body["Resources"]["FilesAccess"]["Properties"]["OriginAccessControlConfig"]
    assert (access["SigningBehavior"], access["OriginAccessControlOriginType"]) == ("always", "s3")
    assert body["Outputs"]["Files"] == {"Value": STATIC.record}
    assert all(mappings.OUR_OUTPUTS.fullmatch(name) for name in body["Outputs"])


def test_files_are_compressed_kept_and_read_only(config):
    behaviors = config("http-api", artifact=FILES)["CacheBehaviors"]
    assert [each["PathPattern"] for each in behaviors] == ["/static/*", "/favicon.ico"]
    for each in behaviors:
        assert (each["TargetOriginId"], each["Compress"]) == ("files", True)
        assert each["CachePolicyId"] == cdn.CACHING_OPTIMIZED
        assert set(each["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS"}
        assert "FunctionAssociations" not in each, "files need no host, and calls of it cost"


def test_no_error_becomes_a_page(config):
    assert "CustomErrorResponses" not in config("http-api", artifact=FILES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_cfn_lint_has_nothing_to_say_of_files(write, complaints, kind):
    assert complaints(write(CDN[kind], artifact=FILES), "eu-central-1") == []


def test_the_template_with_files(write, golden):
    golden("with/cdn-files.json", write(CDN["function-url"], artifact=FILES).text)


# -------------------------------------------------------------------- who deploys it


NEVER = {
    *("cloudfront:CreateConnectionGroup", "cloudfront:GetConnectionGroup", "cloudfront:GetVpcOrigin"),
    "cloudfront:UpdateDistributionWithStagingConfig",
}
"""For kinds of distributions and origins that no template of ours has."""


def statements(make_settings, overrides):
    document = deployer.write(stage_in(ACCOUNT, make_settings("dev", overrides))).document
    return document["Statement"]


def handled(kind):
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    return {each for name, handler in handlers.items() if name != "list" for each in handler["permissions"]}


@pytest.mark.slow
def test_whoever_deploys_may_do_what_cloudformation_does_and_no_more(make_settings, write):
    kinds = {each["Type"] for each in write(CDN["http-api"]).body["Resources"].values()}
    kinds |= {"AWS::CloudFront::OriginAccessControl"}
    needed = set().union(*(handled(kind) for kind in kinds if "CloudFront" in kind)) - NEVER
    allowed = {each for one in statements(make_settings, CDN["http-api"]) for each in one["Action"]}
    assert {each for each in allowed if each.startswith("cloudfront:")} == needed
    plain = {each for one in statements(make_settings, {}) for each in one["Action"]}
    assert not [each for each in plain if each.startswith("cloudfront:")]


def test_a_right_to_files_is_one_to_the_stages_own_folders(make_settings):
    begin, found = "arn:aws:s3:::lambdify-static-123456789012-eu-central-1", {}
    for each in statements(make_settings, CDN["http-api"]):
        for arn in each["Resource"]:
            if "lambdify-static" in arn:
                found[arn] = set(each["Action"])
    assert found.keys() == {begin, f"{begin}/shop/dev/*", f"{begin}/shop/dev.kept/*"}
    assert {"s3:PutObject", "s3:GetObject", "s3:DeleteObject"} <= found[f"{begin}/shop/dev/*"]
    plain = json.dumps(statements(make_settings, {}))
    assert "lambdify-static" not in plain


def test_no_right_reaches_the_edge_functions_of_others(make_settings):
    (found,) = [
        each["Resource"]
        for each in statements(make_settings, CDN["http-api"])
        if "cloudfront:CreateFunction" in each["Action"]
    ]
    functions = [arn for arn in found if ":function/" in arn]
    assert functions == ["arn:aws:cloudfront::123456789012:function/shop-dev-eu-central-1"]


@pytest.mark.parametrize("name", ["Distribution", "Viewer"])
def test_a_name_of_ours_is_refused_for_the_users_own(make_settings, name):
    with pytest.raises(SettingsError, match="lambdify's own"):
        make_settings("dev", {"resources": {name: {"Type": "AWS::SNS::Topic"}}})


def test_the_template_says_the_secret_nowhere(write):
    assert "x-lambdify-cdn" in write(CDN["http-api"]).text
    values = json.dumps(write(CDN["http-api"]).body)
    assert not re.search(
        r"[0-9a-f]{8}-[0-9a-f]{4}-",
        values.replace(cdn.CACHING_DISABLED, "").replace(cdn.ALL_VIEWER_EXCEPT_HOST, ""),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_fits_a_managed_one(make_settings, kind):
    found = deployer.write(stage_in(ACCOUNT, make_settings("dev", CDN[kind])))
    assert found.size <= deployer.MANAGED_SIZE
