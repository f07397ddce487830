"""A stage with names of its own, in a cloud whose certificates wait for their records as on AWS."""

import json

import pytest
from stages import stage_in
from waiting import nap

from lambdify.cli.deploy import deploy
from lambdify.cli.domains import certificates, names, state
from lambdify.cli.errors import CertificateRefused, NameTaken, SettingsError
from lambdify.cli.stacks import stack
from lambdify.cli.undeploy import undeploy

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

KINDS = {
    "http-api": {},
    "rest-api": {"http.endpoint": "rest-api"},
    "http-api with a CDN": {"http.cdn": True},
    "function-url with a CDN": {"http.cdn": True, "http.endpoint": "function-url"},
}
NAMES = ["shop.example", "www.shop.example"]


@pytest.fixture
def make_zone(account):
    """`make_zone("shop.example")`: a hosted zone; returns its id."""

    def make(name):
        made = account.client("route53").create_hosted_zone(Name=name, CallerReference=name)
        return made["HostedZone"]["Id"].rpartition("/")[2]

    return make


@pytest.fixture
def shop(account, make_settings, make_bundle, talk):
    """`shop({...})`: deploys the stage with these settings; `shop.talk` is what was said."""

    class Shop:
        def __init__(self):
            self.talk, self.account = talk, account

        def stage(self, overrides):
            return stage_in(account, make_settings("dev", overrides))

        def __call__(self, overrides):
            return deploy(self.stage(overrides), make_bundle, talk.console, yes=True, sleep=nap)

        def remove(self, overrides):
            return undeploy(self.stage(overrides), talk.console, yes=True, sleep=nap)

    return Shop()


def records(account, zone):
    found = account.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {(each["Name"].rstrip("."), each["Type"]) for each in found if each["Type"] not in ("NS", "SOA")}


def write_records(account, certificate, zone):
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": name,
                "Type": "CNAME",
                "TTL": 60,
                "ResourceRecords": [{"Value": value}],
            },
        }
        for name, value in certificate.records.values()
    ]
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


@pytest.mark.parametrize("kind", KINDS)
def test_names_in_a_zone_of_ours_are_served_at_once_and_go_with_the_stage(shop, make_zone, account, kind):
    zone, wanted = make_zone("shop.example"), {**KINDS[kind], "domain.names": NAMES}
    assert shop(wanted).endpoint == "https://shop.example"
    aliases = {(name, each) for name in NAMES for each in ("A", "AAAA")}
    proofs = {(f"_acme-challenge.{name}", "CNAME") for name in NAMES}
    assert records(account, zone) == aliases | proofs
    (certificate,) = certificates.find(shop.stage(wanted))
    assert certificate.arn.split(":")[3] == ("us-east-1" if "CDN" in kind else "eu-central-1")
    assert not shop(wanted).changed
    assert len(certificates.find(shop.stage(wanted))) == 1
    removal = shop.remove(wanted)
    assert {each.name for each in removal.kept} == {name for name, _ in proofs}
    assert certificates.find(shop.stage(wanted)) == []
    assert records(account, zone) == proofs


@pytest.mark.parametrize("kind", ["http-api", "http-api with a CDN"])
def test_a_name_elsewhere_blocks_nothing_and_the_next_deployment_takes_it_up(shop, make_zone, account, kind):
    wanted = {**KINDS[kind], "domain.names": NAMES}
    assert "shop.example" not in shop(wanted).endpoint
    (certificate,) = certificates.find(shop.stage(wanted))
    for name in NAMES:
        record, value = certificate.records[name]
        assert f"CNAME {record} → {value}" in shop.talk.said
    assert not shop(wanted).changed
    assert len(certificates.find(shop.stage(wanted))) == 1, "it is not asked for twice"
    # Whoever has the DNS writes them; here a zone of the account is the only DNS.
    write_records(account, certificate, make_zone("shop.example"))
    wanted |= {"domain.zone": "none"}
    assert shop(wanted).endpoint == "https://shop.example"
    assert "ALIAS or ANAME shop.example → " in shop.talk.said
    assert "CNAME www.shop.example → " in shop.talk.said


