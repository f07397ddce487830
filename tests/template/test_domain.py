"""[domain]: names in front of an API or of a CDN, their records; nothing of it where there is none."""

import json

import pytest
from template.variants import ENDPOINTS, FUNCTIONS

from lambdify.cli import template
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import mappings
from lambdify.cli.stacks import changes
from lambdify.cli.template import domain

NAMES = ["shop.example", "www.shop.example", "*.shop.example"]
KINDS = {
    "http-api": {},
    "rest-api": {"http.endpoint": "rest-api"},
    "cdn-http-api": {"http.cdn": True},
    "cdn-rest-api": {"http.cdn": True, "http.endpoint": "rest-api"},
    "cdn-function-url": {"http.cdn": True, "http.endpoint": "function-url"},
}
CA = "s3://certificates/clients.pem"
ARTIFACT = Artifact(bucket="bucket", app_key="app.zip", layer_key=None, uploaded=())


@pytest.fixture
def served(make_settings):
    """`served({...}, zone="Z0")`: the template of a stage all of whose names have their certificate."""

    def served(overrides, zone="Z0123456789ABC", **more):
        chosen = make_settings("dev", {"domain.names": NAMES, "domain.zone": zone, **overrides, **more})
        return template.write(domain.foresee(chosen), ARTIFACT, Target(python="3.13"))

    return served


def of(written, kind):
    return [each["Properties"] for each in written.body["Resources"].values() if each["Type"] == kind]


def test_a_stage_without_names_has_nothing_of_them(write):
    for overrides in (*ENDPOINTS.values(), *FUNCTIONS.values()):
        text = write(overrides).text
        assert "AWS::Route53" not in text
        assert "AWS::ApiGatewayV2::DomainName" not in text
        assert domain.HOSTS not in text


def test_names_that_wait_for_their_certificate_change_nothing(write):
    assert write({"domain.names": NAMES}).text == write({}).text


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_name_is_the_address_and_each_has_its_records(served, kind):
    written = served(KINDS[kind])
    outputs = {name: each["Value"] for name, each in written.body["Outputs"].items()}
    assert outputs["Endpoint"] == "https://shop.example"
    told = [outputs[f"Name{number}"]["Fn::Sub"].split() for number in range(3)]
    assert [name for name, _ in told] == NAMES
    assert all(target == "${Distribution.DomainName}" for _, target in told) == kind.startswith("cdn")
    records = of(written, "AWS::Route53::RecordSet")
    assert {(each["Name"], each["Type"]) for each in records} == {
        (name, each) for name in NAMES for each in ("A", "AAAA")
    }
    assert all(mappings.OUR_RESOURCES.fullmatch(name) for name in written.body["Resources"])
    assert all(mappings.OUR_OUTPUTS.fullmatch(name) for name in outputs)


@pytest.mark.parametrize("kind", ["http-api", "rest-api"])
def test_an_api_has_a_domain_and_a_mapping_for_each_name(served, kind):
    written = served(KINDS[kind])
    assert [each["DomainName"] for each in of(written, "AWS::ApiGatewayV2::DomainName")] == NAMES
    mapped = of(written, "AWS::ApiGatewayV2::ApiMapping")
    assert len(mapped) == 3
    stage = "RestStage" if kind == "rest-api" else "Stage"
    assert {json.dumps(each["Stage"]) for each in mapped} == {json.dumps({"Ref": stage})}


def test_a_distribution_has_the_names_and_the_certificate(served):
    (distribution,) = of(served(KINDS["cdn-http-api"]), "AWS::CloudFront::Distribution")
    config = distribution["DistributionConfig"]
    assert config["Aliases"] == NAMES
    assert config["ViewerCertificate"]["AcmCertificateArn"].startswith("arn:aws:acm:us-east-1:")


def test_one_name_more_and_another_order_replace_nothing(served):
    one, two = (
        served({}, **{"domain.names": names}).body["Resources"] for names in (NAMES[:2], NAMES[1::-1])
    )
    more = served({}).body["Resources"]
    moved = {name for name in one if one[name] != two.get(name)}
    assert not [name for name in moved if name.startswith(("Domain", "Mapping", "Record"))]
    assert {name: more[name] for name in one if name.startswith(("Domain", "Record"))} == {
        name: one[name] for name in one if name.startswith(("Domain", "Record"))
    }


