"""The right to read secrets: exactly those, in every partition, and what AWS wants beside it."""

import re

from lambdify.adapter.aws.secrets import fetch
from lambdify.cli.template import secrets


def test_a_stage_without_secrets_may_read_none():
    assert secrets.statements({}) == []


def test_parameters_are_named_one_by_one():
    (statement,) = secrets.statements({"A": "ssm:/shop/key", "B": "ssm:plain", "C": "ssm:/shop/key"})
    assert statement["Action"] == ["ssm:GetParameters"]
    start = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/"
    assert statement["Resource"] == [{"Fn::Sub": f"{start}shop/key"}, {"Fn::Sub": f"{start}plain"}]


def test_secrets_are_named_one_by_one_with_the_six_characters_that_aws_adds():
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf"
    sources = {"A": "secretsmanager:shop#a", "B": "secretsmanager:shop#b", "C": f"secretsmanager:{arn}"}
    read, batch = secrets.statements(sources)
    assert read["Action"] == ["secretsmanager:GetSecretValue"]
    assert read["Resource"][0] == arn
    assert [re.search(r"secret:(.*)", each["Fn::Sub"])[1] for each in read["Resource"][1:]] == ["shop-??????"]
    assert batch == {"Effect": "Allow", "Action": ["secretsmanager:BatchGetSecretValue"], "Resource": ["*"]}


def test_both_stores_give_what_was_put_into_them(account, cloud, monkeypatch):
    account.client("ssm").put_parameter(Name="/shop/key", Value="k3y", Type="SecureString")
    account.client("secretsmanager").create_secret(Name="shop", SecretString='{"stripe": "sk_live_1"}')
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    monkeypatch.setenv("AWS_REGION", account.region)
    # ministack takes a key id of twelve digits for the number of the account.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account.account_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sources = {"KEY": "ssm:/shop/key", "STRIPE": "secretsmanager:shop#stripe"}
    assert fetch(sources) == {"KEY": "k3y", "STRIPE": "sk_live_1"}
