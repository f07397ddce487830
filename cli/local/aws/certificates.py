"""Certificates of the local cloud wait for their records, as on AWS; ministack issues each at once.

A name is proved when its CNAME is in a hosted zone of the local account. What is in the DNS of others never
is: so a stage whose records are told, and not written, waits here as well, until somebody writes them.

Runs in ministack's own environment: see ministack_bridge.py.
"""

from typing import Any

from ministack.core import responses
from ministack.services import acm, apigateway_v1, cloudfront, route53

from lambdify.cli.local.events.replacement import replace

PENDING, ISSUED = "PENDING_VALIDATION", "ISSUED"
BEFORE_ISSUE = ("IssuedAt", "NotBefore", "NotAfter")
"""What a certificate does not have yet while it is pending."""


def install() -> None:
    """Let certificates wait, requests be told apart by their tokens, and what is in use stay."""
    originals = {}
    for each in (_request_certificate, _cert_shape, _list_certificates, _delete_certificate):
        originals[each.__name__] = replace(acm, each.__name__, each)
    _originals.update(originals)


_originals: dict[str, Any] = {}
_tokens: dict[tuple[str, str, str], str] = {}
"""The certificate of each request, by account, region and token."""


def _has_record(wanted: dict[str, str]) -> bool:
    name, value = (wanted[key].rstrip(".").lower() for key in ("Name", "Value"))
    return any(
        each["Type"] == "CNAME"
        and each["Name"].rstrip(".").lower() == name
        and value in [one.rstrip(".").lower() for one in each.get("ResourceRecords", ())]
        for records in route53._records.values()
        for each in records
    )


def _look(certificate: dict[str, Any]) -> None:
    """Bring the state of a certificate up to date. One that was issued stays so when its records go."""
    if certificate.get("Type") != "AMAZON_ISSUED" or certificate.get("_issued"):
        return
    for option in certificate["DomainValidationOptions"]:
        option["ValidationStatus"] = "SUCCESS" if _has_record(option["ResourceRecord"]) else PENDING
    states = {option["ValidationStatus"] for option in certificate["DomainValidationOptions"]}
    certificate["_issued"] = states == {"SUCCESS"}
    certificate["Status"] = ISSUED if certificate["_issued"] else PENDING


def _request_certificate(data: dict[str, Any]) -> Any:
    token = (responses.get_account_id(), responses.get_region(), data.get("IdempotencyToken") or "")
    if token[2] and _tokens.get(token) in acm._certificates:
        return acm.json_response({"CertificateArn": _tokens[token]})
    before = set(acm._certificates)
    answer = _originals["_request_certificate"](data)
    for arn in set(acm._certificates) - before:
        _tokens[token] = arn
        _look(acm._certificates[arn])
    return answer


def _cert_shape(cert: dict[str, Any]) -> Any:
    _look(cert)
    shaped = _originals["_cert_shape"](cert)
    gone = BEFORE_ISSUE if cert["Status"] != ISSUED else ()
    return {name: value for name, value in shaped.items() if name not in gone}


def _list_certificates(data: dict[str, Any]) -> Any:
    for certificate in acm._certificates.values():
        _look(certificate)
    return _originals["_list_certificates"](data)


def _delete_certificate(data: dict[str, Any]) -> Any:
    arn = data.get("CertificateArn", "")
    users = [*apigateway_v1._domain_names.values(), *cloudfront._distributions.values()]
    if arn and any(arn in str(each) for each in users):
        return acm.error_response_json("ResourceInUseException", f"Certificate {arn} is in use.", 400)
    return _originals["_delete_certificate"](data)
