"""A function URL for the alias. It can stream.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints.endpoint import Endpoint, Metrics, Resource, cors, permission


def write(settings: Settings, alias: str) -> Endpoint:
    """Return the function URL of the alias of that name."""
    resources = {
        "Url": {
            "Type": "AWS::Lambda::Url",
            "DependsOn": "Alias",
            "Properties": {
                "TargetFunctionArn": {"Ref": "Function"},
                "Qualifier": alias,
                "AuthType": "AWS_IAM" if settings.http.auth == "iam" else "NONE",
                **({"Cors": cors(settings)} if settings.http.cors.origins else {}),
                "InvokeMode": "RESPONSE_STREAM" if settings.http.streaming else "BUFFERED",
            },
        },
        **_permissions(settings),
    }
    host = {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": ["Url", "FunctionUrl"]}]}]}
    # https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
    counted = {"FunctionName": {"Ref": "Function"}}
    metrics = Metrics("AWS/Lambda", counted, "UrlRequestCount", "Url5xxCount", "UrlRequestLatency")
    url = {"Fn::Sub": ["https://${Host}", {"Host": host}]}
    return Endpoint(resources=resources, url=url, metrics=metrics)


def _permissions(settings: Settings) -> dict[str, Resource]:
    """Return the two permissions for public calls; {} if callers sign.

    Both are needed since October 2025: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    if settings.http.auth == "iam":
        # The policies of the callers decide who may call; they have to allow both actions.
        return {}
    return {
        "UrlPermission": permission(
            Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE"
        ),
        "UrlInvokePermission": permission(
            Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True
        ),
    }
