"""What holds for every template, whatever the settings: a matrix, judged by cfn-lint and read as text.

A dozen are golden files; the others are pairs of settings that meet nowhere else.
"""

import itertools
import json
import math
import re
from datetime import date

import pytest
from template.beside import BESIDE
from template.variants import ENDPOINTS, FUNCTIONS, NETWORK, QUEUE

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import mappings
from lambdify.cli.template import roles

EVERY = {
    f"{endpoint}, {function}": {**ENDPOINTS[endpoint], **FUNCTIONS[function]}
    for endpoint, function in itertools.product(ENDPOINTS, FUNCTIONS)
}
DIAGONAL = {
    f"{endpoint}, {function}": EVERY[f"{endpoint}, {function}"]
    for place, endpoint in enumerate(ENDPOINTS)
    for step, function in enumerate(FUNCTIONS)
    if (place + step) % 4 == 0
}
"""Every endpoint and every function, with several others each."""
GOLDEN = {
    **{name: of for name, of in ENDPOINTS.items() if "-" in name.replace("-api", "").replace("-url", "")},
    "alb": ENDPOINTS["alb"],
    "none": ENDPOINTS["none"],
    **{name: of for name, of in FUNCTIONS.items() if name != "plain" and not name.startswith("python")},
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_template_of_these_settings(write, golden, name):
    golden(f"with/{name}.json", write(GOLDEN[name]).text)


@pytest.mark.slow
@pytest.mark.parametrize("name", DIAGONAL)
def test_cfn_lint_has_nothing_to_say(write, complaints, name):
    assert complaints(write(DIAGONAL[name]), "eu-central-1") == []


# GovCloud has no function URLs.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "name"),
    [("cn-north-1", name) for name in ENDPOINTS]
    + [("us-gov-west-1", name) for name in ENDPOINTS if not name.startswith("function-url")],
)
def test_cfn_lint_has_nothing_to_say_in_other_partitions(write, complaints, region, name):
    # The ARNs of the user's own things name the partition that those are in.
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov"
    there = json.loads(json.dumps(ENDPOINTS[name]).replace("arn:aws:", f"arn:{partition}:"))
    assert complaints(write(there), region) == []


@pytest.mark.slow
@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_cfn_lint_has_nothing_to_say_of_a_shift_in_other_partitions(write, complaints, region, partition):
    there = json.loads(json.dumps(FUNCTIONS["shifting"]).replace("arn:aws:", f"arn:{partition}:"))
    assert complaints(write(there), region) == []


@pytest.mark.slow
def test_with_a_role_of_its_own_none_is_made_to_take_a_shift_back(write, complaints):
    written = write(FUNCTIONS["with-a-role"] | FUNCTIONS["shifting"])
    assert {each for each in written.body["Resources"] if each.startswith("Shift")} == {"ShiftAlarm"}
    assert "ShiftUntil" not in written.body["Parameters"]
    assert complaints(written, "eu-central-1") == []


