"""What the settings of the function make of it, and which rights they bring."""

import pytest

ACCOUNT = "eu-central-1:123456789012"
NETWORK = {"vpc.subnets": ["subnet-0a"], "vpc.security_groups": ["sg-0a"]}
ACCESS_POINT = f"arn:aws:elasticfilesystem:{ACCOUNT}:access-point/fsap-0a1b"
KEY = f"arn:aws:kms:{ACCOUNT}:key/1234abcd"
TOOLS = f"arn:aws:lambda:{ACCOUNT}:layer:tools:3"


@pytest.fixture
def function(write):
    """`function({"function.storage": 1024})`: the properties of the function with these settings."""
    return lambda overrides: write(overrides).body["Resources"]["Function"]["Properties"]


@pytest.fixture
def rights(write):
    """`rights(settings, "efs")`: the statements of one policy of the function's role."""

    def rights(overrides, name):
        policies = write(overrides).body["Resources"]["Role"]["Properties"]["Policies"]
        return {each["PolicyName"]: each["PolicyDocument"]["Statement"] for each in policies}[name]

    return rights


@pytest.mark.parametrize(
    ("overrides", "name", "value"),
    [
        ({"function.storage": 1024}, "EphemeralStorage", {"Size": 1024}),
        (NETWORK, "VpcConfig", {"SubnetIds": ["subnet-0a"], "SecurityGroupIds": ["sg-0a"]}),
        (
            {**NETWORK, "efs.access_point": ACCESS_POINT, "efs.mount": "/mnt/media"},
            "FileSystemConfigs",
            [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/media"}],
        ),
        ({"function.tracing": True}, "TracingConfig", {"Mode": "Active"}),
        (
            {"function.dead_letter": f"arn:aws:sqs:{ACCOUNT}:failed"},
            "DeadLetterConfig",
            {"TargetArn": f"arn:aws:sqs:{ACCOUNT}:failed"},
        ),
        ({"function.kms_key": KEY}, "KmsKeyArn", KEY),
        ({"function.snapstart": True}, "SnapStart", {"ApplyOn": "PublishedVersions"}),
        ({"function.reserved_concurrency": 0}, "ReservedConcurrentExecutions", 0),
    ],
)
def test_a_setting_of_the_function_is_a_property_and_is_left_out_by_default(function, overrides, name, value):
    assert function(overrides)[name] == value
    assert name not in function({})


def test_the_level_of_a_json_log_is_for_the_apps_own_lines(function):
    logging = function({"logs.format": "json", "logs.level": "ERROR"})["LoggingConfig"]
    assert logging == {
        "LogGroup": {"Ref": "LogGroup"},
        "LogFormat": "JSON",
        "ApplicationLogLevel": "ERROR",
    }


def test_layers_of_the_users_own_have_the_last_word(function):
    assert function({"function.layers": [TOOLS]})["Layers"] == [{"Ref": "Layer"}, TOOLS]


@pytest.mark.parametrize(
    ("overrides", "policy", "expected"),
    [
        (
            {"function.dead_letter": f"arn:aws:sqs:{ACCOUNT}:failed"},
            "dead-letter",
            (["sqs:SendMessage"], f"arn:aws:sqs:{ACCOUNT}:failed"),
        ),
        (
            {"function.dead_letter": f"arn:aws:sns:{ACCOUNT}:failed"},
            "dead-letter",
            (["sns:Publish"], f"arn:aws:sns:{ACCOUNT}:failed"),
        ),
        ({"function.kms_key": KEY}, "key", (["kms:Decrypt"], KEY)),
        (
            {"role.statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::shop/*"]}]},
            "statements",
            (["s3:GetObject"], ["arn:aws:s3:::shop/*"]),
        ),
    ],
)
def test_a_setting_brings_the_right_that_it_needs(rights, overrides, policy, expected):
    (statement,) = rights(overrides, policy)
    assert (statement["Action"], statement["Resource"]) == expected


def test_a_file_system_is_reached_through_its_access_point_alone(rights):
    (statement,) = rights({**NETWORK, "efs.access_point": ACCESS_POINT}, "efs")
    assert statement["Action"] == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    assert statement["Resource"] == f"arn:aws:elasticfilesystem:{ACCOUNT}:file-system/*"
    assert statement["Condition"] == {"StringEquals": {"elasticfilesystem:AccessPointArn": ACCESS_POINT}}


def test_a_role_that_exists_is_taken_as_it_is(write):
    role = "arn:aws:iam::123456789012:role/shop"
    resources = write({"role.arn": role, "warm.every": "off"}).body["Resources"]
    assert resources["Function"]["Properties"]["Role"] == role
    assert not [name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"]


def test_a_boundary_is_around_every_role(write):
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    resources = write({"role.boundary": boundary}).body["Resources"].values()
    roles = [each["Properties"] for each in resources if each["Type"] == "AWS::IAM::Role"]
    assert [each["PermissionsBoundary"] for each in roles] == [boundary, boundary]


def test_managed_policies_are_beside_the_functions_own_rights(write):
    policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    role = write({"role.managed_policies": [policy]}).body["Resources"]["Role"]["Properties"]
    assert role["ManagedPolicyArns"] == [policy]
    assert role["Policies"]


def test_environments_that_are_always_ready_are_the_aliass_which_then_leads_to_one_version(write):
    """AWS takes no weights beside them: https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html"""
    body = write({"function.provisioned_concurrency": 2}).body
    alias = body["Resources"]["Alias"]["Properties"]
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    assert "RoutingConfig" not in alias
    assert set(body["Parameters"]) == {"Live"}


def test_tags_are_on_the_stack_and_never_in_the_place_of_ours(write):
    assert write({"tags": {"team": "web"}}).tags == {
        "team": "web",
        "lambdify:project": "shop",
        "lambdify:stage": "dev",
    }


@pytest.mark.parametrize(
    "overrides",
    [
        {"function.storage": 1024},
        {"function.tracing": True},
        {"function.snapstart": True},
        {"function.kms_key": KEY},
        {"function.layers": [TOOLS]},
        {"logs.format": "json"},
        NETWORK,
    ],
)
def test_what_a_version_keeps_publishes_a_new_one(write, overrides):
    assert write(overrides).version != write().version


@pytest.mark.parametrize(
    "overrides",
    [
        {"function.reserved_concurrency": 5},
        {"function.provisioned_concurrency": 2},
        {"tags": {"team": "web"}},
        {"role.boundary": "arn:aws:iam::123456789012:policy/boundary"},
        {"http.auth": "iam"},
        {"http.endpoint": "none"},
    ],
)
def test_what_no_version_keeps_publishes_none(write, overrides):
    """CloudFormation fails a version of a function that has not changed since the last one."""
    assert write(overrides).version == write().version


def test_a_wrapper_is_around_every_handler_but_that_of_commands(write):
    def handlers(overrides):
        report = {"report": {"handler": "jobs:nightly", "memory": 256}}
        found = write({"functions": report, "commands.timeout": 900, **overrides}).body
        properties = {name: each.get("Properties", {}) for name, each in found["Resources"].items()}
        return {name: each["Handler"] for name, each in properties.items() if "Handler" in each}

    ours, commands = "lambdify.adapter.entry.handler", "lambdify.adapter.commands.handler"
    assert handlers({}) == {"Function": ours, "FunctionReport": ours, "FunctionCommands": commands}
    theirs = "tracing.handler"
    wrapped = {"Function": theirs, "FunctionReport": theirs, "FunctionCommands": commands}
    assert handlers({"function.wrapper": theirs}) == wrapped
