"""The deployer's policy: it allows what is done, which is held against AWS's schemas and our own code."""

import ast
import fnmatch
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from stages import stage_in
from template.beside import BY_ARN, TASKS, TOPIC, calling

from lambdify.cli import aws
from lambdify.cli.template import deployer

ROOT = Path(__file__).parents[2]
ACCOUNT = aws.placeholder_account("123456789012", "eu-central-1", "aws")
ARN = "eu-central-1:123456789012"
ALB = {"http.alb.listener": f"arn:aws:elasticloadbalancing:{ARN}:listener/app/web/1/2"}
VAULT = f"arn:aws:secretsmanager:{ARN}:secret:key-a1b2c3"
EVERYTHING = {
    "vpc.subnets": ["subnet-0a"],
    "vpc.security_groups": ["sg-0a"],
    "efs.access_point": f"arn:aws:elasticfilesystem:{ARN}:access-point/fsap-0a1b",
    "function.kms_key": f"arn:aws:kms:{ARN}:key/1234abcd",
    "function.layers": [f"arn:aws:lambda:{ARN}:layer:tools:3"],
    "function.provisioned_concurrency": 1,
    "role.managed_policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
    "role.boundary": "arn:aws:iam::123456789012:policy/boundary",
    "secrets": {
        "TOKEN": "secretsmanager:shop-{stage}#token",
        "KEY": f"secretsmanager:{VAULT}",
    },
}
ASKED = {
    "http.auth": "lambda",
    "http.authorizer.function": f"arn:aws:lambda:{ARN}:function:who",
    "http.rate": 1,
    "http.burst": 1,
    "http.access_logs": True,
}
STAGES = {
    "http-api": {**EVERYTHING, **ASKED},
    "rest-api": {
        "http.endpoint": "rest-api",
        "http.api_key": True,
        "http.allow_from": ["192.0.2.0/24"],
        **EVERYTHING,
        **ASKED,
    },
    "function-url": {"http.endpoint": "function-url"},
    "alb": {"http.endpoint": "alb", **ALB},
    "none": {"http.endpoint": "none", "build.form": "image"},
    "shift": {"release.shift": "10% every 2 minutes"},
    "commands": {"commands.timeout": 900},
    "functions": {**calling(**BY_ARN), **TASKS, "failed.notify": [TOPIC]},
    "names": {"domain.names": ["shop.example", "*.shop.example"]},
}


@pytest.fixture
def policy(make_settings):
    """`policy({"http.endpoint": "none"})`: what deploying the stage dev with these settings needs."""
    return lambda overrides=None: deployer.write(stage_in(ACCOUNT, make_settings("dev", overrides)))


def statements(policy):
    return policy.document["Statement"]


def actions(policy):
    return {action for each in statements(policy) for action in each["Action"]}


# -------------------------------------------------------------------- what CloudFormation does

NEVER = {
    # Of properties that no template of ours has.
    "code signing": ["*CodeSigningConfig"],
    "recursion, runtime versions and scaling": ["*Function[RS]*Config", "*RuntimeManagementConfig"],
    "managed instances and custom runtimes": ["lambda:PassCapacityProvider", "lambda:AssociateRuntimeAlias"],
    "S3 Files": ["s3files:*"],
    "CodeDeploy": ["codedeploy:*"],
    "bodies of APIs in S3": ["s3:[gG]etObject*", "s3:GetObjectVersion"],
    "replicas, imports, streams and keys of tables": [
        "dynamodb:*Replica",
        "dynamodb:*Item",
        "dynamodb:ImportTable",
        "dynamodb:Describe*Import",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:*ResourcePolicy",
        "dynamodb:Update*Backups",
        "dynamodb:Update*Insights",
        "dynamodb:*KinesisStreamingDestination",
        "iam:CreateServiceLinkedRole",
        "kinesis:*",
        "s3:GetObjectMetadata",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    ],
    "users' sign-in by load balancers": ["cognito-idp:*"],
    "certificates of clients": ["s3:GetObjectVersion", "s3:GetObject"],
    "keys, indexes and protection of logs": [
        "logs:*KmsKey",
        "logs:*IndexPolicy",
        "logs:*DataProtectionPolicy",
        "logs:*DeletionProtection",
        "logs:*BearerTokenAuthentication",
        "logs:*ResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:CreateLogDelivery",
        "firehose:*",
        "s3:REST.PUT.OBJECT",
    ],
}
"""What AWS's handlers may do for us only if we asked for it, and never do."""


