"""What changes mean, worked out from templates and from what CloudFormation says."""

import pytest

from lambdify.cli.plan import costs, preview, rights
from lambdify.cli.plan.drift import Drift, DriftedResource
from lambdify.cli.stacks import changes
from lambdify.cli.stacks.changes import Property, UrlChange


def body(endpoint=None, **resources):
    outputs = {"Endpoint": {"Value": endpoint}} if endpoint else {}
    return {"Resources": resources, "Outputs": outputs}


def function(**properties):
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def modified(resource="Function", kind="AWS::Lambda::Function", **more):
    return {"Action": "Modify", "LogicalResourceId": resource, "ResourceType": kind, **more}


def test_values_are_compared_as_deep_as_both_sides_go():
    before = function(MemorySize=512, Environment={"Variables": {"A": "1", "B": "2"}}, Layers=["x"])
    after = function(MemorySize=1024, Environment={"Variables": {"A": "1", "C": "3"}}, Layers=["x", "y"])
    change = changes.read(modified(), body(Function=before), body(Function=after))
    assert change.properties == (
        Property(path="Environment.Variables.B", before="2", after=None),
        Property(path="Environment.Variables.C", before=None, after="3"),
        Property(path="Layers", before=["x"], after=["x", "y"]),
        Property(path="MemorySize", before=512, after=1024),
    )


def test_what_cloudformation_computes_is_compared_as_a_whole():
    (found,) = changes.find_differences({"Role": {"Ref": "Old"}}, {"Role": {"Fn::GetAtt": ["New", "Arn"]}})
    assert found == Property(path="Role", before={"Ref": "Old"}, after={"Fn::GetAtt": ["New", "Arn"]})


def test_the_values_that_cloudformation_gives_come_before_those_of_the_templates():
    target = {
        "Attribute": "Properties",
        "Name": "Environment",
        "Path": "/Properties/Environment/Variables/MODE",
        "BeforeValue": "slow",
        "AfterValue": "fast",
    }
    whole = {"Attribute": "Properties", "Name": "VpcConfig", "BeforeValue": '{"SubnetIds": ["a"]}'}
    untold = {"Attribute": "Properties", "Name": "Role", "RequiresRecreation": "Never"}
    details = [{"Target": each} for each in (target, whole, untold)]
    change = changes.read(modified(Details=details), body(), body(Function=function(MemorySize=1)))
    assert change.properties == (
        Property(path="Environment.Variables.MODE", before="slow", after="fast"),
        Property(path="VpcConfig.SubnetIds", before=["a"], after=None),
    )


@pytest.mark.parametrize("name", ["DB_PASSWORD", "SECRET_KEY", "API_TOKEN", "STRIPE_KEY", "SENTRY_DSN"])
def test_the_value_of_a_variable_that_is_called_like_a_credential_is_hidden(name):
    (found,) = changes.find_differences({"Variables": {name: "old"}}, {"Variables": {name: "new"}})
    assert (found.before, found.after) == ("(hidden)", "(hidden)")


def test_an_address_with_a_password_is_hidden_whatever_it_is_called():
    (found,) = changes.find_differences(
        {"Variables": {}}, {"Variables": {"DB": "postgres://me:pass@host/shop"}}
    )
    assert found.after == "(hidden)"


def test_a_variable_that_is_none_is_shown():
    (found,) = changes.find_differences({"Variables": {"MONKEY": "a"}}, {"Variables": {"MONKEY": "b"}})
    assert (found.before, found.after) == ("a", "b")


LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "shop"}}


@pytest.mark.parametrize(
    ("described", "lost"),
    [
        ({"Action": "Remove", "PolicyAction": "Delete"}, True),
        ({"Action": "Remove", "PolicyAction": "Retain"}, False),
        ({"Action": "Remove", "PolicyAction": "Snapshot"}, False),
        ({"Action": "Modify", "Replacement": "True", "PolicyAction": "ReplaceAndDelete"}, True),
        ({"Action": "Modify", "Replacement": "True", "PolicyAction": "ReplaceAndRetain"}, False),
        ({"Action": "Modify", "Replacement": "Conditional"}, False),
        ({"Action": "Modify", "Replacement": "False"}, False),
    ],
)
def test_data_is_lost_where_its_resource_goes_and_nothing_keeps_it(described, lost):
    change = changes.read(
        {"LogicalResourceId": "Logs", "ResourceType": "AWS::Logs::LogGroup", **described}, body(), body()
    )
    assert change.loses_data is lost


