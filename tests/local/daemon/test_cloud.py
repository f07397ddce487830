"""The local cloud from outside: what is deployed through AWS's APIs answers HTTP."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from local.stacks import Deployed
from waiting import eventually

from lambdify.cli.errors import NotDeployed, PortTaken, PythonNotFound
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.programs import pythons

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

ECHO = "def handler(event, context):\n    print('asked for', event['rawPath'])\n    return event\n"
Deploy = Callable[..., Deployed]


MINORS = [minor for minor in ("3.11", "3.12", "3.13", "3.14") if pythons.find(minor)]


def test_a_deployed_function_answers_http_with_what_api_gateway_would_have_asked(deploy: Deploy) -> None:
    app = deploy(ECHO)
    event = httpx.post(f"{app.url}/a%20b?x=1&x=2", content=b"hello", headers={"x-probe": "1"}).json()
    assert event["version"] == "2.0"
    assert event["rawPath"] == "/a b"
    assert event["rawQueryString"] == "x=1&x=2"
    assert event["body"] == "hello"
    assert event["headers"]["x-probe"] == "1"
    assert event["requestContext"]["http"]["method"] == "POST"


def test_a_redeployed_function_answers_at_the_same_url_at_once(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return 'one'\n")
    url = app.url
    assert httpx.get(url).text == "one"
    app.update("def handler(event, context):\n    return 'two'\n")
    assert app.url == url
    assert httpx.get(url).text == "two"


def test_an_alias_with_two_versions_shares_the_requests_between_them(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return 'one'\n")
    httpx.get(app.url)
    app.update("def handler(event, context):\n    return 'two'\n")
    httpx.get(app.url)
    alias = {"FunctionName": app.name, "Name": "live"}
    weights = {"AdditionalVersionWeights": {"1": 0.5}}
    app.account.client("lambda").update_alias(**alias, FunctionVersion="2", RoutingConfig=weights)
    assert eventually(lambda: httpx.get(app.url).text == "one")
    assert eventually(lambda: httpx.get(app.url).text == "two")
    app.account.client("lambda").update_alias(
        **alias, FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {"1": 0.0}}
    )
    assert eventually(lambda: {httpx.get(app.url).text for _ in range(20)} == {"two"})


def test_what_comes_through_the_endpoint_is_counted_by_version(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return 1 / ('fail' not in event['rawPath'])\n")
    httpx.get(app.url)
    httpx.get(f"{app.url}/fail")
    version = {"FunctionName": app.name, "Resource": f"{app.name}:live", "ExecutedVersion": "1"}

    def count(metric: str, dimensions: dict[str, str]) -> float:
        now = datetime.now(UTC)
        found = app.account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in found["Datapoints"]))

    assert eventually(lambda: count("Errors", version) == 1.0)
    assert count("Invocations", version) == 2.0
    assert count("Errors", {"FunctionName": app.name}) == 1.0


def test_its_log_lines_reach_cloudwatch_once(deploy: Deploy) -> None:
    app = deploy(ECHO)
    httpx.get(f"{app.url}/shop")
    assert eventually(lambda: any(line.startswith("REPORT") for line in app.log()))
    assert app.log().count("asked for /shop") == 1
    assert sum(line.startswith("START") for line in app.log()) == 1


def test_an_invocation_brings_back_what_the_function_returns(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return [event, context.invoked_function_arn]\n")
    answer = app.account.client("lambda").invoke(
        FunctionName=app.name, Qualifier="live", Payload=b'{"n": 1}', LogType="Tail"
    )
    event, arn = json.load(answer["Payload"])
    assert event == {"n": 1}
    assert f":function:{app.name}" in arn
    assert answer["ExecutedVersion"] == "1"
    assert "FunctionError" not in answer
    assert answer["LogResult"]


def test_an_invocation_brings_back_how_the_function_failed(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    raise ValueError('no such thing')\n")
    answer = app.account.client("lambda").invoke(FunctionName=app.name, Qualifier="live")
    body = json.load(answer["Payload"])
    assert answer["FunctionError"] == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "no such thing")
    assert body["stackTrace"]


@pytest.mark.parametrize("minor", MINORS)
def test_a_function_runs_on_its_own_python(deploy: Deploy, minor: str) -> None:
    app = deploy(
        "import sys\ndef handler(event, context):\n    return '%d.%d' % sys.version_info[:2]\n", python=minor
    )
    assert httpx.get(app.url).text == minor


def test_a_python_that_this_machine_does_not_have_is_named(deploy: Deploy) -> None:
    with pytest.raises(PythonNotFound, match=r"no Python 3\.99"):
        deploy(ECHO, python="3.99")


def test_layers_lie_over_one_another_in_their_order(deploy: Deploy) -> None:
    app = deploy(
        "import a, b\ndef handler(event, context):\n    return [a.where, b.where]\n",
        layers={
            "Lower": {"python/a.py": "where = 'lower'", "python/b.py": "where = 'lower'"},
            "Upper": {"python/a.py": "where = 'upper'"},
        },
    )
    assert httpx.get(app.url).json() == ["upper", "lower"]


def test_a_body_of_bytes_goes_in_and_comes_out_unchanged(deploy: Deploy) -> None:
    app = deploy(
        "def handler(event, context):\n"
        "    assert event['isBase64Encoded']\n"
        "    return {'statusCode': 200, 'body': event['body'], 'isBase64Encoded': True}\n"
    )
    data = bytes(range(256)) * 4096
    assert httpx.post(app.url, content=data).content == data


def test_two_stages_are_up_at_once_and_apart(deploy: Deploy, cloud: room.Cloud) -> None:
    one = deploy("def handler(event, context):\n    return 'one'\n")
    two = deploy("def handler(event, context):\n    return 'two'\n")
    assert (httpx.get(one.url).text, httpx.get(two.url).text) == ("one", "two")
    listed = {stage.name: stage for stage in room.status(cloud)}
    assert listed[one.name] == room.ServedStage(
        name=one.name, region="us-east-1", url=one.url, function=one.name, version="1", environments=1
    )
    assert listed[two.name].url == two.url


MEET = """
import os, pathlib, time, uuid
def handler(event, context):
    here = pathlib.Path({folder!r})
    here.joinpath(uuid.uuid4().hex).touch()
    while len(os.listdir(here)) < {wanted}: time.sleep(0.01)
    return "done"
