"""What can happen to a call can happen to every one of them; the next run does what there is to do.

Each call of a first deployment, a later one, a rollback and a removal has its place (the third DescribeStacks
is one). There it is refused, in each of the ways in which AWS or the network refuse, and the process that
made it is killed after AWS has done it. After that an ordinary run brings the stage to where it should be,
with nothing lost and nothing there twice. What passes by itself (throttling, a fault, a lost connection) is
not noticed at all.
"""

import base64
import contextlib
import io
import pickle
import re
import subprocess
import sys
import time
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
from botocore.retries import standard

from lambdify.cli import aws, releases
from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import AccessDenied, AwsError, CredentialsError, LambdifyError, NotDeployed
from lambdify.cli.releases.rollback import rollback
from lambdify.cli.undeploy import undeploy

from . import rough_road

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

KEYS = ("100000900001", "secret")


@pytest.fixture(scope="module")
def road(cloud):
    with rough_road.opened(cloud) as road:
        yield road


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """botocore's attempts are as many as ever, but the pauses between them are no part of what is tested."""
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0.001)


def doze(_):
    """A pause that is long enough for a cloud on this machine."""
    time.sleep(0.01)


class Stage:
    """What somebody does with a stage, by way of the road: the commands with --yes, and what they told."""

    def __init__(self, road, settings, make_bundle, inventory):
        self.road, self.settings, self.make_bundle, self.inventory = road, settings, make_bundle, inventory
        self.account = aws.connect(settings, endpoint_url=road.url, credentials=KEYS)
        self.direct = aws.connect(settings, endpoint_url=road.target, credentials=KEYS)
        """The account, not by way of the road: to see what there is."""
        self.app = 0
        """What is deployed, or was to be."""
        self.target: int | None = None
        """The release to go back to; None for the one before."""
        self.said = ""
        self.commands = {"deploy": self.ship, "rollback": self.back, "undeploy": self.remove}

    def bundle(self):
        return self.make_bundle(f"app = {self.app}")

    def ship(self):
        bundle = self.bundle()
        return self._run(partial(deploy, self.settings, lambda: bundle))

    def change(self):
        """Deploy what was never deployed."""
        self.app += 1
        return self.ship()

    def back(self):
        return self._run(partial(rollback, self.settings, number=self.target))

    def remove(self):
        return self._run(partial(undeploy, self.settings))

    def clear(self):
        """Remove whatever there is."""
        with contextlib.suppress(NotDeployed):
            self.remove()

    def _run(self, command):
        told = io.StringIO()
        console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=told, environ={})
        try:
            return command(self.account, console, yes=True, sleep=doze)
        finally:
            self.said = told.getvalue()

    def places(self, command):
        """The calls of a run of the command, when nothing happens to it."""
        self.road.clear()
        self.commands[command]()
        return list(self.road.passed)

    def live(self):
        """The version of the release that has the traffic."""
        found = releases.find_live(self.settings, self.direct)
        return [found.version] if found else []

    def everything(self):
        """What is in the account and in its bucket, and which release is live: how much of each kind."""
        found = self.inventory(self.direct)
        for bucket in found.get("buckets", ()):
            listed = self.direct.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
            found["archives"] = [each["Key"] for each in listed if "/releases/" not in each["Key"]]
        found["live"] = self.live()
        return {kind: len(names) for kind, names in found.items() if names}


@pytest.fixture
def stage(road, make_settings, make_bundle, inventory, functions):
    """A stage that keeps two releases, so that there is something to prune."""
    road.clear()
    settings = make_settings(overrides={"release.keep": 2})
    stage = Stage(road, settings, make_bundle, inventory)
    yield stage
    road.clear()
    stage.clear()


class Mortal:
    """Commands that are killed; see mortal.py."""

    def __init__(self):
        program = [sys.executable, str(Path(__file__).with_name("mortal.py"))]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, command, stage, *, dies_at):
        """Run the command and be killed at that place; how the process ended."""
        order = pickle.dumps((command, stage.settings, stage.bundle(), stage.target, stage.road.url, KEYS))
        self._say(base64.b64encode(order).decode())
        stage.road.victim = int(self.process.stdout.readline())
        stage.road.perils = {dies_at: stage.road.kill}
        self._say("go")
        return int(self.process.stdout.readline())

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@pytest.fixture(scope="module")
def mortal():
    mortal = Mortal()
    yield mortal
    mortal.process.stdin.close()
    mortal.process.wait(10)
    mortal.process.stdout.close()


REFUSALS = {
    rough_road.expired: (CredentialsError, "Log in"),
    rough_road.denied: (AccessDenied, "The credentials need the permission for "),
    rough_road.throttled: (AwsError, "try again in a minute"),
    rough_road.broken: (AwsError, "try again in a minute"),
    rough_road.lost: (AwsError, "Check the network"),
}
"""Our error for each, and what its hint says to do."""
LASTING = cycle([rough_road.throttled, rough_road.broken, rough_road.lost])
"""They end a run in the same way: after the last attempt, of a call that was not made. One is enough for each
place, and the next place has the next."""

INVOKE = "lambda:POST /2015-03-31/functions/NAME/invocations"
PASSED_OVER = {
    (INVOKE, "throttled"): "It has not run then, and is called again: that is another call.",
    ("s3:HEAD bucket", "denied"): "Whoever may not look at the bucket may still have it: making it tells.",
    ("ecr:DeleteRepository", "denied"): "A stage of zips needs no right to ECR.",
}
"""Refusals that stop nothing."""


