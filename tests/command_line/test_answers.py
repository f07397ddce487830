"""Answers as text for a person and as a value for a program."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lambdify.cli.command_line import answers
from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.daemon.cloud import Cloud, ServedStage
from lambdify.cli.releases import Release


@dataclass(frozen=True)
class Told:
    at: datetime
    where: Path


def test_a_value_is_json_with_moments_as_iso_8601():
    value = answers.to_json(Told(datetime(2026, 11, 23, 12, 0, tzinfo=UTC), Path("/shop")))
    assert json.loads(json.dumps(value)) == value == {"at": "2026-11-23T12:00:00+00:00", "where": "/shop"}


def release(number, state, **more):
    known = {"by": "", "commit": "", "dirty": False, "reason": ""} | more
    return Release(
        number=number,
        at=datetime(2026, 11, 23, 12, 0).astimezone(),  # where the reader is
        stack="",
        version=str(number),
        artifacts=(),
        settings={},
        state=state,
        **known,
    )


def test_releases_are_a_table_with_a_mark_at_what_is_live():
    by = "arn:aws:sts::123456789012:assumed-role/Deployer/anna"
    found = [
        release(12, "failed", by=by, commit="1f2e3d4c" * 5, reason="no answer"),
        release(11, "live", by=by, commit="0a1b2c3d" * 5, dirty=True),
        release(9, "pruned"),
    ]
    assert answers.show_releases(found).splitlines() == [
        "   Release  When              Who                         Commit      Version  State",
        "        12  2026-11-23 12:00  assumed-role/Deployer/anna  1f2e3d4c1        12  failed: no answer",
        "▶       11  2026-11-23 12:00  assumed-role/Deployer/anna  0a1b2c3d0*       11  live",
        "         9  2026-11-23 12:00  ?                           -                 9  pruned",
    ]
    assert answers.show_releases([]) == "No release is recorded."


def test_a_reason_takes_one_line_of_the_table_however_long_it_is():
    page = (
        "Version 2 answered GET /health with 500 instead of 200: <!doctype html>\n<html lang=en>\n"
        + "x " * 200
    )
    (_, line) = answers.show_releases([release(2, "failed", reason=page)]).splitlines()
    assert "failed: Version 2 answered GET /health with 500 instead of 200: <!doctype html> <html" in line
    assert line.endswith(" ...")


def test_a_live_release_that_failed_says_that_it_did():
    (_, line) = answers.show_releases([release(1, "live", reason="Version 1 does not answer.")]).splitlines()
    assert line.endswith("live, but failed: Version 1 does not answer.")


def test_the_local_cloud_is_a_table_of_its_stages(tmp_path):
    cloud = Cloud(
        endpoint_url="http://127.0.0.1:4566",
        control=tmp_path / "control.sock",
        credentials=Credentials("LAMBDIFYKEY", "very-secret"),
        pid=1,
        version="0",
        home=tmp_path,
    )
    stage = ServedStage(
        name="shop-dev",
        region="us-east-1",
        url="http://127.0.0.1:8000",
        function="shop-dev",
        version="2",
        environments=3,
    )
    assert answers.show_local(cloud, [stage]).splitlines() == [
        "Stage     Region     Endpoint               Version  Environments",
        "shop-dev  us-east-1  http://127.0.0.1:8000        2             3",
        "",
        "AWS's APIs: http://127.0.0.1:4566, with the keys that `lambdify local env` prints.",
    ]
    assert "AWS's APIs: http://127.0.0.1:4566, with" in answers.show_local(cloud, [])
    assert "very-secret" not in answers.show_local(cloud, [stage]) + repr(cloud)
    assert answers.show_local(None, []) == "The local cloud is not running."