def variables(written):
    return written.body["Resources"]["Function"]["Properties"].get("Environment", {}).get("Variables", {})


def test_the_function_is_told_of_names_that_lead_to_the_first_one(served):
    assert variables(served({}))[domain.HOSTS] == "shop.example www.shop.example"
    assert variables(served({}, **{"domain.names": ["shop.example", "*.shop.example"]})) == {}
    path = {"domain.names": ["shop.example"], "domain.path": "books/new"}
    assert variables(served({}, "auto", **path)) == {
        domain.HOSTS: "shop.example",
        domain.PATH: "/books/new",
    }


def test_a_path_on_a_name_that_exists_is_a_mapping_alone(served, write):
    written = served({}, "auto", **{"domain.names": ["shop.example"], "domain.path": "books"})
    more = set(written.body["Resources"]) - set(write({}).body["Resources"])
    assert len([name for name in more if name.startswith("Mapping")]) == 1
    assert not [name for name in more if name.startswith(("Domain", "Record"))]
    assert written.body["Outputs"]["Endpoint"]["Value"] == "https://shop.example/books"


@pytest.mark.parametrize(("kind", "api"), [("http-api", "Api"), ("rest-api", "RestApi")])
def test_where_clients_show_certificates_the_apis_own_address_is_off(served, write, kind, api):
    written = served(KINDS[kind], **{"domain.client_ca": CA})
    domains = of(written, "AWS::ApiGatewayV2::DomainName")
    assert {each["MutualTlsAuthentication"]["TruststoreUri"] for each in domains} == {CA}
    assert written.body["Resources"][api]["Properties"]["DisableExecuteApiEndpoint"] is True
    waiting = write({**KINDS[kind], "domain.names": NAMES, "domain.client_ca": CA}).body
    assert waiting["Resources"][api]["Properties"]["DisableExecuteApiEndpoint"] is True
    assert "Endpoint" not in waiting["Outputs"], "nobody gets in before there is a certificate"


def test_a_zone_of_others_has_no_records_of_ours(served):
    assert of(served({}, "none"), "AWS::Route53::RecordSet") == []


@pytest.mark.parametrize("name", ["Domain0123456789ab", "Mapping0123456789ab", "Record0123456789abAAAA"])
def test_a_name_of_ours_is_refused_for_the_users_own(make_settings, name):
    with pytest.raises(SettingsError, match="lambdify's own"):
        make_settings("dev", {"resources": {name: {"Type": "AWS::SNS::Topic"}}})


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_cfn_lint_has_nothing_to_say(served, complaints, kind):
    assert complaints(served(KINDS[kind]), "eu-central-1") == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["http-api", "rest-api"])
@pytest.mark.parametrize(
    "more", [{"domain.client_ca": CA}, {"domain.names": ["shop.example"], "domain.path": "a/b"}]
)
def test_cfn_lint_has_nothing_to_say_of_clients_and_paths(served, complaints, kind, more):
    zone = "auto" if "domain.path" in more else "Z0123456789ABC"
    assert complaints(served(KINDS[kind], zone, **more), "eu-central-1") == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_with_names(served, golden, kind):
    golden(f"with/domain-{kind}.json", served(KINDS[kind]).text)


def test_the_old_address_of_an_api_goes_on_and_one_of_a_name_moves(served, write):
    plain, named = write({}).body, served({}).body
    assert changes.find_url_change(plain, named, ()) is None
    other = served({}, **{"domain.names": ["books.example"]}).body
    change = changes.find_url_change(named, other, ())
    assert (change.before, change.after) == ("https://shop.example", "https://books.example")
    closed = served({}, **{"domain.client_ca": CA}).body
    assert changes.find_url_change(plain, closed, ()).before == "http-api"
    assert changes.find_url_change(named, plain, ()).after == "http-api"
