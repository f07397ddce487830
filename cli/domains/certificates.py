"""The certificate of a stage's names: asked for once, known again by its tags, waited for, in no stack.

    names ─ one of ours with exactly these ─┬ issued ──▶ is used
                                            ├ pending ─▶ its records are written, or told
                                            └ none ────▶ one is asked for

Not CloudFormation's: a certificate that waits for its records would hold a stack in CREATE_IN_PROGRESS for up
to 36 hours, and CloudFront wants it in us-east-1, where the stack need not be.

A request whose answer was lost is told apart by its token, so that nothing is asked for twice.
https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdify.cli import template
from lambdify.cli.aws import attempt, translated
from lambdify.cli.errors import CertificateRefused
from lambdify.cli.settings.domains.conflicts import CDN_REGION, region_of_certificates
from lambdify.cli.stage import Stage

ISSUED, PENDING = "ISSUED", "PENDING_VALIDATION"
PAUSE = 5.0
"""Seconds between two looks at a certificate that is pending."""
PATIENCE = 300.0
"""Seconds that `deploy` waits for a certificate whose records are all ours."""
RECORDS_PATIENCE = 60.0
"""Seconds until ACM has made up the records."""
REASONS = {
    "CAA_ERROR": "its CAA record names others",
    "DOMAIN_NOT_ALLOWED": "the name is known for phishing or malware",
    "INVALID_PUBLIC_DOMAIN": "it is no name of the public DNS",
    "NO_AVAILABLE_CONTACTS": "nobody could be asked",
}
"""https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html"""
CAA_HINT = 'Add a CAA record: 0 issue "amazon.com". Then `lambdify deploy` asks again.'


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate as ACM has it."""

    arn: str
    names: frozenset[str]
    status: str
    records: Mapping[str, tuple[str, str]]
    """By name: the CNAME that proves it, and its value. Empty in the first seconds after the request."""
    proved: frozenset[str]
    """Names whose record ACM has seen."""
    failure: str = ""
    expires: datetime | None = None

    @property
    def is_issued(self) -> bool:
        """Whether it can be used."""
        return self.status == ISSUED

    @property
    def region(self) -> str:
        """The region that it is in."""
        return _region_of(self.arn)

    def covers(self, name: str) -> bool:
        """Return whether it is for that name: itself, or by a star for its first part."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names

    def covered(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of the names that it is for."""
        return tuple(name for name in names if self.covers(name))


def _in(region: str, stage: Stage) -> dict[str, str]:
    """Return the region for a client; {} for that of the stage."""
    return {} if region == stage.region else {"region": region}


def _wanted(stage: Stage) -> str:
    """Return the region in which the certificate of the stage has to be."""
    return region_of_certificates(stage.settings, stage.region)


@translated(during="looking for the certificate")
def find(stage: Stage) -> list[Certificate]:
    """Return those that were asked for by the stage, the newest last; some may be in the other region.

    A stage that has lost its CDN, or got one, had its certificate there. Tags are asked for one by one: ACM
    answers ten such questions a second, and one for the list.
    https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
    """
    tags, found = template.tags(stage.settings), []
    for region in dict.fromkeys((stage.region, CDN_REGION)):
        acm = stage.account.client("acm", **_in(region, stage))
        for page in acm.get_paginator("list_certificates").paginate():
            for each in page["CertificateSummaryList"]:
                arn = each["CertificateArn"]
                said = attempt(acm.list_tags_for_certificate, none_if="^ResourceNotFound", CertificateArn=arn)
                has = {tag["Key"]: tag.get("Value", "") for tag in said["Tags"]} if said else {}
                if tags.items() <= has.items():
                    found.append(acm.describe_certificate(CertificateArn=arn)["Certificate"])
    found.sort(key=lambda each: each["CreatedAt"].timestamp() if "CreatedAt" in each else 0)
    return [_read(each) for each in found]


def may_serve(certificate: Certificate, stage: Stage) -> bool:
    """Return whether a certificate is in the region where that of the stage has to be."""
    return certificate.region == _wanted(stage)


def _region_of(arn: str) -> str:
    return arn.split(":")[3]


@translated(during="looking at the certificate")
def read(arn: str, stage: Stage) -> Certificate | None:
    """Return the certificate of that ARN; None if there is none."""
    acm = stage.account.client("acm", **_in(_region_of(arn), stage))
    found = attempt(acm.describe_certificate, none_if="^ResourceNotFound", CertificateArn=arn)
    return _read(found["Certificate"]) if found else None


