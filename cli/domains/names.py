"""Which names of [domain] a deployment serves: those that a certificate is issued for.

    settings ──check──▶ zones, records, certificates                    before anything changes
             ──settle─▶ settings with what the template has to know     a certificate is asked for
             ──prune──▶ certificates that nobody needs are gone         afterwards

What waits for its certificate blocks nothing: the names that have one are served, of the others is told what
to write, and the next deployment takes them up.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lambdify.cli.aws import attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.domains import certificates, zones
from lambdify.cli.domains.certificates import Certificate
from lambdify.cli.domains.zones import Zone
from lambdify.cli.errors import CertificateRefused, SettingsError
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import stack
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage

RECORD = "AWS::Route53::RecordSet"
DOMAIN = "AWS::ApiGatewayV2::DomainName"
OUTPUT = "Name"
"""The beginning of the outputs with names, each with what a record has to lead to."""
REMOVAL_ATTEMPTS = 12
"""How often a certificate that is in use is tried again, a few seconds apart."""
APEX_PARTS = 2
"""Parts of a name that is most likely at the top of its zone, where no CNAME may be."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was found before anything changes."""

    zones: Mapping[str, Zone]
    """By name, of those that get records."""
    certificates: tuple[Certificate, ...]
    """Those that were asked for by the stage, in the region where they can serve it."""
    elsewhere: tuple[Certificate, ...] = ()
    """Those in the other region, which were for another endpoint."""
    named: Certificate | None = None
    """The one that the settings name."""
    held: frozenset[str] = frozenset()
    """Names that another API of this account and region has."""


def check(stage: Stage, existing: Stack | None) -> Looked:
    """Return what is there for the stage's names. Raises SettingsError, CertificateRefused, NameTaken."""
    domain = stage.settings.domain
    if not domain.names:
        known = certificates.find(stage) if existing and targets(existing) else []
        return Looked(zones={}, certificates=tuple(known))
    if domain.path:
        for name in domain.names:
            _require_domain(name, stage)
        return Looked(zones={}, certificates=())
    found = zones.find(stage)
    resources = _resources_of(existing, stage)
    zones.check_free(found, _zones_of(resources), stage, domain.names)
    named = _check_named(domain.certificate, stage) if domain.certificate else None
    known = certificates.find(stage)
    ours = [each for each in known if certificates.may_serve(each, stage)]
    if not named and not any(each.names == frozenset(domain.names) and each.is_issued for each in ours):
        zones.check_authorities(found, stage)
    return Looked(
        zones=found,
        certificates=tuple(ours),
        elsewhere=tuple(each for each in known if each not in ours),
        named=named,
        held=_find_held(stage, _domains_of(resources)),
    )


@translated(during="looking for the names at other APIs")
def _find_held(stage: Stage, ours: Collection[str]) -> frozenset[str]:
    """Return the names that another API has: no two can, and CloudFormation would fail in the middle."""
    if stage.settings.http.cdn:
        return frozenset()
    gateway = stage.client("apigateway")
    wanted = [name for name in stage.settings.domain.names if name not in ours]
    return frozenset(
        name
        for name in wanted
        if attempt(gateway.get_domain_name, none_if="NotFound", domainName=name) is not None
    )


def _resources_of(existing: Stack | None, stage: Stage) -> Mapping[str, Any]:
    """Return the resources of a stack that serves names; {} of any other: its template is not read."""
    if existing is None or existing.is_new or not targets(existing):
        return {}
    resources: Mapping[str, Any] = stack.fetch_body(existing, stage.account).get("Resources", {})
    return resources


def _domains_of(resources: Mapping[str, Any]) -> set[str]:
    """Return the names for which a stack has a domain of API Gateway."""
    return {each["Properties"]["DomainName"] for each in resources.values() if each["Type"] == DOMAIN}


