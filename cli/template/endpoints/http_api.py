"""An API Gateway HTTP API: a $default route and a $default stage.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints import access_logs
from lambdify.cli.template.endpoints.endpoint import (
    Endpoint,
    Metrics,
    Resource,
    cors,
    gateway_permission,
    invocation_uri,
    only_by_name,
)

API = {"Ref": "Api"}
TARGET = {"Fn::Sub": "integrations/${Integration}"}
AUTHORIZATION_HEADER = "$request.header.Authorization"


def write(settings: Settings, _: str) -> Endpoint:
    """Return the API, which calls the alias."""
    resources = {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": settings.full_name,
                "ProtocolType": "HTTP",
                **only_by_name(settings),
                **({"CorsConfiguration": cors(settings)} if settings.http.cors.origins else {}),
            },
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": API,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Ref": "Alias"},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": _route("$default", **_authorization(settings)),
        **_preflight(settings),
        **access_logs.write(settings, "ApiLog"),
        "Stage": _stage(settings),
        **_authorizer(settings),
        "Permission": gateway_permission("${Api}/*"),
    }
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    metrics = Metrics("AWS/ApiGateway", {"ApiId": API}, "Count", "5xx", "Latency")
    return Endpoint(resources=resources, url={"Fn::GetAtt": ["Api", "ApiEndpoint"]}, metrics=metrics)


def _route(key: str, **authorization: object) -> Resource:
    return {
        "Type": "AWS::ApiGatewayV2::Route",
        "Properties": {"ApiId": API, "RouteKey": key, **authorization, "Target": TARGET},
    }


def _stage(settings: Settings) -> Resource:
    http = settings.http
    # The $default stage adds no name to the path, so the app sees the same paths as the browser.
    properties: Resource = {"ApiId": API, "StageName": "$default", "AutoDeploy": True}
    if http.rate:
        properties["DefaultRouteSettings"] = {
            "ThrottlingRateLimit": http.rate,
            "ThrottlingBurstLimit": http.burst,
        }
    if logs := access_logs.destination(settings, "ApiLog"):
        properties["AccessLogSettings"] = logs
    return {"Type": "AWS::ApiGatewayV2::Stage", "Properties": properties}


def _preflight(settings: Settings) -> dict[str, Resource]:
    """Return routes for CORS preflight requests, which browsers send without credentials.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
    """
    if not settings.http.cors.origins or settings.http.auth == "none":
        return {}
    return {"PreflightRoot": _route("OPTIONS /"), "PreflightProxy": _route("OPTIONS /{proxy+}")}


def _authorization(settings: Settings) -> Resource:
    match settings.http.auth:
        case "iam":
            return {"AuthorizationType": "AWS_IAM"}
        case "jwt":
            return {"AuthorizationType": "JWT", "AuthorizerId": {"Ref": "TokenAuthorizer"}}
        case "lambda":
            return {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Authorizer"}}
    return {}


def _authorizer(settings: Settings) -> dict[str, Resource]:
    """Return the authorizer. Each kind has its own id, so a new one is created before the old one goes."""
    match settings.http.auth:
        case "jwt":
            return {"TokenAuthorizer": _tokens(settings)}
        case "lambda":
            function = settings.http.authorizer.function
            allowed = gateway_permission("${Api}/authorizers/${Authorizer}", function)
            return {"Authorizer": _function(settings), "AuthorizerPermission": allowed}
    return {}


def _tokens(settings: Settings) -> Resource:
    jwt = settings.http.jwt
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": API,
            "Name": "tokens",
            "AuthorizerType": "JWT",
            "IdentitySource": [AUTHORIZATION_HEADER],
            "JwtConfiguration": {"Issuer": jwt.issuer, "Audience": list(jwt.audience)},
        },
    }


def _function(settings: Settings) -> Resource:
    """Return the authorizer that is a function, which answers {"isAuthorized": true} or false.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """
    authorizer = settings.http.authorizer
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": API,
            "Name": "function",
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": invocation_uri(authorizer.function),
            "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True,
            "AuthorizerResultTtlInSeconds": authorizer.remember,
            # The header that identifies a cached answer. A request without it is refused without a call.
            **({"IdentitySource": [AUTHORIZATION_HEADER]} if authorizer.remember else {}),
        },
    }
