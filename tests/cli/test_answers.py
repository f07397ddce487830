"""Answers as text for a person and as a value for a program."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lambdify.cli import answers
from lambdify.cli.local.cloud import Cloud, Stage


@dataclass(frozen=True)
class Told:
    at: datetime
    where: Path


def test_a_value_is_json_with_moments_as_iso_8601():
    value = answers.value(Told(datetime(2026, 11, 23, 12, 0, tzinfo=UTC), Path("/shop")))
    assert json.loads(json.dumps(value)) == value == {"at": "2026-11-23T12:00:00+00:00", "where": "/shop"}


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