def test_the_policy_of_the_template_counts_where_cloudformation_names_none():
    kept = body(Logs={**LOGS, "DeletionPolicy": "Retain"})
    assert not changes.compare_templates(kept, body())[0].loses_data
    assert changes.compare_templates(body(Logs=LOGS), body())[0].loses_data


def test_a_resource_without_data_loses_none():
    assert not changes.compare_templates(body(Function=function()), body())[0].loses_data


def test_without_cloudformation_the_templates_say_which_resources_change():
    found = changes.compare_templates(
        body(A=function(), B=function(), C=LOGS), body(B=function(X=1), C=LOGS, D=LOGS)
    )
    assert [(each.action, each.resource) for each in found] == [
        ("Remove", "A"),
        ("Modify", "B"),
        ("Add", "D"),
    ]


API = body({"Fn::GetAtt": ["Api", "ApiEndpoint"]}, Api={"Type": "AWS::ApiGatewayV2::Api"})
URL = body({"Fn::Sub": "https://${Url}"}, Url={"Type": "AWS::Lambda::Url"})


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        (API, URL, UrlChange(before="http-api", after="function-url")),
        (API, body(Function=function()), UrlChange(before="http-api", after="none")),
        (API, API, None),
        (body(), API, None),
    ],
)
def test_the_url_changes_with_the_resource_that_it_belongs_to(before, after, moves):
    assert changes.find_url_change(before, after, ()) == moves


def test_the_url_changes_when_that_resource_is_replaced():
    replaced = changes.read(modified("Api", "AWS::ApiGatewayV2::Api", Replacement="True"), API, API)
    assert changes.find_url_change(API, API, (replaced,)) == UrlChange(before="http-api", after="http-api")


def role(*statements, **more):
    document = {"Statement": list(statements)}
    policies = [{"PolicyName": "x", "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies, **more}}


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::GetAtt": ["Files", "Arn"]}}
WRITE = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": "*"}


def test_rights_are_compared_statement_by_statement():
    found = rights.compare(body(Role=role(READ)), body(Role=role(WRITE, PermissionsBoundary="arn:b")))
    assert [(each.added, each.text) for each in found] == [
        (True, "is bounded by arn:b"),
        (False, "may s3:GetObject on Files.Arn"),
        (True, "may s3:PutObject, s3:DeleteObject on *"),
    ]


def test_who_may_invoke_the_function_is_a_right():
    permission = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"},
    }
    (found,) = rights.compare(body(), body(UrlPermission=permission))
    assert (found.resource, found.text) == ("UrlPermission", "everybody may lambda:InvokeFunctionUrl")


def test_a_denial_and_a_trust_read_as_what_they_are():
    deny = {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}}
    trust["Statement"]["Action"] = "sts:AssumeRole"
    found = rights.compare(body(), body(Role=role(deny, AssumeRolePolicyDocument=trust)))
    assert [each.text for each in found] == [
        "lambda.amazonaws.com may sts:AssumeRole",
        "may not anything but s3:* on *",
    ]


