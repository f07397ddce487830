"""The endpoint of a stage, as resources of its template: one function for each kind.

    http-api       API Gateway HTTP API, $default route and stage
    function-url   Lambda's own URL                              can stream
    rest-api       API Gateway REST API, catch-all methods       can stream

Rules:
- Every kind sends all methods and paths to the alias, and may invoke nothing else. All are public: who may
  see what is the app's business.
- The kinds share no logical id, so that switching a stage from one to another makes the new endpoint, moves
  the outputs, and only then removes the old one.
- Whether an endpoint streams is set together with the function's handler (template.py): a function cannot see
  how it is invoked, and a client would be shown the JSON of an answer that the two do not agree on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.settings import Settings

Resource = dict[str, Any]

STAGE = "live"
"""Of a REST API, which has no stage without a name: it is the first part of every path."""
STREAMING_LIMIT = 900
"""Seconds that a REST API waits for the end of a stream.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html"""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What a kind of endpoint adds to a template."""

    resources: Mapping[str, Resource]
    url: object
    """Without a slash at its end, as CloudFormation puts it together."""


def write(settings: Settings, alias: str) -> Endpoint:
    """The endpoint that the settings ask for, in front of the function's alias of that name."""
    match settings.http.endpoint:
        case "http-api":
            return _http_api(settings)
        case "function-url":
            return _function_url(settings, alias)
        case "rest-api":
            return _rest_api(settings)


def digest(value: object) -> str:
    """Twelve letters and digits that change with the value; logical ids may hold nothing else."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _http_api(settings: Settings) -> Endpoint:
    api = {"Ref": "Api"}
    resources = {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": settings.full_name, "ProtocolType": "HTTP"},
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": api,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Ref": "Alias"},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": api,
                "RouteKey": "$default",
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        },
        # The $default stage has no name in the path, so the app's URLs are those that the browser shows.
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": api, "StageName": "$default", "AutoDeploy": True},
        },
        "Permission": _gateway_permission("${Api}/*"),
    }
    return Endpoint(resources=resources, url={"Fn::GetAtt": ["Api", "ApiEndpoint"]})


def _function_url(settings: Settings, alias: str) -> Endpoint:
    resources = {
        "Url": {
            "Type": "AWS::Lambda::Url",
            "DependsOn": "Alias",
            "Properties": {
                "TargetFunctionArn": {"Ref": "Function"},
                "Qualifier": alias,
                "AuthType": "NONE",
                "InvokeMode": "RESPONSE_STREAM" if settings.http.streaming else "BUFFERED",
            },
        },
        # Both, since October 2025: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        "UrlPermission": _permission(
            Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE"
        ),
        "UrlInvokePermission": _permission(
            Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True
        ),
    }
    host = {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": ["Url", "FunctionUrl"]}]}]}
    return Endpoint(resources=resources, url={"Fn::Sub": ["https://${Host}", {"Host": host}]})


def _rest_api(settings: Settings) -> Endpoint:
    api = {"Ref": "RestApi"}
    methods = {
        "RestRoot": _method(settings, {"Fn::GetAtt": ["RestApi", "RootResourceId"]}),
        "RestProxy": _method(settings, {"Ref": "RestPath"}),
    }
    what = {
        "RestApi": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {
                "Name": settings.full_name,
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                # Everything may be binary: the event's flag says what is base64, in both directions.
                "BinaryMediaTypes": ["*/*"],
            },
        },
        "RestPath": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": api,
                "ParentId": {"Fn::GetAtt": ["RestApi", "RootResourceId"]},
                "PathPart": "{proxy+}",
            },
        },
        **methods,
    }
    # A deployment is a picture of the API as it was: it has to be another one when the API changes.
    deployment = f"RestDeployment{digest(what)}"
    resources = {
        **what,
        deployment: {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": list(methods),
            "Properties": {"RestApiId": api},
        },
        "RestStage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": api, "StageName": STAGE, "DeploymentId": {"Ref": deployment}},
        },
        "RestPermission": _gateway_permission(f"${{RestApi}}/{STAGE}/*"),
    }
    url = f"https://${{RestApi}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"
    return Endpoint(resources=resources, url={"Fn::Sub": url})


def _method(settings: Settings, resource: Resource) -> Resource:
    """Every method on one resource of the REST API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """
    call = "2015-03-31/functions/${Alias}/invocations"
    streaming: Resource = {}
    if settings.http.streaming:
        call = "2021-11-15/functions/${Alias}/response-streaming-invocations"
        seconds = min(settings.function.timeout, STREAMING_LIMIT)
        streaming = {"ResponseTransferMode": "STREAM", "TimeoutInMillis": seconds * 1000}
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "RestApi"},
            "ResourceId": resource,
            "HttpMethod": "ANY",
            "AuthorizationType": "NONE",
            "Integration": {
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                "Uri": {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/{call}"},
                **streaming,
            },
        },
    }


def _permission(**properties: object) -> Resource:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"FunctionName": {"Ref": "Alias"}, **properties},
    }


def _gateway_permission(api: str) -> Resource:
    # The ARN names the account. SourceAccount beside it is for ARNs that do not (S3), and refuses every call
    # of a service that does not send it:
    # https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    return _permission(
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn={
            "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:" + api,
        },
    )
