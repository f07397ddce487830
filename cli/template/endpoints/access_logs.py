"""Access logs: a line of JSON for each request, in a log group of its own.

Rules:
- A path is logged without its query, which may hold secrets. Headers are not logged.
- The group is below /aws/vendedlogs/: an HTTP API writes through log delivery. Groups below that name share
  one entry of the account's resource policy, whose size is limited.
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
    """Return the name of the log group that the endpoint writes to."""
    return f"/aws/vendedlogs/lambdify/{settings.full_name}/{settings.http.endpoint}"


def write(settings: Settings, logical_id: str) -> dict[str, Resource]:
    """Return the log group; {} without access logs."""
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
    """Return the property of an API's stage with destination and format; {} without access logs."""
    if not settings.http.access_logs:
        return {}
    # The group's own Arn attribute ends with ":*", which must not be there: API Gateway compares the ARNs.
    arn = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{logical_id}}}"
    return {"DestinationArn": {"Fn::Sub": arn}, "Format": json.dumps(LINE)}
