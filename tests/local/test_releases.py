"""Releases as a visitor of the local endpoint sees them: real versions, in real sandboxes."""

import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from local.running import MINOR
from stages import stage_in
from waiting import eventually, nap

from lambdify.cli import aws, releases, settings, undeploy
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.deploy import Deployment, deploy
from lambdify.cli.errors import AppBroken, ReleaseFailed
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.packing.archive import Member, deflate, write
from lambdify.cli.packing.bundle.app import ADAPTER, NOTE, adapter_folder
from lambdify.cli.packing.bundle.bundle import Archive, Bundle
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import Dependencies
from lambdify.cli.releases import rollback
from lambdify.cli.settings import Settings

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

APP = """
import os, pathlib

NUMBER = {number!r}

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raise":
        os._exit(1)
    start_response("500 Broken" if path == "/health" and {broken} else "200 OK", [])
    return [NUMBER.encode()]
"""


@dataclass(frozen=True)
class Shop:
    """A stage in the local cloud, whose app answers every request with its number."""

    cloud: room.Cloud
    folder: Path
    plain: Settings
    account: Account
    console: Console

    def choose(self, overrides: Mapping[str, object] | None = None) -> Settings:
        """The settings of the stage, with some others."""
        common = {"name": self.plain.name, "function.python": MINOR, "warm.every": "off"}
        chosen = settings.load(self.folder, stage="test", overrides={**common, **(overrides or {})})
        return room.prepare(chosen, self.cloud)

    def deploy(
        self,
        number: int,
        source: str = APP,
        *,
        broken: bool = False,
        sleep: Callable[[float], None] = nap,
        **overrides: object,
    ) -> Deployment:
        """Deploy the app with that number."""
        chosen = self.choose({name.replace("__", "."): value for name, value in overrides.items()})
        code = source.format(number=str(number), broken=broken)
        return deploy(
            stage_in(self.account, chosen),
            lambda: self._pack(code, chosen),
            self.console,
            yes=True,
            sleep=sleep,
        )

    def count_errors(self, version: str) -> float:
        """What CloudWatch has counted of that version."""
        now = datetime.now(UTC)
        dimensions = {
            "FunctionName": self.plain.full_name,
            "Resource": f"{self.plain.full_name}:live",
            "ExecutedVersion": version,
        }
        found = self.account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in found["Datapoints"]))

    def roll_back(self, number: int | None = None) -> int:
        """Go back; the release."""
        done = rollback.rollback(
            stage_in(self.account, self.choose()),
            self.console,
            number=number,
            yes=True,
            sleep=nap,
        )
        return done.release

    @property
    def url(self) -> str:
        return room.endpoint(self.cloud, self.choose())

    def _pack(self, code: str, chosen: Settings) -> Bundle:
        note = {"app": "main:app"}
        members = [
            Member("main.py", code.encode()),
            Member(NOTE, json.dumps(note).encode()),
            *(
                Member(f"{ADAPTER}/{path.relative_to(adapter_folder()).as_posix()}", path.read_bytes())
                for path in sorted(adapter_folder().rglob("*.py"))
            ),
        ]
        digest = uuid.uuid5(uuid.NAMESPACE_OID, code + json.dumps(note)).hex
        path = self.folder / f"app-{digest}.zip"
        write(path, deflate(members))
        size = path.stat().st_size
        return Bundle(
            form="zip",
            app=Archive(path=path, digest=digest, zipped=size, unzipped=size, files=len(members)),
            layer=None,
            target=Target(python=MINOR),
            dependencies=Dependencies(source_name="", distributions=(), notes=(), key=""),
            parts=(),
            left_out=(),
            leaks=(),
        )


@pytest.fixture
def shop(cloud: room.Cloud, tmp_path: Path) -> Iterator[Shop]:
    plain = settings.load(tmp_path, stage="test", overrides={"name": f"shop{uuid.uuid4().hex[:8]}"})
    prepared = room.prepare(plain, cloud)
    account = aws.connect(prepared, endpoint_url=cloud.endpoint_url, credentials=cloud.credentials)
    console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ={})
    shop = Shop(cloud, tmp_path, plain, account, console)
    yield shop
    undeploy.undeploy(stage_in(account, shop.choose()), console, yes=True, sleep=nap)


