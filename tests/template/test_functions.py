"""The template of functions, their sources, tasks, and what failed: golden files, cfn-lint, and rights."""

import json
import re
from itertools import chain

import pytest
from template.beside import (
    AROUND,
    BESIDE,
    BY_ARN,
    COMBINED,
    EVERYTHING,
    HANDLER,
    ORDERS,
    RESOURCES,
    TABLE,
    TASKS,
    TOGETHER,
    TOPIC,
    calling,
)

from lambdify.cli import template
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import function_conflicts, mappings, names
from lambdify.cli.template import lambdas, roles


def of_kind(body, kind):
    return {
        name: each["Properties"] for name, each in body["Resources"].items() if each["Type"] == f"AWS::{kind}"
    }


def statements(written):
    policies = written.body["Resources"]["Role"]["Properties"]["Policies"]
    (found,) = [each["PolicyDocument"]["Statement"] for each in policies if each["PolicyName"] == "functions"]
    return {tuple(each["Action"]): each for each in found}


@pytest.mark.parametrize("name", BESIDE)
def test_the_template_of_these_settings(write, golden, name):
    golden(f"with/{name}.json", write(BESIDE[name]).text)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMBINED)
def test_cfn_lint_has_nothing_to_say(write, complaints, name):
    assert complaints(write(COMBINED[name]), "eu-central-1") == []


def test_what_a_stage_may_be_besides_is_looked_at_once():
    assert sorted(chain.from_iterable(TOGETHER)) == sorted(AROUND)


@pytest.mark.slow
@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_cfn_lint_has_nothing_to_say_in_other_partitions(write, complaints, region, partition):
    there = json.loads(
        json.dumps(EVERYTHING).replace("arn:aws:", f"arn:{partition}:").replace("eu-central-1", region)
    )
    assert complaints(write({**there, "region": region}), region) == []


def test_an_app_alone_has_nothing_of_it(write):
    """The golden files of other settings hold its whole template."""
    body = write().body
    assert set(body["Parameters"]) == {"Live", "Share"}
    assert not of_kind(body, "SQS::Queue")
    assert list(of_kind(body, "Lambda::Alias")) == ["Alias"]


def test_a_function_without_limits_is_an_alias_of_the_apps_lambda(write):
    body = write(calling()).body
    assert list(of_kind(body, "Lambda::Function")) == ["Function"]
    (version,) = of_kind(body, "Lambda::Version")
    assert of_kind(body, "Lambda::Alias")["AliasWork"] == {
        "FunctionName": {"Ref": "Function"},
        "Name": "work",
        "FunctionVersion": {
            "Fn::If": ["LiveWorkIsPublished", {"Fn::GetAtt": [version, "Version"]}, {"Ref": "LiveWork"}]
        },
    }
    assert body["Parameters"]["LiveWork"]["Default"] == ""


@pytest.mark.parametrize(
    "limit", [{"memory": 256}, {"timeout": 60}, {"storage": 600}, {"reserved_concurrency": 0}]
)
def test_a_limit_of_its_own_makes_a_lambda_of_its_own(write, limit):
    body = write(calling(**limit)).body
    own, app = (of_kind(body, "Lambda::Function")[name] for name in ("FunctionWork", "Function"))
    assert own["FunctionName"] == "shop-dev-work"
    for same in ("Code", "Role", "LoggingConfig", "Layers", "Handler", "Runtime"):
        assert own[same] == app[same]
    differ = {name for name in {*own, *app} if own.get(name) != app.get(name)}
    named = {"memory": "MemorySize", "timeout": "Timeout", "storage": "EphemeralStorage"}
    assert differ == {"FunctionName", named.get(*limit, "ReservedConcurrentExecutions")}
    alias = of_kind(body, "Lambda::Alias")["AliasWork"]
    assert alias["FunctionName"] == {"Ref": "FunctionWork"}
    (version,) = [name for name in of_kind(body, "Lambda::Version") if name.startswith("VersionWork")]
    assert alias["FunctionVersion"]["Fn::If"][1] == {"Fn::GetAtt": [version, "Version"]}


