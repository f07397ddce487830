"""What ACM, Route 53 and CloudFormation say of names, and what is told of it."""

from datetime import UTC, datetime

import pytest
from stages import stage_in
from waiting import nap

from lambdify.cli.domains import certificates, names, state, zones
from lambdify.cli.domains.certificates import Certificate
from lambdify.cli.domains.zones import Zone
from lambdify.cli.errors import CertificatePending, CertificateRefused, UsageError
from lambdify.cli.stacks import stack_events

ARN = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
NAMES = ["shop.example", "www.shop.example"]
TAGS = [{"Key": "lambdify:project", "Value": "shop"}, {"Key": "lambdify:stage", "Value": "dev"}]


@pytest.fixture
def stage(stubbed, make_settings):
    return stage_in(stubbed.account, make_settings("dev", {"domain.names": NAMES}))


def described(status="PENDING_VALIDATION", *, records=True, arn=ARN, **more):
    options = [
        {
            "DomainName": name,
            **(
                {"ResourceRecord": {"Name": f"_a.{name}.", "Type": "CNAME", "Value": "_b.acm.example."}}
                if records
                else {}
            ),
        }
        for name in NAMES
    ]
    certificate = {
        "CertificateArn": arn,
        "SubjectAlternativeNames": NAMES,
        "Status": status,
        "DomainValidationOptions": options,
        "CreatedAt": datetime(2026, 11, 1, tzinfo=UTC),
    }
    return {"Certificate": {**certificate, **more}}


def of(*named, status="ISSUED", arn=ARN):
    return Certificate(arn=arn, names=frozenset(named), status=status, records={}, proved=frozenset())


@pytest.mark.parametrize(
    ("certificate", "name", "covered"),
    [
        (of("shop.example"), "shop.example", True),
        (of("*.shop.example"), "www.shop.example", True),
        (of("*.shop.example"), "shop.example", False),
        (of("*.shop.example"), "a.b.shop.example", False),
        (of("*.shop.example"), "*.shop.example", True),
    ],
)
def test_a_star_is_for_one_part_of_a_name(certificate, name, covered):
    assert certificate.covers(name) == covered


def test_records_that_acm_has_not_made_up_yet_are_waited_for(stubbed, stage):
    stubbed.answers("acm.request_certificate", {"CertificateArn": ARN})
    stubbed.answers("acm.describe_certificate", described(records=False))
    stubbed.answers("acm.describe_certificate", described())
    found = certificates.ensure([], stage, nap)
    assert found.records["shop.example"] == ("_a.shop.example", "_b.acm.example.")


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (
            described("FAILED", FailureReason="CAA_ERROR"),
            "ACM may not issue for shop.example: its CAA record names others.",
            'Add a CAA record: 0 issue "amazon.com".',
        ),
        (
            described("FAILED", FailureReason="DOMAIN_NOT_ALLOWED"),
            "phishing or malware",
            "Leave that name out",
        ),
        (described("FAILED"), "it is FAILED", "Leave that name out"),
        (
            described("VALIDATION_TIMED_OUT"),
            "has not found the record that proves shop.example",
            "asks again",
        ),
    ],
)
def test_what_acm_refuses_is_told_with_the_name_and_a_way_out(stubbed, stage, answer, message, hint):
    stubbed.answers("acm.describe_certificate", described())
    stubbed.answers("acm.describe_certificate", answer)
    pending = certificates.await_records(ARN, stage, nap)
    with pytest.raises(CertificateRefused) as caught:
        certificates.await_issue(pending, stage, nap)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 59


@pytest.mark.parametrize("status", ["FAILED", "VALIDATION_TIMED_OUT", "EXPIRED", "REVOKED"])
def test_one_that_has_failed_is_asked_for_anew_by_another_token(stubbed, stage, status):
    asked = []
    events = stubbed.account.client("acm").meta.events
    events.register("provide-client-params.acm.RequestCertificate", lambda params, **_: asked.append(params))
    for known in ([], [], [of(*NAMES, status=status)]):
        stubbed.answers("acm.request_certificate", {"CertificateArn": ARN})
        stubbed.answers("acm.describe_certificate", described())
        certificates.ensure(known, stage, nap)
    first, again, anew = (each["IdempotencyToken"] for each in asked)
    assert first == again, "a request whose answer was lost asks for nothing twice"
    assert first != anew
    assert asked[0]["Tags"] == TAGS
    assert (asked[0]["DomainName"], asked[0]["SubjectAlternativeNames"]) == (NAMES[0], NAMES[1:])


def test_the_best_certificate_is_the_one_for_most_names_and_the_newest():
    old, less = of(*NAMES, arn="old"), of("shop.example", arn="less")
    new, pending = of(*NAMES, arn="new"), of(*NAMES, arn="pending", status="PENDING_VALIDATION")
    assert names.choose(tuple(NAMES), [old, new, less, pending]).arn == "new"
    assert names.choose(tuple(NAMES), [pending]) is None
    assert names.choose(("other.example",), [old]) is None


def test_the_longest_zone_has_a_name():
    known = [
        Zone(id="Z1", name="example"),
        Zone(id="Z2", name="shop.example"),
        Zone(id="Z3", name="p.example"),
    ]
    found = {
        name: zones._longest(name, known) for name in ("shop.example", "*.a.shop.example", "xshop.example")
    }
    assert {name: zone.id for name, zone in found.items()} == {
        "shop.example": "Z2",
        "*.a.shop.example": "Z2",
        "xshop.example": "Z1",
    }


def test_a_wait_that_ends_too_soon_has_an_exit_code_of_its_own(stubbed, stage):
    stubbed.answers("acm.list_certificates", {"CertificateSummaryList": [{"CertificateArn": ARN}]})
    stubbed.answers("acm.list_tags_for_certificate", {"Tags": TAGS})
    stubbed.answers("acm.describe_certificate", described())
    stubbed.answers("acm.list_certificates", {"CertificateSummaryList": []})
    for _ in range(1 + round(state.PATIENCE / certificates.PAUSE)):
        stubbed.answers("acm.describe_certificate", described())
    with pytest.raises(CertificatePending) as caught:
        state.wait(stage, state.find_certificates(stage), lambda _: None)
    assert "shop.example, www.shop.example" in caught.value.message
    assert caught.value.exit_code == 60


def test_there_is_nothing_to_wait_for_before_a_deployment(stubbed, stage):
    for _ in ("eu-central-1", "us-east-1"):
        stubbed.answers("acm.list_certificates", {"CertificateSummaryList": []})
    with pytest.raises(CertificatePending, match="No certificate was asked for yet"):
        state.wait(stage, state.find_certificates(stage), nap)


def test_a_stage_without_names_has_no_state_of_them(stubbed, make_settings):
    with pytest.raises(UsageError, match="has no names of its own"):
        state.fetch(stage_in(stubbed.account, make_settings()))


@pytest.mark.parametrize(
    ("reason", "begins"),
    [
        (
            "Distribution: One or more of the CNAMEs you provided are already associated with another",
            "Another distribution, perhaps of another account, has one of the names. ",
        ),
        (
            "Domain01 (AWS::ApiGatewayV2::DomainName): The domain name you provided already exists.",
            "Another API, perhaps of another account, has one of the names in this region. ",
        ),
        ("Function (AWS::Lambda::Function): it already exists", ""),
    ],
)
def test_a_name_that_another_has_is_told_as_that(reason, begins):
    found = stack_events.explain_name(reason)
    assert found == (f"{begins}{reason}" if begins else "")