def test_what_takes_a_shift_back_may_do_that_and_no_more(write):
    resources = write(FUNCTIONS["shifting"]).body["Resources"]
    (policy,) = resources["ShiftReturnRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["lambda:UpdateAlias"]
    assert statement["Resource"] == {"Fn::GetAtt": ["Function", "Arn"]}
    assert resources["ShiftReturn"]["Condition"] == "ShiftGuarded"


def test_kinds_of_endpoints_have_nothing_in_common_so_that_a_stage_can_switch(write):
    """CloudFormation makes the new one, then removes the old one; a shared name would be changed in place."""
    kinds = {}
    common = {name for name in write(ENDPOINTS["none"]).body["Resources"] if not name.startswith("Version")}
    for overrides in ENDPOINTS.values():
        found = {name for name in write(overrides).body["Resources"] if not name.startswith("Version")}
        kinds.setdefault(overrides.get("http.endpoint", "http-api"), set()).update(found - common)
    assert all(kinds[kind] for kind in kinds if kind != "none")
    for one, other in itertools.combinations(kinds.values(), 2):
        assert one & other == set()


def statements(value):
    """Every IAM statement in a template, wherever it is."""
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for inner in value.values():
            yield from statements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from statements(inner)


def listed(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.slow
def test_no_right_is_for_everything_but_where_aws_has_nothing_narrower(write):
    wide = set()
    for overrides in (*EVERY.values(), *BESIDE.values()):
        for each in statements(write(overrides).body["Resources"]):
            if each["Effect"] == "Allow":
                assert not [action for action in listed(each["Action"]) if "*" in action], each
                if "*" in listed(each.get("Resource")):
                    wide |= set(listed(each["Action"]))
    assert wide == set(roles.WILDCARDS)
    assert all(reason.endswith(".") for reason in roles.WILDCARDS.values())


def test_what_lambda_needs_to_attach_a_function_its_code_is_denied(write):
    (network,) = [
        policy["PolicyDocument"]["Statement"]
        for policy in write(NETWORK).body["Resources"]["Role"]["Properties"]["Policies"]
        if policy["PolicyName"] == "vpc"
    ]
    allowed, denied = network
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"]
    function = denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]["Fn::Sub"]
    assert function.endswith(":${AWS::AccountId}:function:shop-dev")


@pytest.mark.slow
def test_no_arn_of_ours_says_which_partition_it_is_in(write):
    theirs = set(re.findall(r'"(arn:aws:[^"]*)"', json.dumps(EVERY)))
    ours = {
        arn.replace("access-point/fsap-0a1b2c3d4e5f60718", "file-system/*")
        for arn in theirs
        if ":access-point/" in arn
    }
    for overrides in EVERY.values():
        text = write(overrides).text
        found = set(re.findall(r'"(arn:aws[^"]*)"', text))
        assert found <= theirs | ours
        assert text.count("arn:aws") == sum(text.count(f'"{arn}"') for arn in found)


@pytest.mark.slow
def test_only_services_may_call_the_alias_and_each_for_one_thing_of_this_account(write):
    for overrides in EVERY.values():
        for each in write(overrides).body["Resources"].values():
            if each["Type"] != "AWS::Lambda::Permission" or each["Properties"]["Principal"] == "*":
                continue
            permission = each["Properties"]
            assert ":${AWS::AccountId}:" in permission["SourceArn"]["Fn::Sub"]
            assert permission["Action"] == "lambda:InvokeFunction"
            balanced = permission["Principal"] == "elasticloadbalancing.amazonaws.com"
            assert ("SourceAccount" in permission) == balanced


@pytest.mark.slow
def test_a_name_of_ours_is_refused_for_resources_and_outputs_of_the_users_own(write):
    for overrides in EVERY.values():
        body = write(overrides).body
        ours = {*body["Resources"], *body["Parameters"]} - {"Orders"}
        assert [name for name in ours if not mappings.OUR_RESOURCES.fullmatch(name)] == []
        outputs = set(body["Outputs"]) - {"OrdersUrl"}
        assert [name for name in outputs if not mappings.OUR_OUTPUTS.fullmatch(name)] == []


@pytest.mark.parametrize(
    ("table", "name", "value"),
    [
        ("resources", "Function", QUEUE),
        ("resources", "Version0123456789ab", QUEUE),
        ("resources", "Live", QUEUE),
        ("resources", "RestApi", QUEUE),
        ("outputs", "Endpoint", {"Value": "x"}),
    ],
)
def test_a_clash_with_a_name_of_ours_names_it(make_settings, table, name, value):
    with pytest.raises(SettingsError) as caught:
        make_settings("dev", {table: {name: value}})
    assert f'"{name}" in [{table}]' in caught.value.message
    assert f'"My{name}"' in caught.value.hint


@pytest.mark.parametrize("value", [date(2012, 10, 17), math.inf])
def test_what_toml_can_say_and_a_template_cannot_is_refused(make_settings, value):
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "since", "Value": value}]}}
    with pytest.raises(SettingsError) as caught:
        make_settings("dev", {"resources": {"Orders": queue}})
    assert "resources.Orders.Properties.Tags.Value is a date or a number" in caught.value.message
    assert caught.value.hint == "Put it in quotes."


def test_the_users_own_resources_and_outputs_are_beside_ours(write):
    body = write(FUNCTIONS["with-resources"]).body
    assert body["Resources"]["Orders"] == QUEUE
    assert body["Outputs"]["OrdersUrl"] == {"Value": {"Ref": "Orders"}}
    assert body["Resources"]["Function"]["Type"] == "AWS::Lambda::Function"
