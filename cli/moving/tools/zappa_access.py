"""Zappa's endpoints, and who may call them.

One endpoint is made where Zappa may make two. What kept strangers out and cannot be carried is replaced by
`auth = "iam"`, which lets nobody in without a signature, until its counterpart is written.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lambdify.cli.moving.reading import readings
from lambdify.cli.moving.reading.setting import (
    Keys,
    Setting,
    as_list,
    as_number,
    as_table,
    by_hand,
    carry,
    needless,
)

ENDPOINT = ("http", "endpoint")
_POOL = re.compile(r"arn:[^:]*:cognito-idp:([\w-]+):\d*:userpool/([\w-]+)")


def endpoint(config: Mapping[str, Any]) -> str:
    """Return the kind of endpoint that does what the stage asks for; "" for the default."""
    if _is_private(config) or config.get("api_key_required") or config.get("apigateway_policy"):
        return "rest-api"
    if config.get("function_url_enabled"):
        return readings.OWN_URL
    return "" if _has_gateway(config) else "none"


def _has_gateway(config: Mapping[str, Any]) -> bool:
    return (
        config.get("use_apigateway", True) is not False
        and config.get("apigateway_enabled", True) is not False
    )


def _is_private(config: Mapping[str, Any]) -> bool:
    return "PRIVATE" in as_list(config.get("endpoint_configuration"))


def _endpoint_values(config: Mapping[str, Any]) -> dict[Keys, Any]:
    kind = endpoint(config)
    return {ENDPOINT: kind} if kind else {}


def _gateway(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    if value is not False:
        yield needless(key, "an endpoint is made anyway")
    elif config.get("alb_enabled"):
        yield carry(key, {ENDPOINT: "none"}, "until [http.alb] says which load balancer")
    else:
        yield carry(key, _endpoint_values(config))


def _function_url(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    if not value:
        yield needless(key, "off unless [http] endpoint says so")
    elif endpoint(config) != readings.OWN_URL:
        yield by_hand(key, "lambdify makes one endpoint for a stage, and another setting asks for a REST API")
    else:
        two = "one endpoint, where Zappa also makes an API; its paths have no stage before them"
        yield carry(key, {ENDPOINT: readings.OWN_URL}, two if _has_gateway(config) else "")


def _function_url_config(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    said = as_table(value)
    if not config.get("function_url_enabled"):
        yield needless(key, "function_url_enabled is off")
        return
    if said.get("authorizer") == "AWS_IAM":
        yield carry(f"{key}.authorizer", dict(readings.CLOSED))
    elif "authorizer" in said:
        yield needless(f"{key}.authorizer", "open to everybody by default: [http] auth")
    if "cors" in said:
        names = {
            "origins": "allowedOrigins", "methods": "allowedMethods", "headers": "allowedHeaders",
            "expose": "exposedResponseHeaders", "credentials": "allowCredentials", "max_age": "maxAge",
        }  # fmt: skip
        yield readings.cors(f"{key}.cors", said["cors"], names)


def _cloudfront(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    if value and config.get("function_url_enabled"):
        why = "a new distribution; what its options said about caching, the app's headers say"
        yield carry(key, {("http", "cdn"): True}, why)
    else:
        yield needless(key, "off here")


def _domain(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    yield readings.own_names(key, as_list(value)) if value else needless(key, "off here")


def _certificate_arn(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    why = "lambdify asks for one, in the region where it has to be: [domain] certificate names another"
    yield needless(key, why if value else "off here")


def _function_url_domains(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    if not value or not config.get("function_url_enabled"):
        yield needless(key, "off here")
        return
    found = readings.own_names(
        key, as_list(value), "a CDN has it: the URL of a Lambda has no name of its own"
    )
    yield replace(found, values={**found.values, ("http", "cdn"): True}) if found.values else found


def _cors(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    said = value if isinstance(value, dict) else {}
    names = {
        "origins": "allowed_origin" if "allowed_origin" in said else "allowed_origins",
        "methods": "allowed_methods", "headers": "allowed_headers", "expose": "expose_headers",
        "credentials": "allow_credentials", "max_age": "max_age",
    }  # fmt: skip
    # In the parameters of a REST API, texts stand in quotes of their own: "'*'".
    plain = {name: each.strip("'") if isinstance(each, str) else each for name, each in said.items()}
    yield readings.cors(key, plain if isinstance(value, dict) else value, names)


def _endpoint_configuration(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    if _is_private(config):
        why = f"name the VPC endpoints in [http] vpc_endpoints, and take auth out: {readings.UNTIL_THEN}"
        yield by_hand(key, why, {ENDPOINT: "rest-api", **readings.CLOSED})
    elif "EDGE" in as_list(value):
        yield needless(key, "the endpoint is a regional one; CloudFront before it is yours to make")
    else:
        yield needless(key, "the endpoint is a regional one")


def _policy(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    if not value:
        yield needless(key, "off here")
        return
    why = "write whom it lets in as [http] allow_from or vpc_endpoints, and take auth out"
    yield by_hand(key, f"{why}; {readings.UNTIL_THEN}", {ENDPOINT: "rest-api", **readings.CLOSED})


def _iam(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    yield carry(key, dict(readings.CLOSED)) if value else needless(key, "off by default: [http] auth")


def _api_key(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    if value:
        yield carry(
            key,
            {ENDPOINT: "rest-api", ("http", "api_key"): True},
            "for every path; its paths begin with /live",
        )
    else:
        yield needless(key, "off by default: [http] api_key")


def _authorizer(key: str, value: Any, config: Mapping[str, Any]) -> Iterator[Setting]:
    said = as_table(value)
    if not said:
        yield needless(key, "off here")
    elif config.get("iam_authorization"):
        yield needless(key, "Zappa leaves it out where iam_authorization is set")
    elif str(said.get("type", "")).upper() == "COGNITO_USER_POOLS":
        yield _cognito(key, said)
    elif arn := said.get("arn"):
        remember = as_number(said.get("result_ttl", 300))
        values: dict[Keys, Any] = {
            ("http", "authorizer", "function"): arn,
            ("http", "authorizer", "remember"): remember,
        }
        for name in sorted({"token_header", "validation_expression"} & said.keys()):
            yield by_hand(f"{key}.{name}", "the authorizer gets the whole request: let it look there itself")
        yield carry(
            key, {("http", "auth"): "lambda", **values}, "an HTTP API sends it requests of the format 2.0"
        )
    else:
        where = 'write its ARN into [http.authorizer], with auth = "lambda"'
        why = f"deploy it as a function of its own and {where}; {readings.UNTIL_THEN}"
        yield by_hand(key, why, readings.CLOSED)


def _cognito(key: str, said: Mapping[str, Any]) -> Setting:
    pool = _POOL.search(" ".join(map(str, as_list(said.get("provider_arns")))))
    issuer = f"https://cognito-idp.{pool[1]}.amazonaws.com/{pool[2]}" if pool else "https://..."
    table = f'in [http.jwt], issuer = "{issuer}" and the ids of the clients as audience'
    why = f'write auth = "jwt" and, {table}; {readings.UNTIL_THEN}'
    return by_hand(key, why, readings.CLOSED)


def _access_logs(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    if value in (None, False, "OFF"):
        yield needless(key, "off by default: [http] access_logs")
    else:
        yield carry(key, {("http", "access_logs"): True}, "a line for each request")


def _load_balancer(key: str, value: Any, _: Mapping[str, Any]) -> Iterator[Setting]:
    if value:
        yield by_hand(key, '[http] endpoint = "alb" joins a load balancer that exists, where Zappa makes one')
    else:
        yield needless(key, "off here")


def _route53(key: str, _: Any, __: Mapping[str, Any]) -> Iterator[Setting]:
    yield needless(key, "[domain] zone says where records are written")


HANDLERS: Mapping[str, Callable[[str, Any, Mapping[str, Any]], Iterator[Setting]]] = {
    "apigateway_enabled": _gateway,
    "use_apigateway": _gateway,
    "function_url_enabled": _function_url,
    "function_url_config": _function_url_config,
    "function_url_cloudfront_config": _cloudfront,
    "domain": _domain,
    "certificate_arn": _certificate_arn,
    "function_url_domains": _function_url_domains,
    "cors": _cors,
    "endpoint_configuration": _endpoint_configuration,
    "apigateway_policy": _policy,
    "iam_authorization": _iam,
    "api_key_required": _api_key,
    "authorizer": _authorizer,
    "cloudwatch_log_level": _access_logs,
    "alb_enabled": _load_balancer,
    "route53_enabled": _route53,
}
