"""Changes of a stack: which properties change, whether data is lost, whether the URL changes.

Pure: templates and CloudFormation's descriptions in, values out; nothing is asked of AWS here.

Rules:
- CloudFormation says which resources change, and which values of them where it gives values. Elsewhere the
  two templates are compared, which shows references instead of the values behind them.
- A value that may be a credential is never shown, although it should not be in a template at all.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
"""A parsed template; {} if there is no stack."""

STATEFUL_TYPES = frozenset(
    {
        "AWS::Backup::BackupVault",
        "AWS::Cognito::UserPool",
        "AWS::DSQL::Cluster",
        "AWS::DocDB::DBCluster",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::EC2::Volume",
        "AWS::ECR::Repository",
        "AWS::EFS::FileSystem",
        "AWS::ElastiCache::CacheCluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::ElastiCache::ServerlessCache",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Logs::LogGroup",
        "AWS::Neptune::DBCluster",
        "AWS::OpenSearchService::Domain",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::Redshift::Cluster",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
        "AWS::SecretsManager::Secret",
        "AWS::Timestream::Table",
    }
)
"""Resource types that hold data."""
ENDPOINTS = {
    "AWS::ApiGatewayV2::Api": "http-api",
    "AWS::ApiGateway::RestApi": "rest-api",
    "AWS::Lambda::Url": "function-url",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "alb",
    "AWS::CloudFront::Distribution": "cdn",
}
"""Resource types that have a URL, and how [http] endpoint calls them."""
BY_NAME = "https://"
"""The beginning of an endpoint's URL that is known before there is a stack: a name of the stage's own."""
RETAIN_POLICIES = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})
"""Deletion and replacement policies that leave the resource, or a snapshot of its data, in the account."""
CREDENTIAL = re.compile(r"(?i)pass|secret|token|cred|private|(^|_)(api_?)?key($|_)|dsn")
"""Names of environment variables whose values are not shown."""
WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
HIDDEN = "(hidden)"


@dataclass(frozen=True, kw_only=True)
class Property:
    """One value that changes. None stands for a missing value."""

    path: str
    """Such as "Environment.Variables.MODE"."""
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a change set does to one resource."""

    action: str
    """Add, Modify, Remove."""
    resource: str
    """Logical id."""
    kind: str
    """Such as AWS::Lambda::Function."""
    replaced: bool | None
    """Whether a new resource takes its place; None if CloudFormation cannot tell yet."""
    kept: bool = False
    """Whether the removed or replaced resource stays in the account, outside of the stack."""
    properties: tuple[Property, ...] = ()
    """The properties that change, if the resource is modified."""

    @property
    def only_refers(self) -> bool:
        """Whether it only follows a reference; usually CloudFormation then finds nothing to do."""
        return self.action == "Modify" and not self.properties and not self.replaced

    @property
    def loses_data(self) -> bool:
        """Whether the data of the resource is deleted, as far as CloudFormation can tell."""
        gone = self.action == "Remove" or self.replaced is True
        return gone and not self.kept and self.kind in STATEFUL_TYPES


@dataclass(frozen=True, kw_only=True)
class UrlChange:
    """The endpoint gets another URL."""

    before: str
    """Kind of the endpoint, as [http] endpoint names it."""
    after: str


def read(described: Mapping[str, Any], before: Body, after: Body) -> Change:
    """Return the change that DescribeChangeSet describes, with the values that it changes."""
    resource, action = described["LogicalResourceId"], described["Action"]
    old, new = _resource(before, resource), _resource(after, resource)
    replaced = {"True": True, "Conditional": None}.get(described.get("Replacement", ""), False)
    policy = described.get("PolicyAction", "").removeprefix("ReplaceAnd") or (
        old.get("DeletionPolicy" if action == "Remove" else "UpdateReplacePolicy", "Delete")
    )
    return Change(
        action=action,
        resource=resource,
        kind=described["ResourceType"],
        replaced=replaced,
        kept=policy in RETAIN_POLICIES,
        properties=_properties(described, old, new) if action == "Modify" else (),
    )


