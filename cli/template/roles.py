"""The role of the function: what the function may do, and which service may assume the role.

Rules:
- Each setting adds the rights that it needs, on the one resource that it names, and no other.
- A wildcard is used only if AWS has nothing narrower; WILDCARDS holds the reasons.
- The user's own statements ([role] statements) are taken as they are.
- With [role] arn no role is created, and nothing is added to that one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lambdify.cli.settings import Settings, names
from lambdify.cli.template import database, secrets
from lambdify.cli.template.sources.source import ROLE, Right

Resource = dict[str, Any]

NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"""
TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
WILDCARDS: Mapping[str, str] = {
    **dict.fromkeys(
        NETWORK,
        "Lambda asks for them on every resource before it attaches a function: the network interfaces do not "
        "exist yet. The function's own code is denied all of them.",
    ),
    **dict.fromkeys(TRACES, "X-Ray has no resource that these could be limited to."),
    "dynamodb:ListStreams": "Lambda asks for it to find a table's stream, and the list is of all streams.",
    "kinesis:ListStreams": "It is a list of all streams; to read one needs more, which names it.",
    "secretsmanager:BatchGetSecretValue": "It has no resources; each secret needs GetSecretValue besides.",
}
"""Each action that is allowed on every resource, and why."""


LOGICAL_ID = ROLE
FUNCTION, SCHEDULE, SHIFT = "function", "schedule", "shift"
"""Purposes of a stage's roles, which are part of their names."""


def trust(service: str, condition: Resource | None = None) -> Resource:
    """Return the trust policy that lets a service assume a role."""
    statement: Resource = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy(name: str, *statements: Resource) -> Resource:
    """Return an inline policy of a role."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"PolicyName": name, "PolicyDocument": document}


def allow(actions: list[str], resource: object, **more: object) -> Resource:
    """Return a statement that allows the actions on the resource."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def join(rights: Iterable[Right]) -> list[Resource]:
    """Return the statements for these rights, one for all resources of the same actions."""
    together: dict[tuple[str, ...], dict[str, object]] = {}
    for actions, resource in rights:
        together.setdefault(actions, {})[json.dumps(resource)] = resource
    return [
        allow(list(actions), found[0] if len(found := list(among.values())) == 1 else found)
        for actions, among in together.items()
    ]


def boundary(settings: Settings) -> Resource:
    """Return the property with the permissions boundary of every role of ours; {} if none is set."""
    return {"PermissionsBoundary": settings.role.boundary} if settings.role.boundary else {}


def write(settings: Settings, functions: list[Resource]) -> dict[str, Resource]:
    """Return the function's role; {} if the settings name an existing one.

    `functions` are the statements for what runs beside the app.
    """
    if settings.role.arn:
        return {}
    properties: Resource = {
        "RoleName": {"Fn::Sub": names.role(settings, FUNCTION)},
        "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
        "Policies": [*_policies(settings), *([policy("functions", *functions)] if functions else [])],
        **boundary(settings),
    }
    if settings.role.managed_policies:
        properties["ManagedPolicyArns"] = list(settings.role.managed_policies)
    return {LOGICAL_ID: {"Type": "AWS::IAM::Role", "Properties": properties}}


def arn(settings: Settings) -> object:
    """Return the ARN of the function's role, ours or an existing one."""
    return settings.role.arn or {"Fn::GetAtt": [LOGICAL_ID, "Arn"]}


def _policies(settings: Settings) -> Iterator[Resource]:
    # The log group's ARN ends in ":*", which means its streams. Without logs:CreateLogGroup the function
    # cannot create its log group again after `undeploy`.
    group = {"Fn::GetAtt": ["LogGroup", "Arn"]}
    yield policy("logs", allow(["logs:CreateLogStream", "logs:PutLogEvents"], group))
    if settings.vpc.subnets:
        yield policy("vpc", *_network(settings))
    if settings.efs.access_point:
        yield policy("efs", _files(settings.efs.access_point))
    if settings.function.tracing:
        yield policy("tracing", allow(list(TRACES), "*"))
    if target := settings.function.dead_letter:
        action = "sqs:SendMessage" if ":sqs:" in target else "sns:Publish"
        yield policy("dead-letter", allow([action], target))
    if key := settings.function.kms_key:
        yield policy("key", allow(["kms:Decrypt"], key))
    if settings.secrets:
        yield policy("secrets", *secrets.statements(settings.secrets))
    if settings.database.kind:
        yield policy("database", database.statement(settings))
    if settings.warm.every and settings.warm.concurrency > 1:
        # The ARN is put together, not a reference: the alias needs the function, which needs this role.
        yield policy(
            "keep-warm", allow(["lambda:InvokeFunction"], {"Fn::Sub": f"{_function(settings)}:live"})
        )
    if settings.role.statements:
        ours = [allow(list(each["actions"]), list(each["resources"])) for each in settings.role.statements]
        yield policy("statements", *ours)


def _network(settings: Settings) -> tuple[Resource, Resource]:
    """Return statements with the rights that Lambda needs to attach the function; its code is denied them.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
    """
    arns = [{"Fn::Sub": each} for each in _functions(settings)]
    code = {"ArnEquals": {"lambda:SourceFunctionArn": arns if len(arns) > 1 else arns[0]}}
    return allow(list(NETWORK), "*"), {**allow(list(NETWORK), "*", Condition=code), "Effect": "Deny"}


def _functions(settings: Settings) -> list[str]:
    """Return the ARNs of all Lambdas with this role, as texts for Fn::Sub."""
    others = [*settings.own_lambdas, *(["commands"] if settings.commands.timeout else [])]
    return [_function(settings), *(f"{_function(settings)}-{each}" for each in others)]


def _function(settings: Settings) -> str:
    """Return the function's ARN as a text for Fn::Sub."""
    return (
        f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{settings.full_name}"
    )


def _files(access_point: str) -> Resource:
    # In IAM the mounted resource is a file system, not an access point; the condition names the access point.
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html
    systems = access_point.partition(":access-point/")[0] + ":file-system/*"
    through = {"StringEquals": {"elasticfilesystem:AccessPointArn": access_point}}
    actions = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    return allow(actions, systems, Condition=through)
