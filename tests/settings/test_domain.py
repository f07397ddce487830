"""[domain]: names that are one stage's, and what AWS would refuse in the middle of a deployment."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import conflicts

LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"
NAMES = {"domain.names": ["shop.example"]}
ELSEWHERE = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd"
US_EAST = ELSEWHERE.replace("eu-central-1", "us-east-1")
REST = {"http.endpoint": "rest-api"}


@pytest.fixture
def read(tmp_path):
    """`read({"domain.names": [...]})`: settings with these values."""

    def read(overrides, stage=None):
        common = {"name": "shop", "function.python": "3.13"}
        return settings.load(tmp_path, stage=stage, overrides={**common, **overrides})

    return read


@pytest.fixture
def read_file(tmp_path):
    """`read_file("[domain]...", "dev")`: settings of a stage, of a file that says this."""

    def read_file(text, stage=None):
        (tmp_path / "lambdify.toml").write_text(f'name = "shop"\n{text}', encoding="utf-8")
        return settings.load(tmp_path, stage=stage)

    return read_file


def refusal(read, *of):
    with pytest.raises(SettingsError) as caught:
        read(*of)
    return caught.value.message, caught.value.hint


def test_names_are_in_small_letters_and_have_the_stage_in_them(read):
    chosen = read({"domain.names": ["{stage}.Shop.example", "*.{stage}.shop.example"]}, "PR-12").domain
    assert chosen.names == ("pr-12.shop.example", "*.pr-12.shop.example")


@pytest.mark.parametrize(
    "name",
    ["shop", "shop..example", "-shop.example", "https://shop.example", "shop.example/x", "münchen.example"],
)
def test_what_is_no_name_is_refused(read, name):
    _, hint = refusal(read, {"domain.names": [name]})
    assert '"*.shop.example"' in hint


@pytest.mark.parametrize(
    ("overrides", "message", "hint"),
    [
        (
            {**NAMES, "http.endpoint": "function-url"},
            "[domain] names: a function URL has no name of its own.",
            "Set [http] cdn = true.",
        ),
        (
            {**NAMES, "http.endpoint": "alb", "http.alb.listener": LISTENER},
            "the listener has the names.",
            "hosts",
        ),
        ({**NAMES, "http.endpoint": "none"}, "there is nothing that they could lead to.", "http-api"),
        (
            {**NAMES, **REST, "http.vpc_endpoints": ["vpce-0a1b"]},
            "a private API has the names of its VPC endpoints.",
            "Leave out",
        ),
        (
            {"domain.names": ["*.shop.example", "shop.example"]},
            '"*.shop.example" is many names',
            'names = ["www.shop.example", "*.shop.example"]',
        ),
        ({"domain.names": ["shop.example", "SHOP.example"]}, '"shop.example" is there twice.', "Leave out"),
        ({"domain.names": [f"{'a' * 64}.example"]}, "is too long.", "63 between two dots"),
        ({"domain.names": [f"{'a' * 60}.example"]}, "the first name of a certificate 64 at most.", "shorter"),
        ({"domain.certificate": ELSEWHERE}, "[domain] certificate: there is no name", "names ="),
        ({"domain.path": "shop"}, "[domain] path: there is no name", "names ="),
        ({"domain.client_ca": "s3://certificates/ca.pem"}, "[domain] client_ca: there is no name", "names ="),
        ({**NAMES, "domain.path": "shop", "http.cdn": True}, "a CDN has its names to itself.", "Leave out"),
        ({**NAMES, "domain.path": "shop", "domain.certificate": ELSEWHERE}, "path with certificate", "Leave"),
        ({**NAMES, "domain.path": "shop", "domain.client_ca": "s3://abc/ca"}, "path with client_ca", "Leave"),
        ({**NAMES, "domain.path": "shop", "domain.zone": "Z0"}, "path with zone", "Leave zone out"),
        (
            {"domain.names": ["shop.example", "*.shop.example"], "domain.path": "shop"},
            "a path is taken off the names that are known.",
            "Name each",
        ),
        (
            {**NAMES, "domain.client_ca": "s3://certificates/ca.pem", "http.cdn": True},
            "the certificates of clients would end at the CDN.",
            "Leave out",
        ),
    ],
)
def test_what_would_not_work_is_refused_with_a_way_out(read, overrides, message, hint):
    told, way = refusal(read, overrides)
    assert message in told
    assert hint in way


@pytest.mark.parametrize("endpoint", ["http-api", "rest-api"])
def test_an_api_has_names_with_or_without_a_cdn_and_a_function_url_with_one(read, endpoint):
    assert read({**NAMES, "http.endpoint": endpoint}).domain.names == ("shop.example",)
    assert read({**NAMES, "http.endpoint": endpoint, "http.cdn": True}).domain.names == ("shop.example",)
    assert read({**NAMES, "http.endpoint": "function-url", "http.cdn": True}).domain.names


def test_a_certificate_of_another_region_is_told_when_the_region_is_known(read):
    cdn = {**NAMES, "http.cdn": True}
    message, hint = refusal(read, {**cdn, "region": "eu-central-1", "domain.certificate": ELSEWHERE})
    assert (
        message == "[domain] certificate: CloudFront takes those of us-east-1, and this is of eu-central-1."
    )
    assert "leave certificate out" in hint
    message, _ = refusal(read, {**NAMES, "region": "eu-west-1", "domain.certificate": ELSEWHERE})
    assert message == (
        "[domain] certificate: an API takes those of its own region, eu-west-1, and this is of eu-central-1."
    )
    unknown = read({**NAMES, "domain.certificate": ELSEWHERE})
    conflicts.check_region(unknown, "eu-central-1")
    with pytest.raises(SettingsError, match="of its own region, us-west-2"):
        conflicts.check_region(unknown, "us-west-2")
    assert read({**cdn, "region": "eu-central-1", "domain.certificate": US_EAST}).domain.certificate


ALL = '[domain]\nnames = ["shop.example", "*.shop.example"]\n'
OTHERS = "[stages.production]\n[stages.staging]\n"


@pytest.mark.parametrize("stage", ["dev", "production", "staging"])
def test_names_that_each_stage_would_have_are_refused(read_file, stage):
    message, hint = refusal(read_file, ALL + OTHERS, stage)
    assert message == '[domain] names: "shop.example" would be every stage\'s name.'
    assert hint == 'Write "{stage}.shop.example", or use [stages.production.domain].'


def test_names_are_a_stages_own_where_there_is_one_stage_or_they_say_which(read_file):
    assert read_file(ALL).domain.names
    assert read_file(ALL + "[stages.dev]\n").domain.names
    with_stage = '[domain]\nnames = ["{stage}.shop.example"]\n' + OTHERS
    assert read_file(with_stage, "staging").domain.names == ("staging.shop.example",)
    own = '[stages.production.domain]\nnames = ["shop.example"]\n[stages.staging]\n'
    assert read_file(own, "production").domain.names == ("shop.example",)
    assert read_file(own, "staging").domain.names == ()


def test_a_stage_that_nobody_declared_does_not_take_the_names_of_the_usual_one(read_file):
    message, _ = refusal(read_file, ALL, "another")
    assert "would be every stage's name" in message


def test_stages_of_a_pattern_have_the_stage_in_their_names(read_file):
    previews = '[stages."pr-*".domain]\nnames = ["{}"]\n'
    message, _ = refusal(read_file, previews.format("pr.shop.example"), "pr-1")
    assert "would be every stage's name" in message
    found = read_file(previews.format("{stage}.shop.example"), "pr-1").domain.names
    assert found == ("pr-1.shop.example",)