def handled(kind):
    """What CloudFormation does of a kind of resource, and what of that whenever it looks at one."""
    # Imported when it is needed: it is large.
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    permissions = {name: set(handler["permissions"]) for name, handler in handlers.items() if name != "list"}
    return set().union(*permissions.values()), permissions["read"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_whatever_cloudformation_does_for_a_stage_is_allowed(policy, write, stage):
    allowed = actions(policy(STAGES[stage]))
    kinds = {each["Type"] for each in write(STAGES[stage]).body["Resources"].values()}
    used = {
        "ec2:*": "vpc.subnets",
        "elasticfilesystem:*": "efs.access_point",
        "kms:*": "function.kms_key",
        "iam:*PermissionsBoundary": "role.boundary",
        "iam:*achRolePolicy": "role.managed_policies",
        "lambda:*ProvisionedConcurrencyConfig": "function.provisioned_concurrency",
        "apigateway:UpdateRestApiPolicy": "http.allow_from",
    }
    left_out = [pattern for patterns in NEVER.values() for pattern in patterns]
    left_out += [pattern for pattern, setting in used.items() if setting not in STAGES[stage]]
    for kind in kinds:
        everything, looking = handled(kind)
        missing = {
            action
            for action in everything - allowed
            if action in looking - {"iam:PassRole", "kms:Decrypt", "s3:getObject"}
            or not any(fnmatch.fnmatchcase(action, pattern) for pattern in left_out)
        }
        assert missing == set(), kind


def test_a_right_that_no_setting_needs_is_not_there(policy):
    plain = actions(policy())
    assert not [each for each in plain if each.startswith(("ec2:", "elasticloadbalancing:", "kms:", "ecr:"))]
    assert "lambda:CreateFunctionUrlConfig" not in plain
    assert "lambda:CreateFunctionUrlConfig" in actions(policy(STAGES["function-url"]))
    assert not [each for each in actions(policy(STAGES["none"])) if each.startswith("apigateway:")]
    assert "scheduler:CreateSchedule" not in actions(policy({"warm.every": "off"}))
    assert "cloudwatch:PutMetricAlarm" not in plain
    assert "cloudwatch:PutMetricAlarm" in actions(policy(STAGES["shift"]))
    assert not [each for each in plain if each.startswith(("sqs:", "sns:", "events:", "dynamodb:"))]
    assert not [each for each in plain if "EventSourceMapping" in each or "ScheduleGroup" in each]


# -------------------------------------------------------------------- what lambdify does

ANOTHER_NAME = {
    "dynamodbstreams:GetRecords": {"dynamodb:GetRecords"},
    "dynamodbstreams:GetShardIterator": {"dynamodb:GetShardIterator"},
    "apigateway:GetAccount": {"apigateway:GET"},
    "apigateway:GetDomainName": {"apigateway:GET"},
    "apigatewayv2:GetDomainName": {"apigateway:GET"},
    "lambda:Invoke": {"lambda:InvokeFunction"},
    "lambda:InvokeWithResponseStream": {"lambda:InvokeFunction"},
    "s3:CopyObject": {"s3:GetObject", "s3:PutObject"},
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "s3:GetBucketNotificationConfiguration": {"s3:GetBucketNotification"},
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
    "s3:PutBucketNotificationConfiguration": {"s3:PutBucketNotification"},
    "s3:PutBucketLifecycleConfiguration": {"s3:PutLifecycleConfiguration"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    # Whoever signs a URL has to have the right himself.
    "s3:generate_presigned_url": {"s3:GetObject"},
    "s3:upload_fileobj": {"s3:PutObject", "s3:AbortMultipartUpload"},
    "sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
    "sts:GetCallerIdentity": set(),
}
"""Calls whose permission is not called as they are; asking who one is needs none."""
NO_CALLS = {"meta", "exceptions", "close"}
NO_CLIENTS = {"room.invoke", "self.list_commands", "super().invoke"}
"""Functions of ours and of click, that are called as an API is."""


def is_client(node):
    """The service, where an expression is `account.client("service")`, or `.without_retries` of it."""
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return node.args[0].value if name in {"client", "without_retries"} else None
    return None


def clients(function):
    """Names that hold a client in a function, by the service."""
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            targets = node.targets[0]
            pairs = (
                zip(targets.elts, node.value.elts, strict=False)
                if isinstance(targets, ast.Tuple) and isinstance(node.value, ast.Tuple)
                else [(targets, node.value)]
            )
            for target, value in pairs:
                if isinstance(target, ast.Name) and (service := is_client(value)):
                    found[target.id] = service
    return found


@pytest.fixture(scope="module")
def trees():
    """The code that asks AWS, by file. The local cloud asks ministack, which asks nobody for permission."""
    code = ROOT / "cli"
    files = [path for path in code.rglob("*.py") if path.relative_to(code).parts[0] != "local"]
    return {str(path.relative_to(code)): ast.parse(path.read_bytes()) for path in files}


@pytest.fixture(scope="module")
def calls(trees):
    """Every call of an AWS API in the code, as (service, method, file)."""
    return list(find_calls(trees))


def find_calls(trees):
    services = {service for tree in trees.values() for node in ast.walk(tree) if (service := is_client(node))}
    for path, tree in trees.items():
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            named = {each.arg: each.arg for each in function.args.args if each.arg in services}
            known = clients(function) | named
            for node in ast.walk(function):
                if not isinstance(node, ast.Attribute):
                    continue
                service = is_client(node.value) or known.get(getattr(node.value, "id", ""))
                if service and node.attr not in {*NO_CALLS, "get_paginator"}:
                    yield service, node.attr, path
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
                    service = is_client(node.func.value) or known[node.func.value.id]
                    yield service, node.args[0].value, path


@pytest.mark.slow
def test_whatever_lambdify_asks_of_aws_is_allowed(policy, boto_session, calls):
    made = {}
    for service, method, path in calls:
        operation = boto_session.client(service).meta.method_to_api_mapping.get(method, method)
        made.setdefault(f"{service}:{operation}", set()).add(path)
    assert {"s3:upload_fileobj", "cloudformation:CreateChangeSet", "sts:GetCallerIdentity"} <= set(made)
    allowed = set().union(*(actions(policy(stage)) for stage in STAGES.values()))
    missing = {
        action: paths
        for call, paths in made.items()
        for action in ANOTHER_NAME.get(call, {call})
        if action not in allowed
    }
    assert missing == {}


@pytest.mark.slow
def test_no_call_escapes_the_test_above(boto_session, trees, calls):
    """Whatever is called as AWS's APIs are is seen, however the client got its name."""
    seen = {(path, method) for _, method, path in calls}
    services = {service for service, _, _ in calls}
    methods = {name for each in services for name in boto_session.client(each).meta.method_to_api_mapping}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in methods:
                assert (name, node.attr) in seen or ast.unparse(node) in NO_CLIENTS, (name, node.lineno)


# -------------------------------------------------------------------- how much it is


WIDE_LISTS = {
    *("{schedules}", "{later}", "{to_map}", "{mappings}", "{subscriptions}", "{event_rules}", "{read_again}"),
    "{alarms}",
    "{of_cdn}",
    *("{certificates}", "{to_request}", "{to_list}", "{to_look_up}", "{zones}", "{domains}"),
}
"""Placeholders whose values have a *."""


def test_every_wildcard_says_why():
    tables = [each for each in deployer.rights().values() if isinstance(each, list)]
    for statement in [statement for table in tables for statement in table]:
        wide = [arn for arn in statement["resources"] if "*" in arn]
        assert bool(statement.get("because")) == bool(
            wide or {"{files}", "{functions}", "{rules}", *WIDE_LISTS} & {*statement["resources"]}
        )
        assert not [action for action in statement["actions"] if "*" in action]


def test_only_lists_and_what_has_no_resources_is_for_everything(policy):
    for stage in STAGES.values():
        wide = {
            action
            for each in statements(policy(stage))
            if each["Resource"] == ["*"]
            for action in each["Action"]
        }
        lists = {each for each in wide if each.partition(":")[2].startswith(("Describe", "Get", "List"))}
        assert wide - lists <= {
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
            "lambda:CreateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
            "sns:SetSubscriptionAttributes",
            "sns:Unsubscribe",
            "acm:AddTagsToCertificate",
            "acm:RequestCertificate",
        }


@pytest.mark.parametrize("stage", STAGES)
def test_it_fits_a_role_whatever_the_settings_and_a_managed_policy_for_most(policy, stage):
    assert policy(STAGES[stage]).size <= 10_240
    endpoint = {name: value for name, value in STAGES[stage].items() if name in {"http.endpoint", *ALB}}
    assert policy(endpoint).size <= deployer.MANAGED_SIZE


@pytest.mark.parametrize("stage", ["http-api", "alb"])
def test_the_policy_of_these_settings(policy, golden, stage):
    golden(f"policy-{stage}.json", policy(STAGES[stage]).text + "\n")


def test_a_role_that_exists_may_be_passed_and_none_made(policy):
    role = "arn:aws:iam::123456789012:role/shop"
    found = policy({"role.arn": role, "warm.every": "off"})
    assert {each for each in actions(found) if each.startswith("iam:")} == {"iam:PassRole"}
    (statement,) = [each for each in statements(found) if "iam:PassRole" in each["Action"]]
    assert statement["Resource"] == [role]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}}


