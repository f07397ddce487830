"""An AWS account of its own for each test: in ministack to see effects, of stubs to see failures."""

import hashlib
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from local.runtime_image import write_context
from moto import mock_aws
from uv import find_uv_bin

from lambdify.cli import aws, settings, template
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.local.aws import ministack
from lambdify.cli.packing.archive import Member, deflate, write
from lambdify.cli.packing.bundle.bundle import Archive, Bundle
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import Dependencies
from lambdify.cli.packing.wheels.docker import Engine, open_engine
from lambdify.cli.settings import Settings
from lambdify.cli.template import Template


@pytest.fixture(autouse=True)
def no_aws_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No profile, key, region, endpoint or proxy of the machine that runs the tests."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


# -------------------------------------------------------------------- the project and its bundle


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """`make_settings("staging", {"function.memory": 256})`: settings of a stage of the project "shop"."""

    def make(stage: str = "dev", overrides: Mapping[str, object] | None = None) -> Settings:
        project = tmp_path / "shop"
        project.mkdir(exist_ok=True)
        common = {"name": "shop", "region": "eu-central-1", "function.python": "3.13"}
        return settings.load(project, stage=stage, overrides={**common, **(overrides or {})})

    return make


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """`make_bundle("the app's code", layer="the dependencies")`: a bundle with real zips."""

    def archive(part: str, content: str) -> Archive:
        digest = hashlib.sha256(content.encode()).hexdigest()
        path = tmp_path / f"{part}-{digest[:16]}.zip"
        write(path, deflate([Member(f"{part}.py", content.encode())]))
        return Archive(path=path, digest=digest, zipped=path.stat().st_size, unzipped=len(content), files=1)

    def make(app: str = "app = 1", layer: str | None = "dependency = 1") -> Bundle:
        return Bundle(
            form="layer",
            app=archive("app", app),
            layer=archive("layer", layer) if layer else None,
            target=Target(python="3.13"),
            dependencies=Dependencies(source_name="", distributions=(), notes=(), key=""),
            parts=(),
            left_out=(),
            leaks=(),
        )

    return make


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A console without a terminal, and what was said there."""

    console: Console
    stderr: io.StringIO

    @property
    def said(self) -> str:
        return self.stderr.getvalue()


class Terminal(io.StringIO):
    """Somebody who sits there, and types what the test says."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def talk() -> Talk:
    """A console in a pipe."""
    stderr = io.StringIO()
    return Talk(
        console=Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, environ={}), stderr=stderr
    )


@pytest.fixture
def talk_to() -> Callable[[str], Talk]:
    """`talk_to("n\\n")`: a console with somebody who answers so."""

    def make(reply: str) -> Talk:
        stderr = Terminal()
        environ = {"TERM": "dumb"}
        console = Console(stdin=Terminal(reply), stdout=io.StringIO(), stderr=stderr, environ=environ)
        return Talk(console=console, stderr=stderr)

    return make


# -------------------------------------------------------------------- its image


@pytest.fixture(scope="session")
def engine(build_image: str) -> Iterator[Engine]:
    with open_engine("tests need an engine") as engine:
        yield engine


@pytest.fixture(scope="session")
def tiny(engine: Engine) -> str:
    """An image that is pushed in no time."""
    context = write_context("FROM scratch\nCOPY Dockerfile /\n", {})
    engine.build_image(context, "lambdify/tiny-test:1", Target(python="3.11"))
    return "lambdify/tiny-test:1"


# -------------------------------------------------------------------- its template


@pytest.fixture(name="write")
def write_template(make_settings: Callable[..., Settings]) -> Callable[..., Template]:
    """`write({"warm.every": "off"})`: the template of the stage dev with these settings."""
    uploaded = Artifact(
        bucket="lambdify-123456789012-eu-central-1",
        app_key="shop/dev/app-0123456789abcdef.zip",
        layer_key="shop/dev/layer-fedcba9876543210.zip",
        uploaded=(),
    )

    def write(
        overrides: Mapping[str, object] | None = None,
        *,
        artifact: Artifact = uploaded,
        target: Target | None = None,
        stage: str = "dev",
    ) -> Template:
        chosen = make_settings(stage, overrides)
        return template.write(chosen, artifact, target or Target(python=chosen.function.python))

    return write


