"""What the local cloud has for a stage with names of its own: a hosted zone, as if DNS were here.

Names that somebody else's DNS has, zone = "none", get none: then their certificate waits, as on AWS.
"""

from dataclasses import replace
from uuid import uuid4

from lambdify.cli.aws import attempt, translated
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage

PARTS = 2
"""Parts of the name of a zone: "shop.example"."""


def prepare(settings: Settings) -> Settings:
    """Return the settings without what is on AWS alone: a certificate, and the id of a zone."""
    domain = settings.domain
    zone = "none" if domain.zone == "none" else "auto"
    return replace(settings, domain=replace(domain, certificate="", zone=zone))


@translated(during="making a hosted zone in the local cloud")
def ensure(stage: Stage) -> None:
    """Make a hosted zone for each name that is in none, and the domain of a path that is to exist."""
    domain = stage.settings.domain
    if domain.path:
        gateway = stage.client("apigatewayv2")
        for name in domain.names:
            if attempt(gateway.get_domain_name, none_if="NotFound", DomainName=name) is None:
                gateway.create_domain_name(DomainName=name)
    elif domain.zone != "none":
        route53 = stage.client("route53")
        pages = route53.get_paginator("list_hosted_zones").paginate()
        there = {each["Name"].rstrip(".") for page in pages for each in page["HostedZones"]}
        for name in domain.names:
            labels = name.removeprefix("*.").split(".")
            if not any(".".join(labels[start:]) in there for start in range(len(labels))):
                zone = ".".join(labels[-PARTS:])
                route53.create_hosted_zone(Name=zone, CallerReference=str(uuid4()))
                there.add(zone)
