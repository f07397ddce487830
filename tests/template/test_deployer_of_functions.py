"""The deployer's policy of a stage with functions and tasks: each thing by its name, and no more."""

import pytest
from stages import stage_in
from template.beside import BY_ARN, BY_NAME, CLICKS, EVERYTHING, RESOURCES, TABLE, TASKS, TOPIC, calling

from lambdify.cli import aws
from lambdify.cli.template import deployer

ACCOUNT = aws.placeholder_account("123456789012", "eu-central-1", "aws")
HERE = "eu-central-1:123456789012"


@pytest.fixture
def resources(make_settings):
    """`resources({"tasks.workers": 2}, "sqs:CreateQueue")`: on what the policy allows the action."""

    def resources(overrides, action, stage="dev"):
        found = deployer.write(stage_in(ACCOUNT, make_settings(stage, overrides))).document["Statement"]
        return [arn for each in found if action in each["Action"] for arn in each["Resource"]]

    return resources


def test_queues_tables_groups_and_alarms_are_the_stages_own(resources):
    stage = {**TASKS, "failed.notify": [TOPIC]}
    queues = [f"arn:aws:sqs:{HERE}:shop-dev-failed", f"arn:aws:sqs:{HERE}:shop-dev-tasks"]
    assert resources(stage, "sqs:CreateQueue") == queues
    assert resources(calling(), "sqs:CreateQueue") == queues[:1]
    assert resources(stage, "dynamodb:CreateTable") == [f"arn:aws:dynamodb:{HERE}:table/shop-dev-tasks"]
    assert resources(stage, "scheduler:CreateScheduleGroup") == [
        f"arn:aws:scheduler:{HERE}:schedule-group/shop-dev-tasks"
    ]
    assert f"arn:aws:cloudwatch:{HERE}:alarm:shop-dev-failed" in resources(stage, "cloudwatch:PutMetricAlarm")


def test_sources_are_those_that_the_settings_name(resources):
    stage = calling(**BY_ARN)
    assert resources(stage, "sns:Subscribe") == [TOPIC, "arn:aws:sns:us-east-1:123456789012:alerts"]
    assert resources(stage, "events:PutRule") == [
        f"arn:aws:events:{HERE}:rule/shop-dev.*",
        f"arn:aws:events:{HERE}:rule/*/shop-dev.*",
    ]
    assert resources(stage, "scheduler:CreateSchedule") == [
        f"arn:aws:scheduler:{HERE}:schedule/default/shop-dev",
        f"arn:aws:scheduler:{HERE}:schedule/default/shop-dev.*",
    ]


def test_a_topic_of_the_projects_own_has_the_name_that_cloudformation_makes_up(resources):
    stage = calling(sns=[{"topic": "Paid"}]) | {"resources": RESOURCES}
    assert resources(stage, "sns:Subscribe") == [f"arn:aws:sns:{HERE}:*-Paid-*"]


@pytest.mark.parametrize("action", ["dynamodb:GetRecords", "kinesis:GetShardIterator"])
def test_what_was_given_up_is_read_again_from_the_streams_that_call_and_no_others(resources, action):
    assert resources(calling(**BY_ARN), action) == [TABLE, CLICKS]
    assert resources(calling(**BY_NAME) | {"resources": RESOURCES}, action) == [
        f"arn:aws:dynamodb:{HERE}:table/shop-dev-Table-*/stream/*",
        f"arn:aws:kinesis:{HERE}:stream/shop-dev-Clicks-*",
    ]
    assert resources(calling(), action) == []


def test_mappings_are_made_for_the_stages_lambdas_alone(make_settings):
    found = deployer.write(stage_in(ACCOUNT, make_settings("dev", EVERYTHING))).document["Statement"]
    (statement,) = [each for each in found if "lambda:CreateEventSourceMapping" in each["Action"]]
    names = ["shop-dev", "shop-dev-nightly-report", "shop-dev-other", "shop-dev-tasks"]
    assert statement["Condition"]["ArnLike"]["lambda:FunctionArn"] == [
        f"arn:aws:lambda:{HERE}:function:{name}{versions}" for name in names for versions in ("", ":*")
    ]


def test_every_lambda_of_the_stage_may_be_made_and_its_aliases_moved(resources):
    for action in ("lambda:CreateFunction", "lambda:UpdateAlias", "lambda:PutFunctionEventInvokeConfig"):
        assert f"arn:aws:lambda:{HERE}:function:shop-dev-tasks" in resources(EVERYTHING, action)


@pytest.mark.parametrize(
    "action", ["sqs:CreateQueue", "dynamodb:CreateTable", "sns:Subscribe", "events:PutRule"]
)
def test_what_is_in_the_projects_own_resources_gives_no_right_on_ours(resources, action):
    assert resources({"resources": RESOURCES}, action) == []


def test_a_stage_with_everything_fits_a_role(make_settings):
    settings = make_settings("dev", EVERYTHING | {"commands.timeout": 900})
    assert deployer.write(stage_in(ACCOUNT, settings)).size <= 10_240
