"""What is counted of an endpoint is counted behind a CDN, too: in alarms, and for `status`."""

import pytest

from lambdify.cli.settings import mappings

from .test_cdn import CDN, KINDS

ALARMS = {"alarms.errors": "1% for 5 minutes", "alarms.slow": "p95 over 2 s for 10 minutes"}
TOLD = {"alarms.email": ["ops@shop.example"]}


def alarms(body):
    return {
        name: each["Properties"]
        for name, each in body["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_alarms_ring_for_what_they_ring_for_without_one(write, kind):
    plain = {name: value for name, value in CDN[kind].items() if name != "http.cdn"}
    found, expected = (alarms(write({**each, **ALARMS, **TOLD}).body) for each in (CDN[kind], plain))
    assert "AlarmAnswers" in expected
    assert found == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_stack_tells_the_address_of_the_endpoint_itself(write, kind):
    plain = {name: value for name, value in CDN[kind].items() if name != "http.cdn"}
    outputs = write(CDN[kind]).body["Outputs"]
    assert outputs["Origin"] == write(plain).body["Outputs"]["Endpoint"]
    assert "Origin" not in write(plain).body["Outputs"]
    assert mappings.OUR_OUTPUTS.fullmatch("Origin")


NAMES = {
    "domain.names": ["shop.example"],
    "domain.certificate": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-0001",
    "domain.zone": "none",
}


@pytest.mark.parametrize("kind", KINDS)
def test_so_it_does_with_names_of_its_own(write, kind):
    plain = {name: value for name, value in CDN[kind].items() if name != "http.cdn"}
    own = write(plain).body["Outputs"]["Endpoint"]
    outputs = write({**CDN[kind], **NAMES}).body["Outputs"]
    assert (outputs["Endpoint"], outputs["Origin"]) == ({"Value": "https://shop.example"}, own)
    if kind != "function-url":
        regional = NAMES["domain.certificate"].replace("us-east-1", "eu-central-1")
        outputs = write({**plain, **NAMES, "domain.certificate": regional}).body["Outputs"]
        assert (outputs["Endpoint"], outputs["Origin"]) == ({"Value": "https://shop.example"}, own)
