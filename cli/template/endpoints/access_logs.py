"""Access logs: a line of JSON for each request, in a log group of its own.

Rules:
- A path is logged without its query, which may hold secrets; no header is.
- The group is below /aws/vendedlogs/: an HTTP API writes by way of log delivery, and what is below that name
  needs no line of its own in a resource policy that has room for few.
  https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
  https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html
"""

import json

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints.endpoint import Resource

LINE = {
    "request": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html"""


def group_name(settings: Settings) -> str:
    """The name of the log group that the endpoint writes to."""
    return f"/aws/vendedlogs/lambdify/{settings.full_name}/{settings.http.endpoint}"


def write(settings: Settings, logical_id: str) -> dict[str, Resource]:
    """The log group, if there are to be access logs."""
    if not settings.http.access_logs:
        return {}
    group = {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {"LogGroupName": group_name(settings), "RetentionInDays": settings.logs.retention},
    }
    return {logical_id: group}


def destination(settings: Settings, logical_id: str) -> Resource:
    """The property of an API's stage that says where its lines go; {} without access logs."""
    if not settings.http.access_logs:
        return {}
    # Without the ":*" that the group's own attribute ends with: API Gateway compares what it was given.
    arn = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{logical_id}}}"
    return {"DestinationArn": {"Fn::Sub": arn}, "Format": json.dumps(LINE)}