def test_of_more_names_the_old_ones_are_served_until_the_new_certificate_is_issued(shop, make_zone, account):
    make_zone("shop.example")
    shop({"domain.names": NAMES})
    more = {"domain.names": [*NAMES, "shop.elsewhere"]}
    shop(more)
    stage = shop.stage(more)
    assert list(names.targets(stack.fetch(stage))) == NAMES
    old, new = certificates.find(stage)
    assert (old.is_issued, new.is_issued) == (True, False)
    write_records(account, new, make_zone("elsewhere"))
    shop(more)
    assert list(names.targets(stack.fetch(stage))) == [*NAMES, "shop.elsewhere"]
    assert [each.arn for each in certificates.find(stage)] == [new.arn], "the superseded one is gone"


def test_a_name_moves_between_an_api_and_a_cdn_in_one_update(shop, make_zone, account):
    zone = make_zone("shop.example")
    for kind in (*KINDS, "http-api"):
        wanted = {**KINDS[kind], "domain.names": NAMES}
        assert shop(wanted).endpoint == "https://shop.example"
        (certificate,) = certificates.find(shop.stage(wanted))
        assert certificate.region == ("us-east-1" if "CDN" in kind else "eu-central-1"), (
            "that of before is gone"
        )
        assert ("shop.example", "AAAA") in records(account, zone)


def test_names_that_are_taken_out_of_the_settings_go_with_their_certificate(shop, make_zone, account):
    zone = make_zone("shop.example")
    shop({"domain.names": NAMES})
    assert "execute-api" in shop({}).endpoint
    assert certificates.find(shop.stage({})) == []
    assert ("shop.example", "A") not in records(account, zone)


def test_a_record_that_leads_elsewhere_is_told_before_anything_changes(shop, make_zone, account):
    zone = make_zone("shop.example")
    other = {"Name": "shop.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    account.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": other}]}
    )
    with pytest.raises(NameTaken) as caught:
        shop({"domain.names": NAMES})
    assert caught.value.message == f"shop.example has an A record in zone {zone}: 192.0.2.1."
    assert 'zone = "none"' in caught.value.hint
    assert stack.find(shop.stage({})) is None
    assert certificates.find(shop.stage({"domain.names": NAMES})) == []


def test_a_zone_that_is_named_has_to_be_there_and_to_hold_the_names(shop, make_zone):
    with pytest.raises(SettingsError, match=r"no public hosted zone Z0 in this account"):
        shop({"domain.names": NAMES, "domain.zone": "Z0"})
    zone = make_zone("other.example")
    with pytest.raises(SettingsError, match=rf"shop.example is not in the zone {zone}, which is of other"):
        shop({"domain.names": NAMES, "domain.zone": zone})


def test_a_certificate_that_is_named_is_looked_at_before_anything_changes(shop, make_zone, account):
    acm = account.client("acm")
    make_zone("shop.example")
    arn = acm.request_certificate(DomainName="*.shop.example", ValidationMethod="DNS")["CertificateArn"]
    with pytest.raises(CertificateRefused, match=r"is for \*.shop.example, and not for shop.example"):
        shop({"domain.names": NAMES, "domain.certificate": arn})
    with pytest.raises(CertificateRefused, match=r"is not issued, its state is PENDING_VALIDATION"):
        shop({"domain.names": ["www.shop.example"], "domain.certificate": arn})
    with pytest.raises(CertificateRefused, match=r"there is no arn:aws:acm:eu-central-1:1:certificate/x"):
        shop({"domain.names": NAMES, "domain.certificate": "arn:aws:acm:eu-central-1:1:certificate/x"})
    assert stack.find(shop.stage({})) is None
    write_records(account, names.certificates.require(arn, shop.stage({})), make_zone("example"))
    wanted = {"domain.names": ["www.shop.example"], "domain.certificate": arn}
    assert shop(wanted).endpoint == "https://www.shop.example"
    shop.remove(wanted)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"


def test_a_path_on_a_name_that_exists_makes_a_mapping_alone(shop, account):
    with pytest.raises(SettingsError, match=r"shop.example is no domain of API Gateway in eu-central-1"):
        shop({"domain.names": ["shop.example"], "domain.path": "books"})
    account.client("apigatewayv2").create_domain_name(DomainName="shop.example")
    wanted = {"domain.names": ["shop.example"], "domain.path": "/books/"}
    assert shop(wanted).endpoint == "https://shop.example/books"
    (mapping,) = account.client("apigatewayv2").get_api_mappings(DomainName="shop.example")["Items"]
    assert (mapping["ApiMappingKey"], mapping["Stage"]) == ("books", "$default")
    shop.remove(wanted)
    assert account.client("apigatewayv2").get_domain_names()["Items"]