def test_a_version_whose_home_page_fails_leaves_the_one_before_serving(shop: Shop) -> None:
    shop.deploy(1)
    broken = "def app(environ, start_response):\n    raise RuntimeError({number!r})\n"
    with pytest.raises(ReleaseFailed, match="answered GET / with 500: RuntimeError: 2"):
        shop.deploy(2, broken)
    assert httpx.get(shop.url).text == "1"


def test_a_version_that_fails_leaves_the_one_before_serving_and_the_next_starts_cleanly(shop: Shop) -> None:
    shop.deploy(1)
    assert httpx.get(shop.url).text == "1"
    with pytest.raises(ReleaseFailed, match="answered GET /health with 500 instead of 200"):
        shop.deploy(2, broken=True, release__smoke="/health")
    with pytest.raises(AppBroken, match="no_such_module"):
        shop.deploy(3, "import no_such_module")
    assert httpx.get(shop.url).text == "1"
    shop.deploy(4, release__smoke="/health")
    assert httpx.get(shop.url).text == "4"
    found = releases.find_all(stage_in(shop.account, shop.choose()))
    assert [each.state for each in found] == ["live", "failed", "failed", "superseded"]


def test_the_command_has_run_in_the_new_version_when_it_gets_traffic(shop: Shop) -> None:
    shop.deploy(1)
    command = "python -c \"import main, os; print(main.NUMBER, os.environ['AWS_LAMBDA_FUNCTION_VERSION'])\""
    shop.deploy(2, release__command=command)
    story = shop.console._stderr
    assert isinstance(story, io.StringIO)
    assert "  2 1\n" in story.getvalue(), "the first version of the Lambda for commands"
    assert httpx.get(shop.url).text == "2"
    with pytest.raises(ReleaseFailed, match="ended with 7 in version 2 of"):
        shop.deploy(3, release__command="sh -c 'echo no such table; exit 7'")
    assert httpx.get(shop.url).text == "2"


def test_a_rollback_brings_the_old_code_back_and_a_deployment_goes_forward_again(shop: Shop) -> None:
    for number in (1, 2, 3):
        shop.deploy(number)
    assert shop.roll_back() == 2
    assert httpx.get(shop.url).text == "2"
    assert shop.roll_back(1) == 1
    assert httpx.get(shop.url).text == "1"
    shop.deploy(3)
    assert httpx.get(shop.url).text == "3"


def test_a_part_of_the_traffic_goes_to_a_new_version_and_back_when_it_dies(shop: Shop) -> None:
    shop.deploy(1)
    url = shop.url
    met: set[str] = set()

    def minute(seconds: float) -> None:
        if seconds < 60:
            nap(seconds)
            return
        assert eventually(lambda: met.add(httpx.get(url).text) or met == {"1", "2"})
        for _ in range(30):
            httpx.get(f"{url}/raise")
        # Lambda's metrics are written each second.
        assert eventually(lambda: shop.count_errors("2"))

    with pytest.raises(ReleaseFailed, match=r"Version 2 had \d+ errors within a minute. It had 50%"):
        shop.deploy(2, sleep=minute, release__shift="50% every 1 minutes")
    assert met == {"1", "2"}
    assert eventually(lambda: {httpx.get(url).text for _ in range(20)} == {"1"})


class Visitor:
    """Somebody who asks for the same page all the time, and notes what comes."""

    def __init__(self, url: str) -> None:
        self.answers: list[tuple[int, str]] = []
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Visitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(timeout=60) as client:
            while not self._over.is_set():
                response = client.get(self._url)
                self.answers.append((response.status_code, response.text))


def test_no_request_fails_and_none_meets_what_was_never_released(shop: Shop) -> None:
    """Ten deployments, of which two fail, and five rollbacks, while two visitors come all the time."""
    shop.deploy(0)
    smoke: dict[str, Any] = {"release__smoke": "/health", "release__keep": 3}
    failing = {4, 8}
    with Visitor(shop.url) as one, Visitor(shop.url) as other:
        for number in range(1, 11):
            if number in failing:
                with pytest.raises(ReleaseFailed):
                    shop.deploy(number, broken=True, **smoke)
            else:
                shop.deploy(number, **smoke)
            if number % 2 == 0:
                shop.roll_back()
    answers = [*one.answers, *other.answers]
    assert {status for status, _ in answers} == {200}
    seen = {int(text) for _, text in answers}
    assert seen <= set(range(11)) - failing
    assert len(seen) > 3, "they were there while it happened"
    versions = releases.find_versions(stage_in(shop.account, shop.choose()))
    assert len(versions) <= 3 + 2, "three releases, and what failed since the last one that worked"
