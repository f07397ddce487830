"""An API Gateway REST API: catch-all methods, a stage, and features of REST APIs alone. It can stream.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-rest-api.html
"""

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints import access_logs
from lambdify.cli.template.endpoints.endpoint import (
    Endpoint,
    Metrics,
    Resource,
    digest,
    gateway_permission,
    invocation_uri,
    only_by_name,
)

API = {"Ref": "RestApi"}
STAGE = "live"
"""A stage of a REST API always has a name, which is the first part of every path."""
STREAMING_LIMIT = 900
"""Seconds that a REST API waits for the end of a stream.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html"""


def write(settings: Settings, _: str) -> Endpoint:
    """Return the API, which calls the alias."""
    methods = {
        "RestRoot": _method(settings, {"Fn::GetAtt": ["RestApi", "RootResourceId"]}),
        "RestProxy": _method(settings, {"Ref": "RestPath"}),
    }
    what = {"RestApi": _api(settings), "RestPath": _path(), **_authorizer(settings), **methods}
    # A deployment is a snapshot of the API, so a changed API needs another one.
    deployment = f"RestDeployment{digest(what)}"
    resources = {
        **what,
        deployment: {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": list(methods),
            "Properties": {"RestApiId": API},
        },
        **access_logs.write(settings, "RestLog"),
        "RestStage": _stage(settings, deployment),
        **_keys(settings),
        **_authorizer_permission(settings),
        "RestPermission": gateway_permission(f"${{RestApi}}/{STAGE}/*"),
    }
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    metrics = Metrics("AWS/ApiGateway", {"ApiName": settings.full_name}, "Count", "5XXError", "Latency")
    return Endpoint(resources=resources, url={"Fn::Sub": _url(settings)}, metrics=metrics)


def _url(settings: Settings) -> str:
    # This host of a private API resolves to the VPC endpoint, with or without private DNS in the VPC.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-api-test-invoke-url.html
    host = "-".join(["${RestApi}", *settings.http.vpc_endpoints[:1]])
    return f"https://{host}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"


def _api(settings: Settings) -> Resource:
    private = settings.http.vpc_endpoints
    private_endpoint: Resource = {"Types": ["PRIVATE"], "VpcEndpointIds": list(private)}
    properties: Resource = {
        "Name": settings.full_name,
        "EndpointConfiguration": private_endpoint if private else {"Types": ["REGIONAL"]},
        # Every body may be binary: a flag of the event, and one of the response, says what is base64.
        "BinaryMediaTypes": ["*/*"],
    }
    properties |= only_by_name(settings)
    if statements := _statements(settings):
        properties["Policy"] = {"Version": "2012-10-17", "Statement": statements}
    return {"Type": "AWS::ApiGateway::RestApi", "Properties": properties}


def _statements(settings: Settings) -> list[Resource]:
    """Return the statements of the API's policy. Others are denied explicitly, or IAM could still allow them.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
    """
    http = settings.http
    conditions: list[Resource] = []
    if http.vpc_endpoints:
        conditions.append({"StringNotEquals": {"aws:SourceVpce": list(http.vpc_endpoints)}})
    if http.allow_from:
        address = "aws:VpcSourceIp" if http.vpc_endpoints else "aws:SourceIp"
        conditions.append({"NotIpAddress": {address: list(http.allow_from)}})
    if not conditions:
        return []
    # API Gateway puts the API's own ARN before it: https://docs.aws.amazon.com/apigateway/latest/developerguide/
    # apigateway-resource-policies-create-attach.html
    call = {"Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    # If callers sign, "*" would mean everybody with an AWS account.
    ours = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    allowed = {"Effect": "Allow", "Principal": ours if http.auth == "iam" else "*", **call}
    denied = [
        {"Effect": "Deny", "Principal": "*", **call, "Condition": condition} for condition in conditions
    ]
    return [allowed, *denied]


def _path() -> Resource:
    return {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": {
            "RestApiId": API,
            "ParentId": {"Fn::GetAtt": ["RestApi", "RootResourceId"]},
            "PathPart": "{proxy+}",
        },
    }


def _method(settings: Settings, resource: Resource) -> Resource:
    """Return the method that takes every HTTP method on one resource."""
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": API,
            "ResourceId": resource,
            "HttpMethod": "ANY",
            **_authorization(settings),
            **({"ApiKeyRequired": True} if settings.http.api_key else {}),
            "Integration": {
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                **_call(settings),
            },
        },
    }


def _call(settings: Settings) -> Resource:
    """Return the properties that say how the alias is called.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """
    if not settings.http.streaming:
        return {"Uri": invocation_uri()}
    call = "2021-11-15/functions/${Alias}/response-streaming-invocations"
    seconds = min(settings.function.timeout, STREAMING_LIMIT)
    return {
        "Uri": {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/{call}"},
        "ResponseTransferMode": "STREAM",
        "TimeoutInMillis": seconds * 1000,
    }


def _authorization(settings: Settings) -> Resource:
    match settings.http.auth:
        case "iam":
            return {"AuthorizationType": "AWS_IAM"}
        case "lambda":
            return {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "RestAuthorizer"}}
    return {"AuthorizationType": "NONE"}


def _authorizer(settings: Settings) -> dict[str, Resource]:
    """Return the authorizer that is a function, which answers with a policy.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
    """
    if settings.http.auth != "lambda":
        return {}
    authorizer = settings.http.authorizer
    properties: Resource = {
        "RestApiId": API,
        "Name": "function",
        "Type": "REQUEST",
        "AuthorizerUri": invocation_uri(authorizer.function),
        "AuthorizerResultTtlInSeconds": authorizer.remember,
    }
    if authorizer.remember:
        # The header that identifies a cached answer. A request without it is refused without a call.
        properties["IdentitySource"] = "method.request.header.Authorization"
    return {"RestAuthorizer": {"Type": "AWS::ApiGateway::Authorizer", "Properties": properties}}


def _authorizer_permission(settings: Settings) -> dict[str, Resource]:
    if settings.http.auth != "lambda":
        return {}
    source = "${RestApi}/authorizers/${RestAuthorizer}"
    return {"RestAuthorizerPermission": gateway_permission(source, settings.http.authorizer.function)}


def _stage(settings: Settings, deployment: str) -> Resource:
    http = settings.http
    properties: Resource = {"RestApiId": API, "StageName": STAGE, "DeploymentId": {"Ref": deployment}}
    if http.rate:
        every = {"HttpMethod": "*", "ResourcePath": "/*"}
        limits = {"ThrottlingRateLimit": http.rate, "ThrottlingBurstLimit": http.burst}
        properties["MethodSettings"] = [{**every, **limits}]
    if logs := access_logs.destination(settings, "RestLog"):
        properties["AccessLogSetting"] = logs
    return {"Type": "AWS::ApiGateway::Stage", "Properties": properties}


def _keys(settings: Settings) -> dict[str, Resource]:
    """Return one API key, which API Gateway generates, and the usage plan that ties it to the stage."""
    if not settings.http.api_key:
        return {}
    stage = {"ApiId": API, "Stage": {"Ref": "RestStage"}}
    plan = {"UsagePlanName": settings.full_name, "ApiStages": [stage]}
    pair = {"KeyId": {"Ref": "RestKey"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "RestPlan"}}
    return {
        "RestKey": {
            "Type": "AWS::ApiGateway::ApiKey",
            "Properties": {"Name": settings.full_name, "Enabled": True},
        },
        "RestPlan": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": plan},
        "RestPlanKey": {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": pair},
    }
