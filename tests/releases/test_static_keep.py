"""[static] keep: how long the files of a CDN outlive the traffic of their release."""

from datetime import UTC, datetime, timedelta

import pytest
from fixtures.static_files import shown
from stages import stage_in
from waiting import nap

from lambdify.cli import settings
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import SettingsError
from lambdify.cli.releases import pruning
from lambdify.cli.stacks import aliases, stack

from .shipping import ONE_WARM

CDN = {"http.cdn": True, "http.endpoint": "function-url", "release.keep": 1, **ONE_WARM}


def load(tmp_path, days):
    return settings.load(tmp_path, overrides={"function.python": "3.13", "static.keep": days})


def test_it_is_a_number_of_days(tmp_path):
    assert settings.load(tmp_path, overrides={"function.python": "3.13"}).static.keep == 30
    assert load(tmp_path, 0).static.keep == 0
    for wrong in (-1, 3651, "30 days", True, 1.5):
        with pytest.raises(SettingsError) as caught:
            load(tmp_path, wrong)
        assert "static.keep cannot be" in caught.value.message
        assert caught.value.hint == "It takes a whole number of days from 0 to 3650."


@pytest.mark.cloud
@pytest.mark.slow
def test_files_go_when_their_release_has_had_no_traffic_for_so_long(
    account, make_settings, make_bundle, add_files, talk, functions
):
    for color in ("red", "green", "blue"):
        bundle = add_files(make_bundle(f"app = {color!r}"), {f"static/{color}.0badcafe.js": color.encode()})
        made = stage_in(account, make_settings(overrides=CDN))
        deploy(made, lambda bundle=bundle: bundle, talk.console, yes=True, sleep=nap)
    deployed = stack.fetch(made)

    def prune(keep, days):
        stage = stage_in(account, make_settings(overrides={**CDN, "static.keep": keep}))
        now = datetime.now(UTC) + timedelta(days=days)
        pruning.prune(deployed, stage, talk.console, previous=aliases.read(deployed), now=now)
        return sorted(name.split(".")[0].removeprefix("static/") for name in shown(account))

    assert prune(90, 89) == ["blue", "green", "red"]
    assert prune(0, 0) == ["blue", "green", "red"], "what is younger than a day stays"
    assert prune(3, 4) == ["blue"], "the live release has its own"