def test_a_lambda_of_its_own_publishes_a_version_when_it_changes_and_not_else(write):
    def versions(**limits):
        return {
            name[:7] == "Version" and name
            for name in of_kind(write(calling(**limits)).body, "Lambda::Version")
        }

    before, after = versions(timeout=60), versions(timeout=61)
    assert len(before & after) == 1  # the app's
    assert versions(timeout=60, retries=1) == before
    assert versions(timeout=60, reserved_concurrency=1) == before


def test_functions_do_without_what_answers_requests(write):
    body = write(calling(timeout=60) | AROUND["streaming"] | {"function.snapstart": True}).body
    own = of_kind(body, "Lambda::Function")["FunctionWork"]
    assert own["Handler"] == "lambdify.adapter.entry.handler"
    assert "SnapStart" not in own


def test_events_that_are_given_up_go_to_the_stages_queue_or_where_the_function_says(write):
    found = of_kind(write(BESIDE["functions-of-their-own"]).body, "Lambda::EventInvokeConfig")
    places = {
        name: each.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        for name, each in found.items()
    }
    assert places == {
        "AsyncNightlyReport": {"Fn::GetAtt": ["FailedQueue", "Arn"]},
        "AsyncSendMail": None,
        "AsyncWork": {"Ref": "Paid"},
        "AsyncOther": ORDERS,
    }
    allowed = statements(write(BESIDE["functions-of-their-own"]))
    assert allowed[("sqs:SendMessage",)]["Resource"] == [{"Fn::GetAtt": ["FailedQueue", "Arn"]}, ORDERS]
    assert allowed[("sns:Publish",)]["Resource"] == {"Ref": "Paid"}


def test_the_role_may_read_the_sources_that_are_named_and_no_others(write):
    allowed = statements(write(calling(**BY_ARN)))
    reading = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    assert allowed[reading]["Resource"] == [ORDERS, f"{ORDERS}.fifo"]
    assert allowed[("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")][
        "Resource"
    ] == (TABLE)
    wide = {action for actions, each in allowed.items() if each["Resource"] == "*" for action in actions}
    assert wide == {"dynamodb:ListStreams", "kinesis:ListStreams"} <= set(roles.WILDCARDS)


