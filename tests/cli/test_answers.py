"""Answers as text for a person and as a value for a program."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from lambdify.cli import answers
from lambdify.cli.local.cloud import Cloud, Stage
from lambdify.cli.status import Status

STATUS = Status(
    stack="shop-dev",
    state="UPDATE_COMPLETE",
    reason="",
    region="eu-central-1",
    endpoint="https://abc.execute-api.eu-central-1.amazonaws.com",
    function="shop-dev",
    version="7",
    runtime="python3.13",
    memory=512,
    timeout=30,
    code_size=1_234_567,
    changed_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    schedule="rate(5 minutes)",
    app="a" * 64,
    layer="",
)


def test_a_status_is_one_fact_a_line():
    assert answers.status(STATUS).splitlines() == [
        "endpoint   https://abc.execute-api.eu-central-1.amazonaws.com",
        "stack      shop-dev in eu-central-1",
        f"state      UPDATE_COMPLETE, since {STATUS.changed_at.astimezone():%Y-%m-%d %H:%M}",
        "function   shop-dev, version 7",
        "runtime    python3.13, 512 MB, 30 s",
        "code       1.2 MB",
        "app        aaaaaaaaaaaaaaaa",
        "kept warm  rate(5 minutes)",
    ]


def test_a_stage_that_is_not_kept_warm_says_so():
    assert answers.status(replace(STATUS, schedule="")).splitlines()[-1] == "kept warm  no"


def test_a_value_is_json_with_moments_as_iso_8601():
    value = answers.value(STATUS)
    assert json.loads(json.dumps(value)) == value
    assert value["changed_at"] == "2026-11-23T12:00:00+00:00"


def test_the_local_cloud_is_a_table_of_its_stages(tmp_path):
    cloud = Cloud(
        endpoint_url="http://127.0.0.1:4566",
        control_url="http://127.0.0.1:1",
        pid=1,
        version="0",
        home=tmp_path,
    )
    stage = Stage(
        name="shop-dev",
        region="us-east-1",
        url="http://127.0.0.1:8000",
        function="shop-dev",
        version="2",
        environments=3,
    )
    assert answers.local(cloud, [stage]).splitlines() == [
        "Stage     Region     Endpoint               Version  Environments",
        "shop-dev  us-east-1  http://127.0.0.1:8000        2             3",
    ]
    assert answers.local(cloud, []).endswith("AWS's APIs: http://127.0.0.1:4566")
    assert answers.local(None, []) == "The local cloud is not running."