"""
"""Answers when so many requests have come together, or so many files have been put there."""


def test_requests_at_once_are_answered_at_once(deploy: Deploy, tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    app = deploy(MEET.format(folder=str(meeting), wanted=6))
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: httpx.get(app.url, timeout=60).text, range(6)))
    assert answers == ["done"] * 6


def test_a_stage_listens_on_the_port_that_it_asks_for(deploy: Deploy, cloud: room.Cloud) -> None:
    app = deploy(ECHO)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} of 127.0.0.1.* is taken by another program"):
            room.endpoint(cloud, app.served_on(port))
    assert room.endpoint(cloud, app.served_on(port)) == f"http://127.0.0.1:{port}"
    assert httpx.get(f"http://127.0.0.1:{port}").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(app.url)


def test_a_port_that_another_stage_has_is_taken_by_that_stage(deploy: Deploy, cloud: room.Cloud) -> None:
    one, two = deploy(ECHO), deploy(ECHO)
    port = int(one.url.rpartition(":")[2])
    with pytest.raises(PortTaken, match=f"is taken by the stage {one.name}"):
        room.endpoint(cloud, two.served_on(port))


def test_a_stage_that_was_removed_no_longer_listens(deploy: Deploy, cloud: room.Cloud) -> None:
    app = deploy(ECHO)
    httpx.get(app.url)
    app.remove()
    assert eventually(lambda: app.name not in {stage.name for stage in room.status(cloud)})
    with pytest.raises(httpx.ConnectError):
        httpx.get(app.url)
    with pytest.raises(NotDeployed):
        room.endpoint(cloud, app.settings)


def test_a_stage_whose_endpoint_was_taken_away_no_longer_listens_and_can_be_invoked(
    deploy: Deploy, cloud: room.Cloud
) -> None:
    app = deploy("def handler(event, context):\n    return event\n")
    httpx.get(app.url)
    app.take_endpoint_away()
    # Asked without a pause: a port that is closed only after the stage is said to be gone would still answer.
    assert eventually(lambda: app.name not in {stage.name for stage in room.status(cloud)}, every=0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", httpx.URL(app.url).port or 0))
    answer = app.account.client("lambda").invoke(FunctionName=f"{app.name}:live", Payload=b'{"job": 7}')
    assert json.loads(answer["Payload"].read()) == {"job": 7}


def test_what_a_function_calls_on_aws_is_local_too(deploy: Deploy) -> None:
    app = deploy(
        "import boto3\ndef handler(event, context):\n"
        "    return [bucket['Name'] for bucket in boto3.client('s3').list_buckets()['Buckets']]\n"
    )
    assert app.bucket in httpx.get(app.url).json()


def test_a_schedule_fires_by_itself(deploy: Deploy) -> None:
    # Not by a rate, whose least is a minute; and late enough for a busy machine to deploy first.
    soon = datetime.now(UTC) + timedelta(seconds=20)
    source = "def handler(event, context):\n    print('event', event)\n"
    app = deploy(source, every=f"at({soon:%Y-%m-%dT%H:%M:%S})")
    assert eventually(lambda: "event {'lambdify': 'keep-warm'}" in app.log(), seconds=180)