def test_the_schedules_role_may_call_what_is_scheduled_and_nothing_else(write):
    def called(overrides):
        (policy,) = write(overrides).body["Resources"]["ScheduleRole"]["Properties"]["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        return statement["Resource"]

    schedule = [{"every": "1 hour"}]
    two = {"functions": {name: {"handler": HANDLER, "schedule": schedule} for name in ("one", "two")}}
    assert called(two) == [{"Ref": "Alias"}, {"Ref": "AliasOne"}, {"Ref": "AliasTwo"}]
    assert called(calling(schedule=schedule) | {"warm.every": "off"}) == {"Ref": "AliasWork"}
    assert "ScheduleRole" not in write(calling() | {"warm.every": "off"}).body["Resources"]


def test_whoever_calls_a_function_may_do_so_for_one_thing_alone(write):
    allowed = of_kind(write(calling(**BY_ARN)).body, "Lambda::Permission")
    ours = {name: each for name, each in allowed.items() if each["FunctionName"] == {"Ref": "AliasWork"}}
    assert {name: each["Principal"] for name, each in ours.items()} == {
        "Sns1WorkPermission": "sns.amazonaws.com",
        "Sns2WorkPermission": "sns.amazonaws.com",
        **{
            f"{source}WorkPermission": "events.amazonaws.com"
            for source in ("S31", "S32", "Events1", "Events2")
        },
        "Invokers1WorkPermission": "cognito-idp.amazonaws.com",
        "Invokers2WorkPermission": "s3.amazonaws.com",
    }
    assert ours["Sns1WorkPermission"]["SourceArn"] == TOPIC
    assert ours["S31WorkPermission"]["SourceArn"] == {"Fn::GetAtt": ["S31Work", "Arn"]}
    # A bucket's ARN has no account: without one, the next owner of the name could call.
    assert [name for name, each in ours.items() if "SourceAccount" in each] == ["Invokers2WorkPermission"]
    assert all(each["SourceArn"] for each in ours.values())


def test_tasks_are_done_one_by_one_and_only_as_many_at_once_as_there_are_workers(write):
    body = write({**TASKS, "tasks.timeout": 60, "tasks.attempts": 3}).body
    queue = of_kind(body, "SQS::Queue")["TasksQueue"]
    assert (queue["VisibilityTimeout"], queue["RedrivePolicy"]["maxReceiveCount"]) == (360, 3)
    (source,) = of_kind(body, "Lambda::EventSourceMapping").values()
    assert (source["BatchSize"], source["ScalingConfig"]) == (1, {"MaximumConcurrency": 10})
    functions = of_kind(body, "Lambda::Function")
    assert functions["FunctionTasks"]["Timeout"] == 60
    for each in functions.values():
        assert each["Environment"]["Variables"] == {
            "LAMBDIFY_TASKS": {"Ref": "TasksQueue"},
            "LAMBDIFY_TASKS_FAILED": {"Ref": "FailedQueue"},
            "LAMBDIFY_TASKS_LATER": {"Fn::GetAtt": ["TasksLaterRole", "Arn"]},
            "LAMBDIFY_TASKS_RESULTS": {"Ref": "TasksTable"},
        }


def test_a_role_of_the_users_own_is_given_nothing_and_no_mapping_waits_for_ours(write):
    body = write(calling(**BY_ARN) | AROUND["with a role"]).body
    assert "Role" not in body["Resources"]
    assert not [each for each in body["Resources"].values() if "Role" in each.get("DependsOn", ())]


def test_code_in_every_lambda_of_the_stage_is_denied_what_lambda_needs_to_attach_it(write):
    role = write(EVERYTHING | AROUND["in a network"]).body["Resources"]["Role"]["Properties"]
    (network,) = [each for each in role["Policies"] if each["PolicyName"] == "vpc"]
    denied = network["PolicyDocument"]["Statement"][1]["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]
    ends = [each["Fn::Sub"].rpartition(":")[2] for each in denied]
    assert ends == ["shop-dev", "shop-dev-nightly-report", "shop-dev-other", "shop-dev-tasks"]


@pytest.mark.parametrize("name", COMBINED)
def test_names_of_ours_are_known_to_be_ours(make_settings, write, name):
    ours = function_conflicts.our_ids(make_settings("dev", COMBINED[name]))
    body = write(COMBINED[name]).body
    found = {*body["Resources"], *body["Parameters"]} - set(RESOURCES)
    assert [
        each for each in found if not mappings.OUR_RESOURCES.fullmatch(each) and not ours.fullmatch(each)
    ] == []


@pytest.mark.parametrize(
    "name",
    [
        "AliasWork",
        "FunctionWork",
        "LiveWork",
        "VersionWork0123456789ab",
        "Sqs2Work",
        "FailedQueue",
        "TasksQueue",
    ],
)
def test_a_resource_that_is_called_as_one_of_ours_is_refused_where_there_are_functions(make_settings, name):
    own = {"resources": {name: RESOURCES["Paid"]}}
    assert make_settings("dev", own).resources
    with pytest.raises(SettingsError) as caught:
        make_settings("dev", own | calling())
    assert caught.value.message == f'"{name}" in [resources] is a logical id of lambdify\'s own.'
    assert caught.value.hint == f'Choose another one, such as "My{name}".'


@pytest.mark.parametrize(("name", "stage"), [("shop", "dev"), ("n" * 40, "production"), ("s" * 25, "live")])
def test_names_of_schedules_and_rules_fit_and_are_the_stages_own(make_settings, name, stage):
    long = {"functions": {"f" * 120: {"handler": HANDLER}, "report": {"handler": HANDLER}}}
    settings = make_settings(stage, {"name": name, **long})
    found = [
        make(settings, function, *more)
        for function in settings.functions.values()
        for make, more in ((names.schedule, (1,)), (names.schedule, (12,)), (names.rule, ("events", 12)))
    ]
    assert len(set(found)) == len(found)
    assert all(len(each) <= 64 and re.fullmatch(r"[\w.-]+", each) for each in found)
    assert all(each.startswith(names.beginnings(settings)) for each in found)


def test_all_aliases_but_the_apps_are_told(make_settings):
    settings = make_settings("dev", EVERYTHING)
    assert lambdas.aliases(settings) == ("nightly-report", "send_mail", "work", "other", "tasks")
    assert settings.own_lambdas == ("nightly-report", "other", "tasks")
    assert settings.lambda_name("other") == "shop-dev-other"
    assert settings.lambda_name("work") == settings.lambda_name("live") == "shop-dev"
    assert template.LIVE == "Live"
