"""What of [domain] may not be together, and what AWS would refuse in the middle of a deployment."""

from collections.abc import Iterator
from typing import Any

from lambdify.cli.errors import SettingsError

Settings = Any
"""The settings of a stage. Their module imports this one, which so cannot name their class."""
ANY = "*."
CDN_REGION = "us-east-1"
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html"""
LONGEST_LABEL, LONGEST_NAME = 63, 253
"""https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4"""
LONGEST_FIRST = 64
"""Characters of the first name of a certificate.
https://docs.aws.amazon.com/acm/latest/userguide/acm-bestpractices.html"""


def check(settings: Settings) -> Iterator[SettingsError]:
    """Yield what is wrong with [domain]."""
    domain = settings.domain
    if not domain.names:
        for option in ("certificate", "path", "client_ca"):
            if getattr(domain, option):
                yield SettingsError(
                    f"[domain] {option}: there is no name that it would be for.",
                    hint='Set names = ["shop.example"], or leave it out.',
                )
        return
    yield from _endpoint(settings)
    yield from _names(domain.names)
    yield from _path(settings)
    yield from _client_ca(settings)


def check_region(settings: Settings, region: str) -> None:
    """Raise SettingsError for a certificate that is in another region than the one that is asked for it."""
    arn = settings.domain.certificate
    if not arn or not settings.domain.names:
        return
    there, wanted = arn.split(":")[3], region_of_certificates(settings, region)
    if there != wanted:
        takes = (
            f"CloudFront takes those of {CDN_REGION}"
            if settings.http.cdn
            else f"an API takes those of its own region, {wanted}"
        )
        raise SettingsError(
            f"[domain] certificate: {takes}, and this is of {there}.",
            hint=f"Name one of {wanted}, or leave certificate out: `lambdify deploy` asks for one there.",
        )


def region_of_certificates(settings: Settings, region: str) -> str:
    """Return the region in which the certificate of the stage's names has to be."""
    return CDN_REGION if settings.http.cdn else region


def _endpoint(settings: Settings) -> Iterator[SettingsError]:
    http = settings.http
    if http.endpoint == "function-url" and not http.cdn:
        yield SettingsError(
            "[domain] names: a function URL has no name of its own.", hint="Set [http] cdn = true."
        )
    if http.endpoint == "alb":
        yield SettingsError(
            '[domain] names with endpoint = "alb": the listener has the names.',
            hint="Leave [domain] out; [http.alb] hosts says which of them are for this stage.",
        )
    if http.endpoint == "none":
        yield SettingsError(
            '[domain] names: with endpoint = "none" there is nothing that they could lead to.',
            hint='Leave [domain] out, or set endpoint = "http-api".',
        )
    if http.vpc_endpoints:
        yield SettingsError(
            "[domain] names with vpc_endpoints: a private API has the names of its VPC endpoints.",
            hint="Leave out one of the two.",
        )


def _names(names: tuple[str, ...]) -> Iterator[SettingsError]:
    if names[0].startswith(ANY):
        yield SettingsError(
            f'[domain] names: "{names[0]}" is many names, and the first one is the address of the stage.',
            hint=f'Put a single name before it: names = ["www.{names[0][2:]}", "{names[0]}"].',
        )
    for name in names:
        if names.count(name) > 1:
            yield SettingsError(f'[domain] names: "{name}" is there twice.', hint="Leave out one of the two.")
        if len(name) > LONGEST_NAME or any(len(label) > LONGEST_LABEL for label in name.split(".")):
            yield SettingsError(
                f'[domain] names: "{name}" is too long.',
                hint=f"A name has {LONGEST_NAME} characters at most, and {LONGEST_LABEL} between two dots.",
            )
    if len(names[0]) > LONGEST_FIRST:
        yield SettingsError(
            f'[domain] names: "{names[0]}" has {len(names[0])} characters, and the first name of a '
            f"certificate {LONGEST_FIRST} at most.",
            hint="Put a shorter one first.",
        )


def _path(settings: Settings) -> Iterator[SettingsError]:
    domain = settings.domain
    if not domain.path:
        return
    if settings.http.cdn:
        yield SettingsError(
            "[domain] path with [http] cdn = true: a CDN has its names to itself.",
            hint="Leave out one of the two.",
        )
    given = [option for option in ("certificate", "client_ca") if getattr(domain, option)]
    if domain.zone not in ("auto", "none"):
        given.append("zone")
    for option in given:
        yield SettingsError(
            f"[domain] path with {option}: the name exists, and only a path of it leads here.",
            hint=f"Leave {option} out, or path, for a name of the stage's own.",
        )
    if any(name.startswith(ANY) for name in domain.names):
        yield SettingsError(
            '[domain] path with a name that begins with "*.": a path is taken off the names that are known.',
            hint="Name each of them.",
        )


def _client_ca(settings: Settings) -> Iterator[SettingsError]:
    if settings.domain.client_ca and settings.http.cdn:
        yield SettingsError(
            "[domain] client_ca with [http] cdn = true: the certificates of clients would end at the CDN.",
            hint="Leave out one of the two.",
        )
