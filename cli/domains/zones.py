"""Hosted zones of the account: which one a name is in, and what is written and found there.

Rules:
- Of several zones that a name lies in, the longest is the one: DNS asks that.
- Written are only records by which ACM knows whose a name is. Those of the names themselves are the stack's.
- A record of a name that is not the stack's stays: it leads somewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.errors import CertificateRefused, NameTaken, SettingsError
from lambdify.cli.stage import Stage

TTL = 300
ADDRESSES = ("A", "AAAA", "CNAME")
"""Types of records that lead somewhere; beside a CNAME there may be no other."""
AUTHORITIES = {"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"}
"""What a CAA record calls ACM."""
CAA_PARTS = 3
"""Parts of a value of a CAA record: 0 issue "amazon.com"."""
STAR = "\\052"
"""How Route 53 tells of "*": https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html"""


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A public hosted zone."""

    id: str
    name: str

    def holds(self, name: str) -> bool:
        """Return whether a name lies in it."""
        plain = name.removeprefix("*.")
        return plain == self.name or plain.endswith(f".{self.name}")


def find(stage: Stage) -> dict[str, Zone]:
    """Return the zone of each name of the settings that gets records; names that are elsewhere are missing.

    Raises SettingsError for a zone that the settings name, and that is not there or has not all the names.
    """
    domain = stage.settings.domain
    if domain.zone == "none" or domain.path or not domain.names:
        return {}
    if domain.zone != "auto":
        zone = _fetch(domain.zone, stage)
        for name in domain.names:
            if not zone.holds(name):
                raise SettingsError(
                    f"[domain] zone: {name} is not in the zone {zone.id}, which is of {zone.name}.",
                    hint="Leave zone out: then each name gets its records in the zone that it is in.",
                )
        return dict.fromkeys(domain.names, zone)
    zones = _list(stage)
    found = {name: _longest(name, zones) for name in domain.names}
    return {name: zone for name, zone in found.items() if zone}


@translated(during="looking for the hosted zone")
def _fetch(zone: str, stage: Stage) -> Zone:
    found = attempt(stage.client("route53").get_hosted_zone, none_if="^NoSuchHostedZone", Id=zone)
    if found is None or found["HostedZone"].get("Config", {}).get("PrivateZone"):
        raise SettingsError(
            f"[domain] zone: there is no public hosted zone {zone} in this account.",
            hint='Name another one, or set zone = "none": then the records are told.',
        )
    return Zone(id=zone, name=found["HostedZone"]["Name"].rstrip(".").lower())


@translated(during="looking for the hosted zones")
def _list(stage: Stage) -> list[Zone]:
    pages = stage.client("route53").get_paginator("list_hosted_zones").paginate()
    return [
        Zone(id=each["Id"].rpartition("/")[2], name=each["Name"].rstrip(".").lower())
        for page in pages
        for each in page["HostedZones"]
        if not each.get("Config", {}).get("PrivateZone")
    ]


def _longest(name: str, zones: Iterable[Zone]) -> Zone | None:
    holding = [zone for zone in zones if zone.holds(name)]
    return max(holding, key=lambda zone: len(zone.name), default=None)


def check_free(
    zones: Mapping[str, Zone], ours: Mapping[str, str], stage: Stage, names: Iterable[str]
) -> None:
    """Raise NameTaken for a name with a record in its zone that is not `ours`.

    `ours` are the zones of the names whose records the stack has.
    """
    for name in names:
        zone = zones.get(name)
        if zone is None or ours.get(name) == zone.id:
            continue
        for record in _records(name, zone, stage):
            if record["Type"] in ADDRESSES:
                article = "a" if record["Type"] == "CNAME" else "an"
                raise NameTaken(
                    f"{name} has {article} {record['Type']} record in zone {zone.id}: {_values(record)}.",
                    hint='Remove it, or set [domain] zone = "none" and change it when you are ready.',
                    during="looking at the records",
                )


@translated(during="looking at the records")
def _records(name: str, zone: Zone, stage: Stage) -> list[Mapping[str, Any]]:
    """Return the records of a name itself."""
    listed = stage.client("route53").list_resource_record_sets(
        HostedZoneId=zone.id, StartRecordName=name, MaxItems="20"
    )
    found = listed["ResourceRecordSets"]
    return [each for each in found if each["Name"].replace(STAR, "*").rstrip(".").lower() == name]


def check_authorities(zones: Mapping[str, Zone], stage: Stage) -> None:
    """Raise CertificateRefused for a name whose CAA record, in a zone of ours, lets ACM issue nothing.

    The nearest record counts, from the name upwards. https://www.rfc-editor.org/rfc/rfc8659#section-3
    https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html
    """
    for name, zone in zones.items():
        labels = name.removeprefix("*.").split(".")
        parents = [".".join(labels[start:]) for start in range(len(labels) - len(zone.name.split(".")) + 1)]
        found = (
            each for parent in parents for each in _records(parent, zone, stage) if each["Type"] == "CAA"
        )
        record = next(found, None)
        if record and not _lets_acm(record, wild=name.startswith("*.")):
            raise CertificateRefused(
                f"ACM may not issue for {name}: its CAA record names others.",
                hint='Add to it: 0 issue "amazon.com".',
                during="looking at the records",
            )


def _lets_acm(record: Mapping[str, Any], *, wild: bool) -> bool:
    said = [each["Value"].split(None, 2) for each in record.get("ResourceRecords", ())]
    tags: dict[str, list[str]] = {}
    for each in said:
        if len(each) == CAA_PARTS:
            value = each[2].strip().strip('"').partition(";")[0].strip().lower()
            tags.setdefault(each[1].lower(), []).append(value)
    allowed = tags.get("issuewild") if wild and "issuewild" in tags else tags.get("issue")
    return allowed is None or bool(AUTHORITIES & set(allowed))


def _values(record: Mapping[str, Any]) -> str:
    alias = record.get("AliasTarget", {}).get("DNSName", "").rstrip(".")
    return alias or ", ".join(each["Value"] for each in record.get("ResourceRecords", ()))


@translated(during="writing the records that the certificate wants")
def prove(records: Mapping[str, tuple[str, str]], zones: Mapping[str, Zone], stage: Stage) -> set[str]:
    """Write the CNAME of each name whose zone is ours; return the names whose CNAME is for others to write.

    Records stay for good: ACM looks at them whenever it renews a certificate, and one record is for all
    certificates of a name in the account.
    """
    wanted: dict[str, dict[str, str]] = {}
    for name, (record, value) in records.items():
        if name in zones:
            wanted.setdefault(zones[name].id, {})[record] = value
    for zone, changes in wanted.items():
        stage.client("route53").change_resource_record_sets(
            HostedZoneId=zone,
            ChangeBatch={
                "Comment": "For the certificate; it is needed for each renewal",
                "Changes": [
                    {
                        "Action": "UPSERT",
                        "ResourceRecordSet": {
                            "Name": record,
                            "Type": "CNAME",
                            "TTL": TTL,
                            "ResourceRecords": [{"Value": value}],
                        },
                    }
                    for record, value in changes.items()
                ],
            },
        )
    return {name for name in records if name not in zones}