def alias(count):
    return {
        "Type": "AWS::Lambda::Alias",
        "Properties": {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": count}},
    }


def monthly(template, **more):
    return {each.what: each.monthly for each in costs.estimate_idle(template, **more)}


def test_provisioned_concurrency_is_paid_for_all_month_by_memory_and_architecture():
    intel = body(Function=function(MemorySize=1024), Alias=alias(2))
    arm = body(Function=function(MemorySize=1024, Architectures=["arm64"]), Alias=alias(2))
    # 2 environments x 1 GB x 730 hours x $0.0000041667
    assert monthly(intel)["provisioned concurrency"] == pytest.approx(21.90, abs=0.01)
    assert monthly(arm)["provisioned concurrency"] == pytest.approx(17.52, abs=0.01)


def test_snapstart_is_paid_for_every_version_that_is_kept():
    template = body(Function=function(MemorySize=1024, SnapStart={"ApplyOn": "PublishedVersions"}))
    assert monthly(template)["SnapStart"] == pytest.approx(3.95, abs=0.01)
    assert monthly(template, kept=5)["SnapStart"] == pytest.approx(19.77, abs=0.01)


def test_keep_warm_calls_are_counted_with_their_requests():
    schedule = {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {"ScheduleExpression": "rate(5 minutes)", "Target": {"Input": '{"lambdify": "x"}'}},
    }
    template = body(Function=function(MemorySize=512), Schedule=schedule)
    # 8760 calls x (0.1 s x 0.5 GB x $0.0000166667 + $0.0000002)
    assert monthly(template)["keep-warm calls"] == pytest.approx(0.0091, abs=0.0001)


def test_what_a_template_does_not_tell_is_named_without_a_number():
    table = {"Type": "AWS::DynamoDB::Table"}
    template = body(Logs=LOGS, Orders=table, Function=function(VpcConfig={"SubnetIds": ["a"]}))
    assert monthly(template) == {"the VPC": None, "log storage of Logs": None, "Orders": None}
    assert costs.total(costs.estimate_idle(template)) == 0


def test_an_endpoint_and_a_role_cost_nothing_when_idle():
    assert monthly(body(Api={"Type": "AWS::ApiGatewayV2::Api"}, Role=role())) == {}


def test_a_shift_costs_its_alarm_when_idle(write):
    written = write({"release.shift": "10% every 2 minutes", "warm.every": "off"})
    assert {what: month for what, month in monthly(written.body).items() if month} == {
        "alarm ShiftAlarm": 0.10
    }
    assert "ShiftReturn" not in monthly(written.body)


def test_the_prices_say_of_when_and_where_they_are():
    assert costs.basis() == "prices of us-east-1, November 2026; other regions differ"


@pytest.mark.parametrize(
    ("amount", "shown"), [(0, "$0.00"), (0.004, "under $0.01"), (0.02, "$0.02"), (12.4, "$12.40")]
)
def test_amounts_read_as_money(amount, shown):
    assert costs.format_dollars(amount) == shown


def shown(found, before, after, drift=None):
    what = preview.make(found, before, after, kept=1)
    return preview.show_in_full(what, drift)


def test_lost_data_and_another_url_stand_out_in_words():
    before = {**API, "Resources": {**API["Resources"], "Logs": LOGS}}
    lines = shown(changes.compare_templates(before, URL), before, URL)
    grave = [line.text for line in lines if line.text.startswith("!")]
    assert grave[0] == "! What Logs holds is deleted with it, and cannot be got back."
    assert grave[1].startswith("! The URL changes (http-api → function-url): clients of the old one")
    assert {line.style for line in lines if line.text.startswith("!")} == {"danger"}


def test_of_long_values_the_part_is_shown_where_they_begin_to_differ():
    before, after = (body(Function=function(Code="same " * 30 + end)) for end in ("old", "new"))
    lines = shown(changes.compare_templates(before, after), before, after)
    assert lines[1].text == "    Code  …same same same old → …same same same new"


def test_what_is_touched_for_its_references_alone_is_told_quietly_and_not_in_short():
    change = changes.read(modified("Role", "AWS::IAM::Role", Replacement="False"), body(), body())
    what = preview.make((change,), body(), body(), kept=1)
    assert preview.show_in_full(what, None)[0].style == "quiet"
    assert preview.summarize(what) == []


def test_what_was_changed_by_hand_is_shown_with_both_values():
    by_hand = DriftedResource(
        resource="Logs",
        kind="AWS::Logs::LogGroup",
        deleted=False,
        properties=(Property(path="RetentionInDays", before="30", after="90"),),
    )
    texts = [line.text for line in shown((), {}, {}, Drift(known=True, reason="", resources=(by_hand,)))]
    assert texts[0] == "Nothing would change."
    assert "      RetentionInDays  30 → 90" in texts


def test_what_is_not_known_of_changes_by_hand_says_why():
    texts = [line.text for line in shown((), {}, {}, Drift(known=False, reason="it took long", resources=()))]
    assert texts[-1] == "Changed by hand: not known, it took long"
