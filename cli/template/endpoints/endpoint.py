"""Shared parts of all kinds of endpoints: the value that each returns, and their permissions.

Rules for permissions:
- A service may call the alias only for one resource of this account: the permission has its ARN, or its name
  if the ARN is not known yet.
- A permission has SourceAccount and SourceArn if the service sends both, as load balancers do. API Gateway
  sends only the ARN, which names the account: with SourceAccount, every call would be refused.
  https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lambdify.cli.settings import Settings

Resource = dict[str, Any]


class Metrics(NamedTuple):
    """What CloudWatch counts for an endpoint."""

    namespace: str
    dimensions: Mapping[str, object]
    requests: str
    """The metric of all requests."""
    errors: str
    """The metric of answers with 5xx, which those of functions that failed are, too."""
    latency: str
    """The metric of milliseconds until an answer; "" if there is none."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The resources of an endpoint, its URL, and what is counted for it."""

    resources: Mapping[str, Resource]
    url: object
    """CloudFormation's expression for the URL, without a slash at its end; None if the URL is not known."""
    metrics: Metrics | None = None
    """None if nothing is counted for it alone."""
    origin: object = None
    """The expression for its own URL, if something with another one stands in front; else None."""


def digest(value: object) -> str:
    """Return a digest of twelve letters and digits; logical ids may hold no other characters."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def permission(function: object = None, **properties: object) -> Resource:
    """Return a permission to invoke a function; our alias if no other is named."""
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"FunctionName": function or {"Ref": "Alias"}, **properties},
    }


def gateway_permission(source: str, function: object = None) -> Resource:
    """Return a permission for API Gateway; `source` is the last part of an ARN, such as "${Api}/*"."""
    return permission(
        function,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn={
            "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:" + source,
        },
    )


def invocation_uri(function: str = "") -> Resource:
    """Return the URI by which API Gateway calls our alias, or the function with this ARN."""
    path = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
    if not function:
        return {"Fn::Sub": f"{path}/${{Alias}}/invocations"}
    return {"Fn::Join": ["/", [{"Fn::Sub": path}, function, "invocations"]]}


def only_by_name(settings: Settings) -> Resource:
    """Return the property that takes an API's own address away, where clients have to show a certificate.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
    """
    return {"DisableExecuteApiEndpoint": True} if settings.domain.client_ca else {}


def cors(settings: Settings) -> Resource:
    """Return the CORS configuration, which is the same for HTTP APIs and function URLs."""
    configured = settings.http.cors
    allowed = {
        "AllowOrigins": list(configured.origins),
        "AllowMethods": list(configured.methods),
        "AllowHeaders": list(configured.headers),
        "ExposeHeaders": list(configured.expose),
        "AllowCredentials": configured.credentials,
        "MaxAge": configured.max_age,
    }
    return {name: value for name, value in allowed.items() if value}
