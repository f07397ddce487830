"""`lambdify policy` as it is typed: it asks nobody where the account is given."""

import json

import pytest

SETTINGS = """
name = "shop"
region = "eu-central-1"
[resources.Orders]
Type = "AWS::SQS::Queue"
"""


@pytest.fixture
def shop(project):
    return project({"app.py": "", "lambdify.toml": SETTINGS})


def test_the_answer_is_a_policy_and_nothing_else(lambdify, shop):
    asked = lambdify("policy", "production", "--account", "123456789012", cwd=shop)
    assert asked.returncode == 0
    policy = json.loads(asked.stdout)
    assert "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-production/*" in asked.stdout
    assert {each["Effect"] for each in policy["Statement"]} == {"Allow"}


def test_what_it_does_not_cover_is_said(lambdify, shop):
    asked = lambdify("policy", "--account", "123456789012", cwd=shop)
    assert asked.stderr == (
        "warning: [resources]: what AWS::SQS::Queue needs is not known here, and has to be added.\n"
    )


def test_the_trust_policy_is_for_the_stages_environment_and_the_branch(lambdify, shop):
    words = ["policy", "production", "--account", "123456789012", "--github", "octo/shop", "--branch", "next"]
    asked = lambdify(*words, cwd=shop)
    assert "repo:octo/shop:environment:production" in asked.stdout
    assert "repo:octo@*/shop@*:ref:refs/heads/next" in asked.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--account", "1234"), "--account takes the twelve digits of an account."),
        (
            ("--account", "123456789012", "--github", "shop"),
            "--github takes a repository, such as octo/shop.",
        ),
    ],
)
def test_a_wrong_word_is_refused(lambdify, shop, words, said):
    asked = lambdify("policy", *words, cwd=shop)
    assert asked.returncode == 2
    assert said in asked.stderr