def test_a_name_that_another_api_has_is_served_when_that_lets_it_go(shop, make_zone, account):
    make_zone("shop.example")
    other = account.client("apigatewayv2")
    other.create_domain_name(DomainName="www.shop.example")
    alone = {"domain.names": ["www.shop.example"]}
    assert "execute-api" in shop(alone).endpoint
    assert [each.is_issued for each in certificates.find(shop.stage(alone))] == [True], "it is kept for then"
    wanted = {"domain.names": NAMES}
    assert shop(wanted).endpoint == "https://shop.example"
    assert list(names.targets(stack.fetch(shop.stage(wanted)))) == ["shop.example"]
    assert "Not served yet: www.shop.example, which another API of this account has." in shop.talk.said
    other.delete_domain_name(DomainName="www.shop.example")
    shop(wanted)
    assert list(names.targets(stack.fetch(shop.stage(wanted)))) == NAMES


@pytest.mark.parametrize(
    ("values", "name", "wanted", "refused"),
    [
        (['0 issue "letsencrypt.org"'], "shop.example", "www.shop.example", "www.shop.example"),
        (['0 issue "letsencrypt.org"', '0 issue "amazon.com"'], "shop.example", "shop.example", ""),
        (['0 issue "amazonaws.com; account=1"'], "shop.example", "shop.example", ""),
        (['0 issue "amazon.com"', '0 issuewild ";"'], "shop.example", "*.shop.example", "*.shop.example"),
        (['0 issue ";"'], "shop.example", "shop.example", "shop.example"),
        (['0 iodef "mailto:a@shop.example"'], "shop.example", "shop.example", ""),
        (['0 issue "letsencrypt.org"'], "www.shop.example", "shop.example", ""),
    ],
)
def test_a_caa_record_of_ours_that_names_others_is_told_before_anything_changes(
    shop, make_zone, account, values, name, wanted, refused
):
    zone = make_zone("shop.example")
    record = {"Name": name, "Type": "CAA", "TTL": 60, "ResourceRecords": [{"Value": each} for each in values]}
    account.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    named = {"domain.names": ["first.shop.example", wanted] if wanted.startswith("*") else [wanted]}
    stage = shop.stage(named)
    if not refused:
        names.check(stage, None)
        return
    with pytest.raises(CertificateRefused) as caught:
        names.check(stage, None)
    assert caught.value.message == f"ACM may not issue for {refused}: its CAA record names others."
    assert 'issue "amazon.com"' in caught.value.hint


def test_the_state_of_names_is_told_with_the_records_that_somebody_has_to_write(shop, make_zone):
    wanted = {"domain.names": [*NAMES, "shop.elsewhere"]}
    make_zone("shop.example")
    stage = shop.stage(wanted)
    assert {each.state for each in state.fetch(stage).names} == {state.UNKNOWN}
    shop(wanted)
    found = state.fetch(stage)
    assert {each.state for each in found.names} == {state.WAITING}
    told = {each.name: (each.ours, each.seen) for each in found.records}
    assert told["_acme-challenge.shop.example"] == (True, True)
    assert told["_acme-challenge.shop.elsewhere"] == (False, False)
    shop({"domain.names": NAMES})
    found = state.fetch(shop.stage({"domain.names": NAMES}))
    assert {each.state for each in found.names} == {state.SERVED}
    assert [each.kind for each in found.records if each.purpose == "address"] == ["A and AAAA"] * 2
    assert found.certificates[-1].expires
    assert json.loads(json.dumps(found.json))["names"][0] == {"name": "shop.example", "state": "served"}
    assert "shop.example      served" in state.show(found)


def test_a_stage_goes_whose_zone_is_gone_already(shop, make_zone, account):
    zone = make_zone("shop.example")
    wanted = {"domain.names": NAMES, "domain.zone": zone}
    assert shop(wanted).endpoint == "https://shop.example"
    route53 = account.client("route53")
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    gone = [each for each in records if each["Type"] not in ("NS", "SOA")]
    changes = [{"Action": "DELETE", "ResourceRecordSet": each} for each in gone]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    route53.delete_hosted_zone(Id=zone)
    assert shop.remove(wanted).stack
    assert certificates.find(shop.stage(wanted)) == []
