"""What can happen to a call of a deployment happens to every one of them; the next deployment succeeds.

Each distinct operation of a first deployment, and of a later one, is refused, and then the process that made
it is killed after AWS has done it. After that one ordinary deployment brings the stage to where it should be,
with nothing there twice; and what passes by itself (throttling, a fault, a lost connection) is not noticed.
"""

import base64
import io
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lambdify.cli import aws, releases
from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import AccessDenied, CredentialsError, LambdifyError
from lambdify.cli.undeploy import undeploy

from . import rough_road

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

KEYS = ("100000900001", "secret")


@pytest.fixture(scope="module")
def road(cloud):
    with rough_road.opened(cloud) as road:
        yield road


@pytest.fixture
def on_road(road, make_settings):
    """The account, by way of the road."""
    road.clear()
    return aws.connect(make_settings(), endpoint_url=road.url, credentials=KEYS)


def doze(_):
    """A pause that is long enough for a cloud on this machine."""
    time.sleep(0.01)


def silence():
    return Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ={})


class Ship:
    """`ship("app = 2")`: what `lambdify deploy --yes` does; `ship.said`: what it told."""

    def __init__(self, account, settings, make_bundle):
        self.account, self.settings, self.make_bundle = account, settings, make_bundle
        self.said = ""

    def __call__(self, app="app = 1"):
        told = io.StringIO()
        console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=told, environ={})
        try:
            bundle = self.make_bundle(app)
            return deploy(self.settings, lambda: bundle, self.account, console, yes=True, sleep=doze)
        finally:
            self.said = told.getvalue()


@pytest.fixture
def ship(on_road, make_settings, make_bundle, functions):
    return Ship(on_road, make_settings(), make_bundle)


@pytest.fixture
def everything(on_road, make_settings, inventory, road):
    """`everything()`: all that is in the account, what is in the bucket, and the release that is live."""

    def everything():
        found = inventory(on_road)
        for bucket in found.get("buckets", ()):
            listed = on_road.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
            found["archives"] = sorted(each["Key"] for each in listed if "/releases/" not in each["Key"])
        known = releases.find_all(make_settings(), on_road)
        found["live releases"] = [each.version for each in known if each.state == "live"]
        road.clear()
        return found

    return everything


class Mortal:
    """Deployments that are killed; see mortal.py."""

    def __init__(self, road, settings, make_bundle):
        self.road, self.settings, self.make_bundle = road, settings, make_bundle
        program = [sys.executable, str(Path(__file__).with_name("mortal.py"))]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def deploy(self, app, *, dies_at):
        """Deploy and be killed at that operation; how the process ended."""
        order = pickle.dumps((self.settings, self.make_bundle(app), self.road.url, KEYS))
        self._say(base64.b64encode(order).decode())
        self.road.victim = int(self.process.stdout.readline())
        self.road.pending = {dies_at: [self.road.kill]}
        self._say("go")
        return int(self.process.stdout.readline())

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@pytest.fixture
def mortal(road, make_settings, make_bundle):
    mortal = Mortal(road, make_settings(), make_bundle)
    yield mortal
    mortal.process.stdin.close()
    mortal.process.wait(10)
    mortal.process.stdout.close()


def distinct(road):
    """The operations that have passed, each once, in order."""
    return list(dict.fromkeys(road.passed))


PASSED_OVER = {("s3:HEAD bucket", "denied")}
"""Whoever may not look at the bucket may still have it: making it tells."""


def refused(operation, app, road, ship):
    """Let AWS refuse the operation in both ways; what was not as it should be."""
    for fault, error, what in (
        (rough_road.expired, CredentialsError, "Log in"),
        (rough_road.denied, AccessDenied, "The credentials need the permission for s"),
    ):
        road.clear()
        road.pending = {operation: [fault] * 9}
        case = f"{operation}: {fault.__name__}"
        try:
            ship(app)
            hidden = operation in road.passed and "warning:" not in ship.said
            if hidden and (operation, fault.__name__) not in PASSED_OVER:
                yield f"{case} was not noticed"
        except LambdifyError as caught:
            if not isinstance(caught, error) or what not in caught.hint or not caught.during:
                yield f"{case} was told as {caught!r}, {caught.hint}, {caught.during}"


def killed(operation, app, road, mortal):
    """Kill the deployment right after AWS has done the operation; what was not as it should be."""
    road.clear()
    ended = mortal.deploy(app, dies_at=operation)
    if ended != (-9 if operation in road.passed else 0):
        yield f"{operation}: the process ended with {ended}"
    road.clear()


def test_after_any_fault_of_a_first_deployment_the_next_one_makes_what_an_ordinary_one_makes(
    road, ship, everything, mortal, on_road, make_settings
):
    road.clear()
    ship()
    operations, expected = distinct(road), everything()
    problems = []
    for operation in operations:
        undeploy(make_settings(), on_road, silence(), yes=True, sleep=doze)
        problems += refused(operation, "app = 1", road, ship)
        problems += killed(operation, "app = 1", road, mortal)
        ship()
        if counted(everything()) != counted(expected):
            problems.append(f"{operation}: afterwards there is {everything()}")
    undeploy(make_settings(), on_road, silence(), yes=True, sleep=doze)
    assert not problems, "\n".join(problems)
    assert {kind: names for kind, names in everything().items() if names} == {}


INVOKE = "lambda:POST /2015-03-31/functions/NAME/invocations"


def counted(found, but=()):
    """How many there are of each kind: a version that was published twice has another number."""
    return {kind: len(names) for kind, names in found.items() if kind not in but}


def test_after_any_fault_of_a_later_deployment_the_next_one_brings_the_stage_to_where_it_should_be(
    road, ship, everything, mortal, on_road, make_settings
):
    road.clear()
    ship("app = 0")
    known = distinct(road)
    road.clear()
    ship("app = 1")
    operations, expected = distinct(road), everything()
    problems = []
    for number, operation in enumerate(operations, 2):
        app = f"app = {number}"
        if operation not in known:
            problems += refused(operation, app, road, ship)
        problems += killed(operation, app, road, mortal)
        shipped = ship(app)
        found = everything()
        if found["live releases"] != [shipped.version] or counted(found, but=GROWING) != counted(
            expected, but=GROWING
        ):
            problems.append(f"{operation}: afterwards there is {found}")
    undeploy(make_settings(), on_road, silence(), yes=True, sleep=doze)
    assert not problems, "\n".join(problems)
    assert {kind: names for kind, names in everything().items() if names} == {}


GROWING = ("versions", "archives")
"""Kept to go back to, up to [release] keep."""


@pytest.mark.parametrize(
    "fault",
    [rough_road.throttled, rough_road.broken, rough_road.lost, rough_road.unheard],
    ids=lambda fault: fault.__name__,
)
def test_what_passes_by_itself_is_not_noticed_whichever_call_it_happens_to(
    road, ship, everything, on_road, make_settings, fault
):
    road.everywhere = fault
    # An invocation that may have begun is not repeated: a release command is not to run twice.
    road.met = {INVOKE}
    assert ship().version == "1"
    assert ship("app = 2").version == "2"
    assert everything()["live releases"] == ["2"]
    undeploy(make_settings(), on_road, silence(), yes=True, sleep=doze)
    assert {kind: names for kind, names in everything().items() if names} == {}
