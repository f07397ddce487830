"""Secrets: where they come from, in how many calls, and what is said of one that is missing."""

import json
import os
from typing import Any

import pytest
from snapshot_restore_py import get_after_restore

from lambdify.adapter.aws.secrets import SecretMissing, fetch, load

PARAMETERS = {"/shop/database-url": "postgres://shop:hunter2@db/shop", "/shop/key": "k3y"}
SECRETS = {"shop": json.dumps({"stripe": "sk_live_1", "ports": [1, 2]}), "plain": "s3cret"}


def arn_of(name: str) -> str:
    return f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"


def answer(arguments: dict[str, Any]) -> tuple[int, Any]:
    """Both stores, as AWS answers for them."""
    if "Names" in arguments:
        names = arguments["Names"]
        return 200, {
            "Parameters": [{"Name": name, "Value": PARAMETERS[name]} for name in names if name in PARAMETERS],
            "InvalidParameters": [name for name in names if name not in PARAMETERS],
        }
    ids = {arn_of(name): name for name in SECRETS} | {name: name for name in SECRETS}
    wanted = arguments["SecretIdList"]
    found = [(ids[one], SECRETS[ids[one]]) for one in wanted if one in ids]
    return 200, {
        "SecretValues": [{"ARN": arn_of(name), "Name": name, "SecretString": text} for name, text in found],
        "Errors": [
            {"SecretId": one, "ErrorCode": "ResourceNotFoundException"}
            for one in wanted
            if one not in ids and one != "withheld"
        ],
    }


@pytest.fixture
def stores(serve):
    return serve(answer)


def test_a_parameter_becomes_a_variable(stores):
    assert fetch({"DATABASE_URL": "ssm:/shop/database-url"}) == {
        "DATABASE_URL": PARAMETERS["/shop/database-url"]
    }


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("secretsmanager:plain", "s3cret"),
        ("secretsmanager:shop#stripe", "sk_live_1"),
        ("secretsmanager:shop#ports", "[1, 2]"),
        (f"secretsmanager:{arn_of('shop')}#stripe", "sk_live_1"),
    ],
)
def test_a_secret_is_its_text_or_one_key_of_it(stores, source, value):
    assert fetch({"KEY": source}) == {"KEY": value}


def test_all_of_a_store_come_in_one_call(stores):
    sources = {
        "A": "ssm:/shop/key",
        "B": "ssm:/shop/database-url",
        "C": "ssm:/shop/key",
        "D": "secretsmanager:plain",
        "E": "secretsmanager:shop#stripe",
        "F": "secretsmanager:shop#ports",
    }
    assert set(fetch(sources)) == set(sources)
    assert [operation for operation, _, _ in stores.asked] == [
        "AmazonSSM.GetParameters",
        "secretsmanager.BatchGetSecretValue",
    ]


def test_more_than_aws_takes_at_once_come_in_parts(stores, monkeypatch):
    for number in range(23):
        monkeypatch.setitem(PARAMETERS, f"/many/{number}", str(number))
    found = fetch({f"N{number}": f"ssm:/many/{number}" for number in range(23)})
    assert found == {f"N{number}": str(number) for number in range(23)}
    assert [len(arguments["Names"]) for _, _, arguments in stores.asked] == [10, 10, 3]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ssm:/shop/nothing", "SSM Parameter Store has no /shop/nothing in this region"),
        ("secretsmanager:nothing", "Secrets Manager, nothing: ResourceNotFoundException"),
        ("secretsmanager:shop#nothing", "KEY: the secret shop is not JSON with a key 'nothing'"),
        ("secretsmanager:withheld", "Secrets Manager has no withheld in this region"),
        ("secretsmanager:plain#key", "KEY: the secret plain is not JSON with a key 'key'"),
    ],
)
def test_one_that_is_missing_is_named_without_any_value(stores, source, said):
    with pytest.raises(SecretMissing) as caught:
        fetch({"KEY": source})
    assert str(caught.value) == said
    assert caught.value.__cause__ is None


@pytest.mark.slow
def test_a_store_that_refuses_is_told(stores, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(SecretMissing, match="the secrets could not be fetched: GetParameters: Connection"):
        fetch({"KEY": "ssm:/shop/key"})


def test_loading_puts_them_into_the_environment(stores, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "of before")
    load({"SHOP_KEY": "ssm:/shop/key"})
    assert os.environ["SHOP_KEY"] == "k3y"


def test_a_restored_snapshot_gets_them_again(stores, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    monkeypatch.setenv("SHOP_KEY", "")
    load({"SHOP_KEY": "ssm:/shop/key"})
    monkeypatch.setenv("SHOP_KEY", "of the snapshot, weeks old")
    function, arguments, keywords = get_after_restore()[-1]
    function(*arguments, **keywords)
    assert os.environ["SHOP_KEY"] == "k3y"