@pytest.fixture(scope="session")
def complaints() -> Callable[..., list[str]]:
    """`complaints(template)`: what cfn-lint finds, warnings and remarks included."""
    # Imported when it is needed: it reads AWS's schemas.
    from cfnlint.api import lint
    from cfnlint.core import get_rules

    rules = get_rules([], [], ["I"])

    def complaints(written: Template, region: str = "us-east-1") -> list[str]:
        return [str(match) for match in lint(written.text, rules=rules, regions=[region])]

    return complaints


# -------------------------------------------------------------------- AWS


class Functions:
    """What runs in place of the functions: ministack hands their events on, and this answers."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        """(version, event) of each invocation."""
        self.answer: Callable[[str, Any], Any] = lambda version, event: {"lambdify": "warm"}
        """What the version returns for the event; what it raises is what the function raised."""

    def invoke(self, version: str, event: Any) -> tuple[int, Any]:
        self.calls.append((version, event))
        try:
            return 200, self.answer(version, event)
        except ArithmeticError as error:
            return 500, str(error)


@pytest.fixture(scope="session")
def running_functions() -> Iterator[tuple[Functions, str]]:
    """What answers for the functions, and where ministack finds it."""
    functions = Functions()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, value = functions.invoke(self.headers["X-Amzn-Lambda-Function-Version"], event)
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield functions, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def functions(running_functions: tuple[Functions, str]) -> Iterator[Functions]:
    """What runs in place of the functions; every app starts, unless the test says otherwise."""
    yield running_functions[0]
    running_functions[0].reset()


STAGES = ("shop-dev", "shop-live", "shop-staging", "shop-dev-x")
"""The functions that these tests deploy."""


@pytest.fixture(scope="session")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, running_functions: tuple[Functions, str]
) -> Iterator[str]:
    """Where ministack listens: AWS's APIs, with `functions` in place of what is deployed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("cloud")
    log = folder / "log"
    # Not its script, which goes through a shell: that drops the variables whose names have a hyphen.
    bridge = Path(ministack.__file__).with_name("ministack_bridge.py")
    start = (
        "import runpy; from ministack.services import scheduler; scheduler._SCHEDULE_TICK_INTERVAL = 1; "
        f"b = runpy.run_path({str(bridge)!r}); b['narrow_alarms'](); b['call_apis'](); b['main']()"
    )
    program = ["--from", f"ministack=={ministack.VERSION}", "python", "-P", "-c", start]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [find_uv_bin(), "tool", "run", "--quiet", *program],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                "GATEWAY_PORT": str(port),
                "BIND_HOST": "127.0.0.1",
                "STATE_DIR": str(folder),
                "S3_DATA_DIR": str(folder),
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
                **{f"MINISTACK_LAMBDA_PROXY_{name}": running_functions[1] for name in STAGES},
            },
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(3000):
            if _listens(port):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


ACCOUNT_IDS = itertools.count(100_000_000_001)


@pytest.fixture
def account(cloud: str, make_settings: Callable[..., Settings]) -> Account:
    """An AWS account with nothing in it; see `inventory`."""
    # ministack takes a key id of twelve digits for the number of the account.
    return aws.connect(make_settings(), endpoint_url=cloud, credentials=(str(next(ACCOUNT_IDS)), "secret"))