def _check_named(arn: str, stage: Stage) -> Certificate:
    """Return the certificate that the settings name. Raises CertificateRefused if it is not for the names."""
    found = certificates.read(arn, stage)
    if found is None:
        raise CertificateRefused(
            f"[domain] certificate: there is no {arn} in this account.",
            hint="Name another one, or leave it out: `lambdify deploy` asks for one.",
        )
    if missing := [name for name in stage.settings.domain.names if not found.covers(name)]:
        raise CertificateRefused(
            f"[domain] certificate: it is for {', '.join(sorted(found.names))}, and not for {missing[0]}.",
            hint="Name another one, or leave it out: `lambdify deploy` asks for one.",
        )
    if not found.is_issued:
        raise CertificateRefused(
            f"[domain] certificate: it is not issued, its state is {found.status}.",
            hint="Wait until it is, or leave it out: `lambdify deploy` asks for one.",
        )
    return found


@translated(during="looking for the domain")
def _require_domain(name: str, stage: Stage) -> None:
    gateway = stage.client("apigatewayv2")
    if attempt(gateway.get_domain_name, none_if="NotFound", DomainName=name) is None:
        raise SettingsError(
            f"[domain] path: {name} is no domain of API Gateway in {stage.region}.",
            hint="Leave path out for a name of the stage's own; then lambdify makes it.",
        )


def _zones_of(resources: Mapping[str, Any]) -> dict[str, str]:
    """Return the hosted zones in which a stack has records, by name."""
    records = [each["Properties"] for each in resources.values() if each["Type"] == RECORD]
    return {each["Name"]: each["HostedZoneId"] for each in records if isinstance(each["HostedZoneId"], str)}


def settle(stage: Stage, looked: Looked, console: Console, *, sleep: Sleep) -> Settings:
    """Return the settings with the names that are served, their certificate and zones.

    A certificate is asked for where there is none. It is waited for if all its records are ours; else they
    are told. Raises CertificateRefused.
    """
    settings, domain = stage.settings, stage.settings.domain
    if not domain.names or domain.path:
        return settings
    if looked.held:
        console.warn(
            f"Not served yet: {', '.join(sorted(looked.held))}, which another API of this account has. "
            f"When it is away from there, `{stage.command('deploy')}` takes it up."
        )
    if looked.named:
        return serve(settings, [looked.named], looked)
    certificate = certificates.ensure(looked.certificates, stage, sleep)
    if not certificate.is_issued:
        elsewhere = zones.prove(certificate.records, looked.zones, stage)
        if not elsewhere and certificate.names <= certificate.records.keys():
            with console.step(f"Waiting for the certificate of {', '.join(domain.names)}"):
                certificate = certificates.await_issue(certificate, stage, sleep)
    if not certificate.is_issued:
        _tell_pending(certificate, looked, stage, console)
    others = [each for each in looked.certificates if each.arn != certificate.arn]
    return serve(settings, [*others, certificate], looked)


def foresee(stage: Stage, looked: Looked, console: Console) -> Settings:
    """Return the settings as `settle` would, without asking for anything or waiting."""
    known = [looked.named] if looked.named else looked.certificates
    settled = serve(stage.settings, known, looked)
    if missing := [name for name in stage.settings.domain.names if name not in settled.domain.names]:
        asked = any(each.status == certificates.PENDING for each in known)
        what = "whose certificate is asked for by `deploy`"
        if asked:
            what = "whose certificate waits for its records"
        if looked.held.issuperset(missing):
            what = "which another API of this account has"
        console.note(f"Not among the changes: {', '.join(missing)}, {what}.")
    return settled


def serve(settings: Settings, known: Iterable[Certificate], looked: Looked) -> Settings:
    """Return the settings with the names that the best of the certificates is for."""
    domain = settings.domain
    if not domain.names or domain.path:
        return settings
    best = choose(domain.names, known)
    covered = best.covered(domain.names) if best else ()
    served = tuple(name for name in covered if name not in looked.held)
    return replace(
        settings,
        domain=replace(
            domain,
            names=served,
            certificate=best.arn if best and served else "",
            zones={name: looked.zones[name].id for name in served if name in looked.zones},
            leads=domain.names[0] in served,
        ),
    )


def choose(names: tuple[str, ...], known: Iterable[Certificate]) -> Certificate | None:
    """Return the issued certificate for most of the names, the newest of several; None for none of them."""
    issued = [each for each in known if each.is_issued and each.covered(names)]
    issued.sort(key=lambda each: (len(each.covered(names)), each.names == frozenset(names)))
    return issued[-1] if issued else None