def test_a_role_is_made_within_its_boundary_or_not_at_all(policy):
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    (made,) = [
        each for each in statements(policy({"role.boundary": boundary})) if "iam:CreateRole" in each["Action"]
    ]
    assert made["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": [boundary]}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("customer-portal-backend", "dev"), ("customer-portal-backend", "production")),
        (("shop", "dev"), ("shop", "dev-2")),
        (("n" * 55, "dev"), ("n" * 55, "live")),
    ],
    ids=["long", "alike", "too-long"],
)
def test_no_policy_reaches_the_roles_of_another_stage(make_settings, one, other):
    def reached(name, stage):
        overrides = {"name": name, "warm.every": 5, "release.shift": "10% every 1 minutes"}
        found = deployer.write(stage_in(ACCOUNT, make_settings(stage, overrides)))
        return {arn for each in statements(found) for arn in each["Resource"] if ":role/" in arn}

    mine, theirs = reached(*one), reached(*other)
    assert len(mine) == len(theirs) == 3
    assert not [(a, b) for a in mine for b in theirs if fnmatchcase(b, a)]
    assert all(len(arn.rpartition("/")[2]) <= 64 and "*" not in arn for arn in mine)


def test_the_roles_of_a_stage_are_named_in_the_policy_as_the_template_names_them(policy):
    (made,) = [each for each in statements(policy({"warm.every": 5})) if "iam:CreateRole" in each["Action"]]
    role = "arn:aws:iam::123456789012:role/shop-dev"
    assert made["Resource"] == [f"{role}-function-eu-central-1", f"{role}-schedule-eu-central-1"]