@pytest.fixture
def inventory() -> Callable[[Account], dict[str, list[str]]]:
    """`inventory(account)`: the names of all that is there, by kind; {} is an empty account."""

    def take(account: Account) -> dict[str, list[str]]:
        functions = [each["FunctionName"] for each in account.client("lambda").list_functions()["Functions"]]
        stacks = account.client("cloudformation").describe_stacks()["Stacks"]
        found = {
            "buckets": [each["Name"] for each in account.client("s3").list_buckets()["Buckets"]],
            "stacks": [each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"],
            "functions": functions,
            "layers": [
                f"{each['LayerName']}:{version['Version']}"
                for each in account.client("lambda").list_layers()["Layers"]
                for version in account.client("lambda").list_layer_versions(LayerName=each["LayerName"])[
                    "LayerVersions"
                ]
            ],
            "versions": [
                f"{function}:{version['Version']}"
                for function in functions
                for version in account.client("lambda").list_versions_by_function(FunctionName=function)[
                    "Versions"
                ]
                if version["Version"] != "$LATEST"
            ],
            "apis": [each["Name"] for each in account.client("apigatewayv2").get_apis()["Items"]],
            "roles": [each["RoleName"] for each in account.client("iam").list_roles()["Roles"]],
            "schedules": [each["Name"] for each in account.client("scheduler").list_schedules()["Schedules"]],
            "log groups": [
                each["logGroupName"] for each in account.client("logs").describe_log_groups()["logGroups"]
            ],
        }
        return {kind: sorted(names) for kind, names in found.items() if names}

    return take


@pytest.fixture
def fronts() -> Callable[[Account], dict[str, list[str]]]:
    """`fronts(account)`: what stands in front of functions in the account, by kind."""

    def fronts(account: Account) -> dict[str, list[str]]:
        gateway, balancing = account.client("apigateway"), account.client("elbv2")
        functions = account.client("lambda")
        names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
        found = {
            "http-api": [each["Name"] for each in account.client("apigatewayv2").get_apis()["Items"]],
            "rest-api": [each["name"] for each in gateway.get_rest_apis()["items"]],
            "keys": [each["name"] for each in gateway.get_api_keys()["items"]],
            "plans": [each["name"] for each in gateway.get_usage_plans()["items"]],
            "function-url": [
                name
                for name in names
                for _ in functions.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
            ],
            "alb": [
                each["TargetGroupName"].rpartition("-")[0]
                for each in balancing.describe_target_groups()["TargetGroups"]
            ],
            "logs": [
                each["logGroupName"].rpartition("/")[2]
                for each in account.client("logs").describe_log_groups()["logGroups"]
                if each["logGroupName"].startswith("/aws/vendedlogs/")
            ],
        }
        return {kind: names for kind, names in found.items() if names}

    return fronts


@pytest.fixture
def make_listener() -> Callable[[Account], str]:
    """`make_listener(account)`: ARN of a listener of a load balancer that is there."""

    def make(account: Account) -> str:
        balancing = account.client("elbv2")
        made = balancing.create_load_balancer(
            Name=f"web-{next(ACCOUNT_IDS)}", Subnets=["subnet-0a1b2c3d", "subnet-0a1b2c3e"]
        )
        (balancer,) = made["LoadBalancers"]
        answer = {"StatusCode": "404", "ContentType": "text/plain"}
        made = balancing.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
        )
        return str(made["Listeners"][0]["ListenerArn"])

    return make


@pytest.fixture
def moto(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in moto: a second opinion on S3 and CloudWatch Logs, and at hand at once."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        yield aws.connect(make_settings())


@dataclass(frozen=True)
class StubbedAccount:
    """An account whose answers the test gives; botocore checks them, and the calls, against AWS's model."""

    account: Account
    stub: Callable[[str], Stubber]

    def answers(self, call: str, response: Mapping[str, Any] | None = None, **expected: Any) -> None:
        """The next call is `call` ("s3.head_bucket"), with these parameters if any are given."""
        service, operation = call.split(".")
        self.stub(service).add_response(operation, dict(response or {}), expected or None)

    def refuses(self, call: str, code: str, message: str = "", status: int = 400) -> None:
        """The next call is `call`, and AWS answers with an error."""
        service, operation = call.split(".")
        self.stub(service).add_client_error(operation, code, message, status)

    def finds_stage(self, outputs: Mapping[str, str] | None = None, **more: Any) -> None:
        """The next look at stage "dev" of "shop" finds it, with these outputs and whatever else is named."""
        tags = {"lambdify:project": "shop", "lambdify:stage": "dev"}
        outputs = {"Function": "shop-dev", **(outputs or {})}
        described = {
            "StackName": "shop-dev",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "StackStatus": "CREATE_COMPLETE",
            "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1",
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            **more,
        }
        self.answers("cloudformation.describe_stacks", {"Stacks": [described]})


@pytest.fixture(scope="session")
def boto_session() -> boto3.Session:
    """Kept, because reading AWS's models takes longer than the tests."""
    return boto3.Session("key", "secret", region_name="eu-central-1")


@pytest.fixture
def stubbed(boto_session: boto3.Session) -> Iterator[StubbedAccount]:
    """An account of stubs; at the end every answer has to have been asked for."""
    stubs: dict[str, Stubber] = {}

    def stub(service: str) -> Stubber:
        if service not in stubs:
            stubs[service] = Stubber(boto_session.client(service))
            stubs[service].activate()
        return stubs[service]

    account = Account(
        client=lambda service: stub(service).client,
        account_id="123456789012",
        region="eu-central-1",
        partition="aws",
    )
    yield StubbedAccount(account, stub)
    for each in stubs.values():
        each.assert_no_pending_responses()
