"""A stage, what somebody does with it by way of the rough road, and what there is of it afterwards."""

import base64
import contextlib
import io
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from waiting import nap

from lambdify.cli import aws, releases
from lambdify.cli.console import Console
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import NotDeployed
from lambdify.cli.plan import pitfalls
from lambdify.cli.releases.rollback import rollback
from lambdify.cli.stage import Stage
from lambdify.cli.undeploy import undeploy

KEYS = ("100000900001", "secret")
"""ministack takes a key id of twelve digits for the number of the account."""
REGISTRY = f"{KEYS[0]}.dkr.ecr.eu-central-1.amazonaws.com"


def ship(settings, bundle, account, console, **how):
    """What `lambdify deploy` does with the account."""
    pitfalls.check(Stage(settings=settings, account=account))
    return deploy(Stage(settings=settings, account=account), lambda: bundle, console, **how)


def remove(settings, account, console, **how):
    """`lambdify undeploy`, by somebody who has set protect = false and agrees to all."""
    return undeploy(
        Stage(settings=replace(settings, protect=False), account=account), console, unprotect=True, **how
    )


def give_back(settings, account, console, **how):
    """`lambdify rollback` with the account."""
    return rollback(Stage(settings=settings, account=account), console, **how)


class TriedStage:
    """What somebody does with a stage, by way of the road: the commands with --yes, and what they told."""

    def __init__(self, road, settings, make_bundle, inventory, fronts):
        self.road, self.settings, self.make_bundle = road, settings, make_bundle
        self.inventory, self.fronts = inventory, fronts
        self.account = aws.connect(settings, endpoint_url=road.url, credentials=KEYS)
        self.direct = aws.connect(settings, endpoint_url=road.target, credentials=KEYS)
        """The account, not by way of the road: to see what there is."""
        self.app = 0
        """What is deployed, or was to be."""
        self.target: int | None = None
        """The release to go back to; None for the one before."""
        self.said = ""
        self.failure = None
        """The error that the last command ended with where it was refused something."""
        self.commands = {"deploy": self.ship, "rollback": self.back, "undeploy": self.remove}

    def bundle(self):
        form = "image" if self.settings.build.form == "image" else "layer"
        return replace(self.make_bundle(f"app = {self.app}"), form=form)

    def ship(self):
        return self._run(partial(ship, self.settings, self.bundle()))

    def change(self):
        """Deploy what was never deployed."""
        self.app += 1
        return self.ship()

    def back(self):
        return self._run(partial(give_back, self.settings, number=self.target))

    def remove(self):
        return self._run(partial(remove, self.settings))

    def clear(self):
        """Remove whatever there is."""
        with contextlib.suppress(NotDeployed):
            self.remove()

    def forget(self, *, but=()):
        """Remove the records of releases but the newest two and those numbers.

        Each command reads all that there are, and a case makes some: with many cases it would read hundreds.
        """
        s3, where = self.direct.client("s3"), {"Bucket": self.direct.bucket}
        folder = releases.record_key(0, self.settings).removesuffix("00000.json")
        listed = s3.list_objects_v2(**where, Prefix=folder).get("Contents", [])
        spared = {releases.record_key(number, self.settings) for number in but}
        old = [each["Key"] for each in listed[:-2] if each["Key"] not in spared]
        if old:
            s3.delete_objects(**where, Delete={"Objects": [{"Key": key} for key in old]})

    def _run(self, command):
        told = io.StringIO()
        console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=told, environ={})
        try:
            return command(self.account, console, yes=True, sleep=nap)
        finally:
            self.said = told.getvalue()

    def places(self, command):
        """The calls of a run of the command, when nothing happens to it."""
        self.road.clear()
        self.commands[command]()
        return list(self.road.passed)

    def live(self):
        """The version of the release that has the traffic."""
        found = releases.find_live(Stage(settings=self.settings, account=self.direct))
        return [found.version] if found else []

    def images(self):
        """The repository in ECR, if there is one, and what is in it."""
        ecr = self.direct.client("ecr")
        names = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
        tags = [
            each["imageTag"] for name in names for each in ecr.list_images(repositoryName=name)["imageIds"]
        ]
        return names + tags

    def weights(self):
        """The alias: the version it leads to, and what it gives to others."""
        alias = self.direct.client("lambda").get_alias(FunctionName=self.settings.full_name, Name="live")
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def everything(self):
        """What is in the account and in its bucket, and which release is live: how much of each kind."""
        found = self.inventory(self.direct)
        for bucket in found.get("buckets", ()):
            listed = self.direct.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
            found["archives"] = [each["Key"] for each in listed if "/releases/" not in each["Key"]]
        found["live"] = self.live()
        found |= self.fronts(self.direct)
        found["images"] = self.images()
        alarms = self.direct.client("cloudwatch").describe_alarms()["MetricAlarms"]
        found["alarms"] = [each["AlarmName"] for each in alarms]
        return {kind: len(names) for kind, names in found.items() if names}


class Mortal:
    """Commands that are killed; see mortal.py."""

    def __init__(self):
        program = [sys.executable, str(Path(__file__).with_name("mortal.py"))]
        # What the tests can import, this process can as well, the helpers beside them included.
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )

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