def compare_templates(before: Body, after: Body) -> tuple[Change, ...]:
    """Return the changes between two templates, for a stack that can have no change set yet."""
    old, new = before.get("Resources", {}), after.get("Resources", {})
    return tuple(
        read(
            {
                "LogicalResourceId": name,
                "Action": "Modify" if name in old and name in new else "Add" if name in new else "Remove",
                "ResourceType": (new.get(name) or old[name])["Type"],
            },
            before,
            after,
        )
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def find_url_change(before: Body, after: Body, changes: tuple[Change, ...]) -> UrlChange | None:
    """Return how the endpoint's URL changes; None if clients can keep using the old one."""
    old, new = _find_endpoint(before), _find_endpoint(after)
    replaced = {each.resource for each in changes if each.replaced}
    if not old or (_still_answers(old, new, after) and not replaced & set(old)):
        return None
    return UrlChange(before="".join(old.values()), after="".join(new.values()) or "none")


def format_value(value: object) -> str:
    """Return a value of a template on one line, as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" or (function == "Fn::Sub" and isinstance(argument, str)):
            return str(argument)
        if function == "Fn::GetAtt":
            return argument if isinstance(argument, str) else ".".join(argument)
        if function == "Fn::If":
            condition, then, otherwise = argument
            return f"{format_value(then)} if {condition}, else {format_value(otherwise)}"
    return json.dumps(value, ensure_ascii=False, default=str)


def find_differences(before: object, after: object, path: str = "") -> Iterator[Property]:
    """Yield the values that differ, as deep as both sides are nested."""
    if before == after:
        return
    if _is_table(before) and _is_table(after):
        for key in sorted({*before, *after}):  # type: ignore[misc]
            inner = f"{path}.{key}" if path else str(key)
            yield from find_differences(before.get(key), after.get(key), inner)  # type: ignore[attr-defined]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from find_differences(old, new, f"{path}[{index}]")
    elif _is_table(before if after is None else after) and (before is None or after is None):
        some: Mapping[str, Any] = before or after or {}  # type: ignore[assignment]
        for key in sorted(some):
            old, new = (some[key], None) if after is None else (None, some[key])
            yield from find_differences(old, new, f"{path}.{key}" if path else str(key))
    else:
        yield Property(path=path, before=_mask(path, before), after=_mask(path, after))


def _is_table(value: object) -> bool:
    """Whether the value is a mapping of names and values, not a function such as Ref or Fn::Sub."""
    if not isinstance(value, Mapping):
        return False
    return not (len(value) == 1 and re.match(r"Ref$|Fn::", next(iter(value))))


def _properties(described: Mapping[str, Any], old: Body, new: Body) -> tuple[Property, ...]:
    """Return the values that CloudFormation gives; if it gives none, those that differ in the templates."""
    targets = [each["Target"] for each in described.get("Details", [])]
    given = {
        target.get("Path") or f"/{target['Attribute']}/{target.get('Name', '')}": target
        for target in targets
        if "BeforeValue" in target or "AfterValue" in target
    }
    if given:
        return tuple(
            found
            for path, target in sorted(given.items())
            for found in find_differences(
                parse_value(target.get("BeforeValue")), parse_value(target.get("AfterValue")), _dotted(path)
            )
        )
    return tuple(find_differences(old.get("Properties", {}), new.get("Properties", {})))


def parse_value(value: str | None) -> object:
    """Parse a value of CloudFormation, which gives objects and lists as JSON and all else as text."""
    if value is None or value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _dotted(path: str) -> str:
    """Return the path with dots: Tags[0].Value for /Properties/Tags/0/Value."""
    inner = path.removeprefix("/Properties").strip("/").split("/")
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(inner))


def _mask(path: str, value: object) -> object:
    if value is None:
        return None
    _, _, variable = path.partition("Variables.")
    written = value if isinstance(value, str) else ""
    return HIDDEN if (variable and CREDENTIAL.search(variable)) or WITH_PASSWORD.search(written) else value


def _resource(body: Body, name: str) -> Body:
    found: Body = body.get("Resources", {}).get(name, {})
    return found


def _still_answers(old: Mapping[str, str], new: Mapping[str, str], after: Body) -> bool:
    """Whether an endpoint is the same, or goes on behind a name: an API with a name still has its address."""
    if old == new:
        return True
    by_name = any(name.startswith(BY_NAME) for name in new)
    closed = [_resource(after, name).get("Properties", {}).get("DisableExecuteApiEndpoint") for name in old]
    return by_name and all(_resource(after, name) for name in old) and not any(closed)


def _find_endpoint(body: Body) -> dict[str, str]:
    """Return the resources that the output Endpoint refers to, and the kinds of endpoint that they are.

    A name of the stage's own is no resource's: it stands for itself.
    """
    url = body.get("Outputs", {}).get("Endpoint", {}).get("Value")
    if isinstance(url, str) and url.startswith(BY_NAME):
        return {url: url}
    written = json.dumps(url)
    return {
        name: ENDPOINTS[resource["Type"]]
        for name, resource in sorted(body.get("Resources", {}).items())
        if resource["Type"] in ENDPOINTS
        and re.search(rf'"{re.escape(name)}"|\${{{re.escape(name)}[.}}]', written)
    }