def test_a_role_of_the_projects_own_has_the_name_that_it_says_or_one_that_cloudformation_makes_up(policy):
    for properties, name in (({"RoleName": "theirs"}, "theirs"), ({}, "shop-dev-*")):
        own = {"resources": {"Own": {"Type": "AWS::IAM::Role", "Properties": properties}}, "warm.every": 0}
        (made,) = [each for each in statements(policy(own)) if "iam:CreateRole" in each["Action"]]
        assert made["Resource"][1] == f"arn:aws:iam::123456789012:role/{name}"


def test_resources_of_the_users_own_that_are_not_known_are_named(policy):
    queue = {"resources": {"Orders": {"Type": "AWS::SQS::Queue"}}}
    assert policy(queue).uncovered == ("AWS::SQS::Queue",)
    assert policy().uncovered == ()


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_partition_is_the_regions(make_settings, region, partition):
    settings = make_settings("dev", {"region": region})
    account = aws.offline_account(settings, "123456789012")
    arns = [
        arn for each in statements(deployer.write(stage_in(account, settings))) for arn in each["Resource"]
    ]
    assert {arn.split(":")[1] for arn in arns if arn != "*"} == {partition}


# -------------------------------------------------------------------- GitHub


def subjects(policy):
    (statement,) = statements(policy)
    return statement["Condition"]["StringLike"][f"{deployer.ISSUER}:sub"]


def test_a_workflow_may_deploy_from_its_branch_or_for_the_stage_whichever_form_its_repository_has():
    """https://docs.github.com/actions/reference/security/oidc: ids are in it since July 2026."""
    policy = deployer.trust_github("octo/shop", "main", "production", ACCOUNT)
    let_in = [
        "repo:octo/shop:ref:refs/heads/main",
        "repo:octo@17/shop@4711:ref:refs/heads/main",
        "repo:octo/shop:environment:production",
        "repo:octo@17/shop@4711:environment:production",
    ]
    kept_out = [
        "repo:octo/shop:ref:refs/heads/other",
        "repo:octo/shop:pull_request",
        "repo:octo/shopping:ref:refs/heads/main",
        "repo:octopus@17/shop@4711:ref:refs/heads/main",
        "repo:octo/shop:environment:dev",
    ]
    assert [
        each for each in let_in if not any(map(lambda p, e=each: fnmatch.fnmatchcase(e, p), subjects(policy)))
    ] == []
    assert [
        each for each in kept_out if any(map(lambda p, e=each: fnmatch.fnmatchcase(e, p), subjects(policy)))
    ] == []
    (statement,) = statements(policy)
    assert statement["Condition"]["StringEquals"] == {f"{deployer.ISSUER}:aud": "sts.amazonaws.com"}
    assert statement["Principal"]["Federated"].startswith("arn:aws:iam::123456789012:oidc-provider/")


def test_with_the_ids_no_other_repository_of_that_name_will_do():
    policy = deployer.trust_github("octo@17/shop@4711", "main", "dev", ACCOUNT)
    assert subjects(policy) == [
        "repo:octo/shop:ref:refs/heads/main",
        "repo:octo/shop:environment:dev",
        "repo:octo@17/shop@4711:ref:refs/heads/main",
        "repo:octo@17/shop@4711:environment:dev",
    ]