def ensure(known: Collection[Certificate], stage: Stage, sleep: Callable[[float], None]) -> Certificate:
    """Return the stage's certificate for exactly its names: of those that are `known`, else a new one.

    Raises CertificateRefused for one that ACM has just refused.
    """
    names = stage.settings.domain.names
    exact = [each for each in known if each.names == frozenset(names) and may_serve(each, stage)]
    usable = [each for each in exact if each.status in (ISSUED, PENDING)]
    issued = [each for each in usable if each.is_issued]
    if issued:
        return issued[-1]
    arn = usable[-1].arn if usable else _request(names, [each.arn for each in exact], stage)
    return await_records(arn, stage, sleep)


@translated(during="asking for a certificate")
def _request(names: tuple[str, ...], failed: list[str], stage: Stage) -> str:
    tags = template.tags(stage.settings)
    # Of a request that has failed, ACM would return the same certificate for an hour.
    what = repr((names, sorted(tags.items()), sorted(failed)))
    acm = stage.account.client("acm", **_in(_wanted(stage), stage))
    asked = acm.request_certificate(
        DomainName=names[0],
        ValidationMethod="DNS",
        IdempotencyToken=hashlib.sha256(what.encode()).hexdigest()[:32],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        **({"SubjectAlternativeNames": list(names[1:])} if names[1:] else {}),
    )
    return str(asked["CertificateArn"])


def await_records(arn: str, stage: Stage, sleep: Callable[[float], None]) -> Certificate:
    """Return the certificate when ACM has made up the records that it wants. Raises CertificateRefused."""
    waited = 0.0
    while True:
        found = require(arn, stage)
        if found.status != PENDING or found.names <= found.records.keys() or waited >= RECORDS_PATIENCE:
            return check(found)
        sleep(PAUSE)
        waited += PAUSE


def await_issue(
    certificate: Certificate, stage: Stage, sleep: Callable[[float], None], *, patience: float = PATIENCE
) -> Certificate:
    """Return the certificate when it is issued, or after `patience` seconds. Raises CertificateRefused."""
    waited = 0.0
    while certificate.status == PENDING:
        certificate = require(certificate.arn, stage)
        if certificate.status != PENDING or waited >= patience:
            break
        sleep(PAUSE)
        waited += PAUSE
    return check(certificate)


def require(arn: str, stage: Stage) -> Certificate:
    """Return the certificate of that ARN. Raises CertificateRefused if somebody has deleted it."""
    found = read(arn, stage)
    if found is None:
        raise CertificateRefused(
            f"The certificate {arn} is not there any more.",
            hint=f"`{stage.command('deploy')}` asks for another one.",
            during="waiting for the certificate",
        )
    return found


def check(certificate: Certificate) -> Certificate:
    """Return a certificate that is issued, or may become so. Raises CertificateRefused."""
    if certificate.status in (ISSUED, PENDING):
        return certificate
    waiting = sorted(certificate.names - certificate.proved) or sorted(certificate.names)
    name = waiting[0]
    if certificate.status == "VALIDATION_TIMED_OUT":
        raise CertificateRefused(
            f"ACM has not found the record that proves {name} within three days.",
            hint="Write it where the DNS of that name is; `lambdify deploy` asks again and tells it.",
        )
    why = REASONS.get(certificate.failure, certificate.failure or f"it is {certificate.status}")
    raise CertificateRefused(
        f"ACM may not issue for {name}: {why}.",
        hint=CAA_HINT if certificate.failure == "CAA_ERROR" else "Leave that name out of [domain] names.",
    )


@translated(during="removing certificates")
def remove(certificates: Iterable[Certificate], stage: Stage) -> list[str]:
    """Delete certificates; return the ARNs of those that something still uses, which the next run deletes."""
    used = []
    for each in certificates:
        acm = stage.account.client("acm", **_in(each.region, stage))
        gone = attempt(acm.delete_certificate, none_if="^(ResourceInUse|Conflict)", CertificateArn=each.arn)
        if gone is None:
            used.append(each.arn)
    return used


def _read(said: Mapping[str, Any]) -> Certificate:
    options = said.get("DomainValidationOptions", [])
    records = {
        each["DomainName"]: (each["ResourceRecord"]["Name"].rstrip("."), each["ResourceRecord"]["Value"])
        for each in options
        if "ResourceRecord" in each
    }
    return Certificate(
        arn=said["CertificateArn"],
        names=frozenset(name.lower() for name in said["SubjectAlternativeNames"]),
        status=said["Status"],
        records=records,
        proved=frozenset(each["DomainName"] for each in options if each.get("ValidationStatus") == "SUCCESS"),
        failure=said.get("FailureReason", ""),
        expires=said.get("NotAfter"),
    )
