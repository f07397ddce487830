"""The right to sign in to [database]: on one user or one cluster, and not a byte of it without the table."""

import json

import pytest
from stages import stage_in

from lambdify.cli import aws
from lambdify.cli.template import deployer

TABLES = {
    "aurora": {
        "database.kind": "aurora",
        "database.host": "shop.cluster-abc123.eu-west-1.rds.amazonaws.com",
        "database.user": "app",
        "database.resource": "cluster-ABC123",
    },
    "rds-proxy": {
        "database.kind": "rds",
        "database.host": "shop.proxy-abc123.eu-central-1.rds.amazonaws.com",
        "database.user": "app",
        "database.resource": "prx-0a1b2c",
        "database.port": 5433,
        "database.name": "shop",
        "vpc.subnets": ["subnet-0a1b2c3d4e5f60718"],
        "vpc.security_groups": ["sg-0a1b2c3d4e5f60718"],
    },
    "dsql": {
        "database.kind": "dsql",
        "database.host": "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws",
        "database.user": "app",
    },
    "dsql-admin": {
        "database.kind": "dsql",
        "database.host": "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws",
        "database.user": "admin",
    },
}
COMMANDS = {"commands.timeout": 900}


def rights(written):
    policies = written.body["Resources"]["Role"]["Properties"]["Policies"]
    return [each for each in policies if each["PolicyName"] == "database"]


def test_without_the_table_not_a_byte_is_another(write):
    assert write({"database.local": "postgresql:///shop", "database.ca": "a.pem"}).text == write().text
    assert "DATABASE" not in write().text


@pytest.mark.parametrize("table", TABLES)
def test_what_a_database_brings(write, golden, table):
    written = write({**TABLES[table], **COMMANDS})
    functions = {
        name: each["Properties"]["Environment"]
        for name, each in written.body["Resources"].items()
        if each["Type"] == "AWS::Lambda::Function"
    }
    brought = {"Policies": rights(written), **functions}
    golden(f"database-{table}.json", json.dumps(brought, indent=2) + "\n")


@pytest.mark.parametrize("table", TABLES)
def test_the_right_has_no_wildcard(write, table):
    (policy,) = rights(write(TABLES[table]))
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert "*" not in json.dumps(statement)
    assert "?" not in json.dumps(statement)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_cfn_lint_has_nothing_to_say(write, complaints, table):
    assert complaints(write({**TABLES[table], **COMMANDS}), "eu-central-1") == []


@pytest.mark.parametrize("table", TABLES)
def test_a_role_of_the_users_own_gets_nothing(write, table):
    assert (
        "Role"
        not in write({**TABLES[table], "role.arn": "arn:aws:iam::123456789012:role/shop"}).body["Resources"]
    )


def test_whoever_deploys_needs_no_right_more(make_settings):
    account = aws.placeholder_account("123456789012", "eu-central-1", "aws")
    plain, other = (
        deployer.write(stage_in(account, make_settings("dev", overrides))).document
        for overrides in ({}, TABLES["aurora"])
    )
    assert plain == other
