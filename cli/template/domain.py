"""[domain]: names of the stage's own, as resources of its template.

    name ──▶ Domain ── Mapping ──▶ the stage's API       without a CDN, for HTTP and REST APIs
    name ──▶ Distribution                                with one
    RecordA, RecordAAAA ──▶ either, in a hosted zone of ours

Rules:
- The settings say which names are served: cli/domains has left out what waits for its certificate, and has
  put the ARN of the certificate and the hosted zones there. No certificate is made here: one that waits for
  its records would hold the stack for hours, and CloudFront wants it in another region than the stack's.
- Logical ids come from the names, so that others in their order, or one more, replace nothing.
- On a name that exists, [domain] path, there is a mapping alone.
"""

from dataclasses import replace
from typing import Any

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints.endpoint import Endpoint, digest

Resource = dict[str, Any]

HOSTS, PATH = "LAMBDIFY_HOSTS", "LAMBDIFY_PATH"
"""The function's variables with the stage's names, the first before those that lead to it, and the path."""
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of every distribution.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html"""
ANY = "*."
APIS = {"http-api": ("Api", "Stage"), "rest-api": ("RestApi", "RestStage")}
"""Logical ids of an API and of its stage, by the kind of endpoint."""


def served(settings: Settings) -> tuple[str, ...]:
    """Return the names that the template serves."""
    domain = settings.domain
    return domain.names if domain.certificate or domain.path else ()


def variables(settings: Settings) -> dict[str, str]:
    """Return what the adapter has to know: which name leads to which, and the path to take off; mostly {}."""
    names = [name for name in served(settings) if not name.startswith(ANY)]
    path = settings.domain.path
    if not names or not (path or (len(names) > 1 and settings.domain.leads)):
        return {}
    return {
        HOSTS: " ".join(names if settings.domain.leads else names[:1]),
        **({PATH: f"/{path}"} if path else {}),
    }


def place(settings: Settings, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with its names, the first of which is its URL; without any, as it is."""
    names = served(settings)
    if not names:
        # Clients without a certificate would be let in, or none would be: then there is no URL.
        return replace(endpoint, url=None) if settings.domain.client_ca else endpoint
    resources = {**endpoint.resources}
    if not settings.http.cdn:
        for name in names:
            resources |= _mapping(settings, name)
    if not settings.domain.path:
        resources |= _records(settings, names)
    if names[0].startswith(ANY):
        return replace(endpoint, resources=resources)
    address = f"https://{names[0]}/{settings.domain.path}".rstrip("/")
    return replace(endpoint, resources=resources, url=address, origin=endpoint.origin or endpoint.url)


def outputs(settings: Settings) -> dict[str, Resource]:
    """Return an output for each name: the name, and where a record of it has to lead."""
    if settings.domain.path:
        return {}
    return {
        f"Name{number}": {"Fn::Sub": f"{name} ${{{'.'.join(_target(settings, name))}}}"}
        for number, name in enumerate(served(settings))
    }


def aliases(settings: Settings) -> Resource:
    """Return the properties of a distribution with the names."""
    names = served(settings)
    if not names:
        return {}
    certificate = {
        "AcmCertificateArn": settings.domain.certificate,
        "SslSupportMethod": "sni-only",
        "MinimumProtocolVersion": "TLSv1.2_2021",
    }
    return {"Aliases": list(names), "ViewerCertificate": certificate}


def foresee(settings: Settings) -> Settings:
    """Return the settings as they are when all names have their certificate and their zone."""
    chosen = settings.domain
    if not chosen.names or chosen.path:
        return settings
    zones = {} if chosen.zone == "none" else dict.fromkeys(chosen.names, chosen.zone)
    arn = chosen.certificate or "arn:aws:acm:us-east-1:000000000000:certificate/0"
    return replace(settings, domain=replace(chosen, certificate=arn, zones=zones))


def in_zone(settings: Settings) -> Settings:
    """Return the settings with a record for each name, where they name the hosted zone."""
    chosen = settings.domain
    if chosen.zone in ("auto", "none"):
        return settings
    return replace(settings, domain=replace(chosen, zones=dict.fromkeys(chosen.names, chosen.zone)))


def records_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all records that a stage with these names writes, as IAM's conditions have them.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
    """
    plain = dict.fromkeys(name.removeprefix(ANY) for name in names)
    stars = (f"\\052.{name.removeprefix(ANY)}" for name in names if name.startswith(ANY))
    return (*(name for name in names if not name.startswith(ANY)), *stars, *(f"_*.{name}" for name in plain))


def _target(settings: Settings, name: str) -> tuple[str, str]:
    """Return the logical id and the attribute of what a name leads to."""
    return (
        ("Distribution", "DomainName")
        if settings.http.cdn
        else (f"Domain{digest(name)}", "RegionalDomainName")
    )


def _mapping(settings: Settings, name: str) -> dict[str, Resource]:
    """Return an API's domain, and what leads from there to the stage; with a path the latter alone."""
    api, stage = APIS[settings.http.endpoint]
    key, domain = digest(name), settings.domain
    there: object = name if domain.path else {"Ref": f"Domain{key}"}
    mapping = {
        "Type": "AWS::ApiGatewayV2::ApiMapping",
        "Properties": {
            "DomainName": there,
            "ApiId": {"Ref": api},
            "Stage": {"Ref": stage},
            **({"ApiMappingKey": domain.path} if domain.path else {}),
        },
    }
    if domain.path:
        return {f"Mapping{key}": mapping}
    clients = {"MutualTlsAuthentication": {"TruststoreUri": domain.client_ca}} if domain.client_ca else {}
    configuration = {
        "CertificateArn": domain.certificate,
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
        "IpAddressType": "dualstack",
    }
    return {
        f"Domain{key}": {
            "Type": "AWS::ApiGatewayV2::DomainName",
            "Properties": {"DomainName": name, "DomainNameConfigurations": [configuration], **clients},
        },
        f"Mapping{key}": mapping,
    }


def _records(settings: Settings, names: tuple[str, ...]) -> dict[str, Resource]:
    """Return the records of names whose hosted zone is ours, for IPv4 and IPv6."""
    resources: dict[str, Resource] = {}
    for name in names:
        if name not in settings.domain.zones:
            continue
        logical, attribute = _target(settings, name)
        zone = CLOUDFRONT_ZONE if settings.http.cdn else {"Fn::GetAtt": [logical, "RegionalHostedZoneId"]}
        target = {
            "DNSName": {"Fn::GetAtt": [logical, attribute]},
            "HostedZoneId": zone,
            "EvaluateTargetHealth": False,
        }
        for kind in ("A", "AAAA"):
            resources[f"Record{digest(name)}{kind}"] = {
                "Type": "AWS::Route53::RecordSet",
                "Properties": {
                    "HostedZoneId": settings.domain.zones[name],
                    "Name": name,
                    "Type": kind,
                    "AliasTarget": target,
                },
            }
    return resources
