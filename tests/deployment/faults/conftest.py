"""The road to the cloud, and stages at its end.

One environment is kept warm: those that are started beside it hold nothing up, whatever befalls them.
"""

import pytest
from botocore.retries import standard
from releases.shipping import ONE_WARM

from . import rough_road, stages
from .stages import Mortal, TriedStage


@pytest.fixture(scope="session")
def road(cloud):
    with rough_road.opened(cloud, registry=stages.REGISTRY) as road:
        yield road


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """botocore's attempts are as many as ever, but the pauses between them are no part of what is tested."""
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0.001)


@pytest.fixture
def make_stage(road, make_settings, make_bundle, inventory, fronts, functions):
    """`make_stage({"release.keep": 2})`: the stage "dev" with these settings; nothing of it is there."""
    made = []

    def make(overrides=None):
        road.clear()
        settings = make_settings(overrides=ONE_WARM | (overrides or {}))
        made.append(TriedStage(road, settings, make_bundle, inventory, fronts))
        made[-1].clear()
        return made[-1]

    yield make
    road.clear()
    for each in made:
        each.clear()


@pytest.fixture(scope="session")
def mortal():
    mortal = Mortal()
    yield mortal
    mortal.process.stdin.close()
    mortal.process.wait(60)
    mortal.process.stdout.close()