def _tell_pending(certificate: Certificate, looked: Looked, stage: Stage, console: Console) -> None:
    waiting = sorted(certificate.names - certificate.proved)
    console.warn(f"Not served yet: the certificate waits for the records of {', '.join(waiting)}.")
    for name in waiting:
        if name not in looked.zones and name in certificate.records:
            record, value = certificate.records[name]
            console.note(f"Write where the DNS of {name} is: CNAME {record} → {value}")
    then = f"then `{stage.command('deploy')}` takes it up."
    console.note(f"`{stage.command('domain')} --wait` waits until it is issued; {then}")


def finish(
    looked: Looked, settled: Settings, before: Stack | None, deployed: Stack, stage: Stage, console: Console
) -> None:
    """Tell which records somebody has to write, and remove certificates that nobody needs."""
    tell_records(before, deployed, stage, console)
    prune(looked, settled, stage)


def tell_records(before: Stack | None, deployed: Stack, stage: Stage, console: Console) -> None:
    """Tell which records of the names somebody has to write, where that is new."""
    known = targets(before) if before else {}
    new = {name: target for name, target in targets(deployed).items() if known.get(name) != target}
    ours = _zones_of(_resources_of(deployed, stage)) if new else {}
    for name, target in new.items():
        if name not in ours:
            console.note(f"Write where the DNS of {name} is: {describe_record(name, target)}")


def kind_of(name: str) -> str:
    """Return the type of record by which a name leads to a target, for other DNS than Route 53."""
    return "CNAME" if len(name.split(".")) > APEX_PARTS else "ALIAS or ANAME"


def describe_record(name: str, target: str) -> str:
    """Return the record by which a name leads to a target, for other DNS than Route 53."""
    kind = kind_of(name)
    top = "" if kind == "CNAME" else " (or a CNAME, where your DNS flattens it)"
    return f"{kind} {name} → {target}{top}"


def targets(deployed: Stack) -> dict[str, str]:
    """Return the names that a stack serves, and what each has to lead to."""
    found = (
        value.partition(" ")
        for key, value in sorted(deployed.outputs.items())
        if key.startswith(OUTPUT) and key.removeprefix(OUTPUT).isdecimal()
    )
    return {name: target for name, _, target in found}


def prune(looked: Looked, settled: Settings, stage: Stage) -> None:
    """Remove the certificates of the stage that are neither used nor wanted."""
    exact = frozenset() if looked.named else frozenset(stage.settings.domain.names)

    def is_wanted(each: Certificate) -> bool:
        usable = each.status in (certificates.ISSUED, certificates.PENDING)
        return each.arn == settled.domain.certificate or (each.names == exact and usable)

    superseded = [each for each in looked.certificates if not is_wanted(each)]
    certificates.remove([*superseded, *looked.elsewhere], stage)


@dataclass(frozen=True, kw_only=True)
class Left:
    """What stays of the stage's names when it is removed."""

    name: str
    kind: str
    why: str


def remove(stage: Stage, existing: Stack | None, sleep: Sleep) -> tuple[int, list[Left]]:
    """Delete the stage's certificates; return how many, and what stays: their records, those still in use.

    What CloudFront has just given up is in use for some moments more.
    """
    if not (stage.settings.domain.names or (existing and targets(existing))):
        return 0, []
    found = certificates.find(stage)
    used = certificates.remove(found, stage)
    for _ in range(REMOVAL_ATTEMPTS):
        if not used:
            break
        sleep(certificates.PAUSE)
        used = certificates.remove([each for each in found if each.arn in used], stage)
    left = [
        Left(
            name=arn,
            kind="a certificate",
            why=f"it is still in use; `{stage.command('undeploy')}` tries again",
        )
        for arn in used
    ]
    try:
        zoned = zones.find(stage) if found else {}
    except SettingsError:  # the zone is gone, and its records with it
        zoned = {}
    records = {each.records[name][0] for each in found for name in each.records if name in zoned}
    left += [
        Left(name=each, kind="a CNAME record", why="other certificates of that name are renewed by it")
        for each in sorted(records)
    ]
    return len(found) - len(used), left
