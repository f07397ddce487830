"""What all kinds of endpoints are made of: the value that each gives back, and the rights they need.

Rules for rights:
- A service may call the alias for one resource of this account: its ARN is in the permission. Of a resource
  whose ARN is only known later, the name is.
- SourceAccount stands beside SourceArn where the service sends both, which load balancers do. API Gateway
  sends the ARN alone, which names the account: with SourceAccount beside it, every call would be refused.
  https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.settings import Settings

Resource = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What a kind of endpoint adds to a template."""

    resources: Mapping[str, Resource]
    url: object
    """Without a slash at its end, as CloudFormation puts it together; None where there is none to know."""


def digest(value: object) -> str:
    """Twelve letters and digits that change with the value; logical ids may hold nothing else."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def permission(function: object = None, **properties: object) -> Resource:
    """A right to call a function; our alias if no other is named."""
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"FunctionName": function or {"Ref": "Alias"}, **properties},
    }


def gateway_permission(source: str, function: object = None) -> Resource:
    """A right for API Gateway; `source` is the last part of an ARN, such as "${Api}/*"."""
    return permission(
        function,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn={
            "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:" + source,
        },
    )


def invocation_uri(function: str = "") -> Resource:
    """How API Gateway names a function that it calls: our alias, or what has this ARN."""
    path = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
    if not function:
        return {"Fn::Sub": f"{path}/${{Alias}}/invocations"}
    return {"Fn::Join": ["/", [{"Fn::Sub": path}, function, "invocations"]]}


def cors(settings: Settings) -> Resource:
    """What browsers are answered, in the words that HTTP APIs and function URLs share."""
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