def refused(command, place, fault, stage):
    """Run the command, and have the call at that place refused for good; what was not as it should be."""
    error, what = REFUSALS[fault]
    case = f"{command}, {place}, {fault.__name__}"
    stage.road.clear()
    stage.road.perils = {place: fault}
    try:
        stage.commands[command]()
        if (place.operation, fault.__name__) not in PASSED_OVER:
            met = place in stage.road.passed
            yield f"{case}: it was not noticed" if met else f"{case}: there was no such call"
    except LambdifyError as caught:
        if not isinstance(caught, error) or what.lower() not in caught.hint.lower() or not caught.during:
            yield f"{case}: told as {caught!r}, {caught.hint}, {caught.during}"
    finally:
        stage.road.clear()


def killed(command, place, stage, mortal):
    """Run the command, and kill it right after AWS has done that call; what was not as it should be."""
    stage.road.clear()
    ended = mortal.run(command, stage, dies_at=place)
    if ended != (-9 if place in stage.road.passed else 0):
        yield f"{command}, {place}: the process ended with {ended}"
    stage.road.clear()


def afterwards(case, stage, expected):
    """What is not there, or should not be."""
    found = stage.everything()
    if found != expected:
        yield f"{case}: afterwards there is {found} instead of {expected}"


def strikes(place):
    """The ways in which a call at that place is refused for good."""
    return (rough_road.expired, rough_road.denied, next(LASTING))


def writes(place):
    """Whether the call changes something. Whoever dies after one that only reads has died before it."""
    return not re.search(r":(Describe|Get|List)|:(GET|HEAD) ", place.operation)


def test_after_any_fault_of_a_creation_or_a_removal_the_next_run_completes_it(stage, mortal):
    creation = stage.places("deploy")
    expected = stage.everything()
    removal = stage.places("undeploy")
    problems = []
    for place in creation:
        for fault in strikes(place):
            stage.clear()
            problems += refused("deploy", place, fault, stage)
        assert stage.ship().version
        problems += afterwards(f"deploy, {place}", stage, expected)
    for place in filter(writes, creation):
        stage.clear()
        problems += killed("deploy", place, stage, mortal)
        assert stage.ship().version
        problems += afterwards(f"deploy, {place}, killed", stage, expected)
    for place in removal:
        for fault in strikes(place):
            stage.ship()
            problems += refused("undeploy", place, fault, stage)
            stage.clear()
        problems += afterwards(f"undeploy, {place}", stage, {})
    for place in filter(writes, removal):
        stage.ship()
        problems += killed("undeploy", place, stage, mortal)
        stage.clear()
        problems += afterwards(f"undeploy, {place}, killed", stage, {})
    assert not problems, "\n".join(problems)


def test_after_any_fault_of_a_later_deployment_the_next_one_brings_the_stage_to_where_it_should_be(
    stage, mortal
):
    begin(stage)
    stage.app += 1
    change = stage.places("deploy")
    expected = stage.everything()
    problems = []
    for number, place in enumerate(change):
        if number % 3 == 0:
            stage.change()
            problems += settled(
                f"deploy, before {place}", stage, stage.ship().version, expected, but=("archives",)
            )
            # Records of releases are read one by one: a stage with many of them would take its time.
            begin(stage)
        for fault in strikes(place):
            stage.app += 1
            problems += refused("deploy", place, fault, stage)
        problems += forward(f"deploy, {place}", stage, expected)
        if writes(place):
            stage.app += 1
            problems += killed("deploy", place, stage, mortal)
            problems += forward(f"deploy, {place}, killed", stage, expected)
    assert not problems, "\n".join(problems)


def test_after_any_fault_of_a_rollback_the_next_one_gives_the_traffic_to_the_release_that_was_named(
    stage, mortal
):
    begin(stage)
    stage.change()
    expected = stage.everything()
    stage.target = 2
    rollback = stage.places("rollback")
    problems = []
    for place in rollback:
        for fault in strikes(place):
            stage.ship()
            problems += refused("rollback", place, fault, stage)
        problems += back(f"rollback, {place}", stage, expected)
        if writes(place):
            stage.ship()
            problems += killed("rollback", place, stage, mortal)
            problems += back(f"rollback, {place}, killed", stage, expected)
    assert not problems, "\n".join(problems)


def begin(stage):
    """Deploy as often as it takes until the next one has something to prune."""
    stage.clear()
    for _ in range(2):
        stage.change()


def forward(case, stage, expected):
    """Deploy again; what is not as it should be where the new version is to have the traffic."""
    version = stage.ship().version
    yield from settled(case, stage, version, expected)


def back(case, stage, expected):
    """Roll back again; what is not as it should be where the old version is to have the traffic."""
    assert stage.back().version == "2"
    yield from settled(case, stage, "2", expected)


UNPRUNED = ("versions", "archives")
"""What a release may leave to the next one, whose pruning ends it. Archives whose deployments never came to a
release go when they are a day old: see test_releases_by_moto."""


def settled(case, stage, version, expected, but=UNPRUNED):
    if stage.live() != [version]:
        yield f"{case}: afterwards version {stage.live()} is live instead of {version}"
    found = stage.everything()
    if any(found.get(kind) != number for kind, number in expected.items() if kind not in but):
        yield f"{case}: afterwards there is {found} instead of {expected}"


@pytest.mark.parametrize(
    "fault",
    [rough_road.throttled, rough_road.broken, rough_road.lost, rough_road.unheard],
    ids=lambda fault: fault.__name__,
)
def test_what_passes_by_itself_is_not_noticed_whichever_calls_it_happens_to(stage, fault):
    stage.road.everywhere = fault
    # An invocation that may have begun is not repeated: a release command is not to run twice.
    stage.road.spared = {INVOKE}
    for version in ("1", "2", "3"):
        assert stage.change().version == version
    assert stage.back().version == "2"
    assert stage.everything()["live"] == 1
    stage.remove()
    assert stage.everything() == {}
