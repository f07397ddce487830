"""What the loader of settings refuses is not written, and what goes with nothing else is."""

import pytest

from lambdify.cli.moving import settlement
from lambdify.cli.moving.reading.setting import Verdict, carry

SUBNETS = carry("subnets", {("vpc", "subnets"): ["subnet-0a"], ("vpc", "security_groups"): ["sg-0b"]})
FILES = carry(
    "files",
    {("efs", "access_point"): "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0a"},
)
SNAPSTART = carry("snapstart", {("function", "snapstart"): True})
TOO_LARGE = carry("memory", {("function", "memory"): 20_000})
UNKNOWN = carry("moon", {("function", "phase"): "full"})
TOKENS = carry("tokens", {("http", "auth"): "jwt"})
BALANCER = carry("balancer", {("http", "endpoint"): "alb", ("http", "alb", "listener"): "arn:x"})


@pytest.fixture
def settle(project):
    root = project({})
    return lambda *found: settlement.settle(found, root, name="shop", stage="dev")


def verdicts(settled):
    return {each.key: each.verdict for each in settled.settings}


def test_what_loads_stays_as_it_is(settle):
    settled = settle(SUBNETS, FILES)
    assert (settled.settings, settled.refused) == ((SUBNETS, FILES), ())


@pytest.mark.parametrize("wrong", [TOO_LARGE, UNKNOWN])
def test_what_the_loader_refuses_is_left_to_the_user_with_its_reason(settle, wrong):
    settled = settle(SUBNETS, wrong)
    assert verdicts(settled) == {"subnets": Verdict.CARRIED, wrong.key: Verdict.BY_HAND}
    assert settled.settings[1].values == {}
    (said,) = settled.refused
    assert said.startswith(f"{wrong.key}: ")
    assert "lambdify.toml" not in said


def test_what_needs_another_one_waits_for_it(settle):
    assert verdicts(settle(TOO_LARGE, FILES, SUBNETS)) == {
        "memory": Verdict.BY_HAND,
        "files": Verdict.CARRIED,
        "subnets": Verdict.CARRIED,
    }


def test_of_two_that_do_not_go_together_the_first_stays(settle):
    settled = settle(SUBNETS, FILES, SNAPSTART)
    assert verdicts(settled)["snapstart"] == Verdict.BY_HAND
    assert "[efs]" in settled.refused[0]


def test_a_guard_that_does_not_load_is_replaced_by_one_that_lets_nobody_in(settle):
    settled = settle(TOKENS)
    assert settled.settings[0].values == {("http", "auth"): "iam"}
    assert "nobody gets in without a signature" in settled.settings[0].why


CDN = carry("cdn", {("http", "cdn"): True})


def test_what_does_not_go_with_a_guard_is_left_out_and_not_the_guard(settle):
    signatures = carry("signatures", {("http", "auth"): "iam"})
    settled = settle(CDN, signatures)
    assert verdicts(settled) == {"cdn": Verdict.BY_HAND, "signatures": Verdict.CARRIED}
    settled = settle(CDN, TOKENS)
    assert {keys: value for each in settled.settings for keys, value in each.values.items()} == {
        ("http", "auth"): "iam"
    }


def test_a_python_that_the_project_does_not_allow_is_not_written(project):
    root = project({"pyproject.toml": "[project]\nname = 'shop'\nrequires-python = '>=3.13'\n"})
    python = carry("runtime", {("function", "python"): "3.12"})
    settled = settlement.settle([python], root, name="shop", stage="")
    assert settled.settings[0].verdict == Verdict.BY_HAND
    assert "requires-python" in settled.refused[0]


def test_a_project_whose_own_files_ask_for_no_python_that_lambda_has_can_be_written_all_the_same(project):
    root = project({"pyproject.toml": "[project]\nname = 'shop'\nrequires-python = '<3.9'\n"})
    assert settlement.settle([SUBNETS], root, name="shop", stage="").refused == ()
