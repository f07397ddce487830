"""[http] cdn: a CloudFront distribution in front of the endpoint, as resources of the stage's template.

    visitor ──▶ Distribution ─┬─ paths of files ─▶ the bucket of static files, read by FilesAccess alone
                              └────── Viewer ────▶ the stage's endpoint, with the visitor's host and client

Rules:
- The endpoint needs its own Host header, so a function at the edge says in headers which host and client the
  visitor has. adapter/in_front/cdn.py believes them beside a secret that the distribution adds: the random
  part of the stack's id. CloudFormation knows it on both sides, so it is in no template and no parameter.
- There is no circle: the distribution names the endpoint, and the function is told nothing of the former.
- Files are kept for as long as their headers say. No error of an origin becomes a page: that would hold for
  the app's errors as well.
- Responses of the app are not kept at the edge: one mistake there shows a user another's page.
- Managed policies alone: an account has room for 20 of its own.
  https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
"""

import hashlib
from dataclasses import replace
from typing import Any

from lambdify.cli.artifacts.published import Static
from lambdify.cli.settings import Settings
from lambdify.cli.template import domain
from lambdify.cli.template.endpoints import rest_api
from lambdify.cli.template.endpoints.endpoint import Endpoint

Resource = dict[str, Any]

DISTRIBUTION = "AWS::CloudFront::Distribution"
VARIABLE, ALONE = "LAMBDIFY_CDN", "LAMBDIFY_CDN_ALONE"
"""The function's environment variables: the secret, and that nobody is let in without it."""
HEADER = "x-lambdify-cdn"
SECRET = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html"""
VIEWER = """\
function handler(event) {
  var request = event.request;
  request.headers['x-forwarded-host'] = { value: request.headers.host.value };
  request.headers['x-lambdify-client'] = { value: event.viewer.ip };
  return request;
}
"""
"""It replaces what the visitor has sent under these names."""
PRICE_CLASSES = {"all": "PriceClass_All", "200": "PriceClass_200", "100": "PriceClass_100"}
LONGEST_NAME = 64
LONGEST_REGION = 15
"""Characters of a region's name with a hyphen before it: "-ap-southeast-7"."""
SHORTEST_WAIT, LONGEST_WAIT = 30, 120
"""Seconds that CloudFront waits for the endpoint: at least as long as an HTTP API waits for the function.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html"""


def variables(settings: Settings) -> dict[str, Any]:
    """Return the variables by which the adapter knows the secret, and whom to let in; {} without a CDN.

    Past the CDN nobody meets its web ACL, so with one the function lets in nobody who comes that way.
    """
    if not settings.http.cdn:
        return {}
    return {VARIABLE: SECRET, **({ALONE: "1"} if settings.cdn.web_acl else {})}


def find_secret(stack: str) -> str:
    """Return the secret in the id of a stack."""
    return stack.split("/")[2]


def place(settings: Settings, endpoint: Endpoint, static: Static | None) -> Endpoint:
    """Return the endpoint behind a distribution, whose URL is the stage's then; without a CDN, as it is."""
    if not settings.http.cdn:
        return endpoint
    resources = {
        **endpoint.resources,
        **({"FilesAccess": _access(settings)} if static else {}),
        "Viewer": _viewer(settings),
        "Distribution": {
            "Type": DISTRIBUTION,
            "Properties": {"DistributionConfig": _config(settings, endpoint.url, static)},
        },
    }
    url = {"Fn::Sub": "https://${Distribution.DomainName}"}
    return replace(endpoint, resources=resources, url=url, origin=endpoint.url)


def global_name(settings: Settings, region: str = "${AWS::Region}") -> str:
    """Return the name of what belongs to the account and no region: another one for each stage and region."""
    name, longest = settings.full_name, LONGEST_NAME - LONGEST_REGION
    if len(name) > longest:
        name = f"{name[: longest - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}-{region}"


def _viewer(settings: Settings) -> Resource:
    return {
        "Type": "AWS::CloudFront::Function",
        "Properties": {
            "Name": {"Fn::Sub": global_name(settings)},
            "AutoPublish": True,
            "FunctionConfig": {
                "Comment": "The host and the client, for the app",
                "Runtime": "cloudfront-js-2.0",
            },
            "FunctionCode": VIEWER,
        },
    }


def _access(settings: Settings) -> Resource:
    """Return what CloudFront signs its questions to the bucket by."""
    config = {
        "Name": {"Fn::Sub": global_name(settings)},
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    return {
        "Type": "AWS::CloudFront::OriginAccessControl",
        "Properties": {"OriginAccessControlConfig": config},
    }


def _files(static: Static) -> Resource:
    """Return the bucket as an origin."""
    return {
        "Id": "files",
        "DomainName": {"Fn::Sub": f"{static.bucket}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}"},
        "OriginPath": static.folder,
        "OriginAccessControlId": {"Fn::GetAtt": ["FilesAccess", "Id"]},
        # It has to be there, and empty, where an origin access control is used.
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }


def _behavior(path: str) -> Resource:
    return {
        "PathPattern": path,
        "TargetOriginId": "files",
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
        "CachePolicyId": CACHING_OPTIMIZED,
        "Compress": True,
    }


def _config(settings: Settings, url: object, static: Static | None) -> Resource:
    return {
        "Comment": f"{settings.full_name}, made by lambdify",
        "Enabled": True,
        "HttpVersion": "http2and3",
        "IPV6Enabled": True,
        "PriceClass": PRICE_CLASSES[settings.cdn.price_class],
        **({"WebACLId": settings.cdn.web_acl} if settings.cdn.web_acl else {}),
        **domain.aliases(settings),
        "Origins": [_app(settings, url), *([_files(static)] if static else [])],
        **({"CacheBehaviors": [_behavior(each) for each in static.paths]} if static else {}),
        "DefaultCacheBehavior": {
            "TargetOriginId": "app",
            "ViewerProtocolPolicy": "redirect-to-https",
            "AllowedMethods": ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"],
            "CachePolicyId": CACHING_DISABLED,
            "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
            "FunctionAssociations": [
                {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["Viewer", "FunctionARN"]}}
            ],
        },
    }


def _app(settings: Settings, url: object) -> Resource:
    """Return the endpoint as an origin."""
    stage = {"OriginPath": f"/{rest_api.STAGE}"} if settings.http.endpoint == "rest-api" else {}
    return {
        "Id": "app",
        "DomainName": {"Fn::Select": [2, {"Fn::Split": ["/", url]}]},
        **stage,
        "CustomOriginConfig": {
            "OriginProtocolPolicy": "https-only",
            "OriginSSLProtocols": ["TLSv1.2"],
            "OriginReadTimeout": min(max(settings.function.timeout, SHORTEST_WAIT), LONGEST_WAIT),
            "OriginKeepaliveTimeout": SHORTEST_WAIT,
        },
        "OriginCustomHeaders": [{"HeaderName": HEADER, "HeaderValue": SECRET}],
    }
