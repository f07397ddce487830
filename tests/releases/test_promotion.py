"""A version is tried before it gets traffic, and one that fails gets none."""

import pytest
from releases.shipping import SMOKE, answer_with
from stages import stage_in
from streams import answered, ended

from lambdify.cli import releases
from lambdify.cli.errors import (
    AppBroken,
    ReleaseFailed,
)

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


def test_a_new_version_is_tried_before_it_gets_traffic(ship, functions, alias):
    ship()
    at_trial = []

    def answer(version, event):
        at_trial.append((version, alias()))
        return {"statusCode": 200}

    functions.answer = answer
    ship("app = 2", SMOKE)
    assert at_trial == [("2", ("1", {}))]
    assert alias() == ("2", {})


def test_a_version_that_fails_its_smoke_request_gets_no_traffic(ship, functions, listed, alias, talk):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed) as caught:
        ship("app = 2", SMOKE)
    assert "answered GET /health with 500 instead of 200: I am 2" in caught.value.message
    assert "Release 2 has failed. Traffic stays with version 1; version 2 gets none." in caught.value.hint
    assert alias() == ("1", {})
    assert listed() == [(2, "2", "failed"), (1, "1", "live")]


def test_the_reason_of_a_failure_is_recorded(account, make_settings, ship, functions):
    ship()
    functions.answer = answer_with({"2": 404})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    assert "404 instead of 200" in releases.find_all(stage_in(account, make_settings()))[0].reason


def test_the_deployment_after_a_failed_one_starts_cleanly(ship, functions, listed, alias):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    assert ship("app = 3", SMOKE).version == "3"
    assert alias() == ("3", {})
    assert listed() == [(3, "3", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_what_failed_is_tried_again_without_an_upload_or_a_new_version(ship, functions, listed, alias):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    functions.answer = answer_with({})
    again = ship("app = 2", SMOKE)
    assert (again.version, again.uploaded, again.release) == ("2", (), 3)
    assert listed() == [(3, "2", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_an_app_that_does_not_start_never_gets_traffic(ship, functions, listed, alias):
    ship()

    def answer(version, event):
        raise ArithmeticError(version)

    functions.answer = answer
    with pytest.raises(AppBroken) as caught:
        ship("app = 2")
    assert "Traffic stays with version 1" in caught.value.hint
    assert alias() == ("1", {})
    assert listed()[0] == (2, "2", "failed")


def test_the_first_version_has_the_traffic_before_it_is_tried_and_its_failure_is_said(
    ship, functions, listed, alias
):
    functions.answer = answer_with({"1": 500})
    with pytest.raises(ReleaseFailed) as caught:
        ship(overrides=SMOKE)
    assert "has the traffic all the same" in caught.value.hint
    assert alias() == ("1", {})
    functions.answer = answer_with({})
    assert ship(overrides=SMOKE).release == 2, "nothing has changed, but it has not worked yet"
    assert listed() == [(2, "1", "live"), (1, "1", "failed")]


def test_the_command_runs_in_the_new_version_before_anything_else(ship, functions, talk, alias, account):
    ship()
    functions.calls.clear()

    def answer(function, version, event):
        assert (function, version, functions.calls) == ("shop-dev-commands", "1", [])
        assert alias() == ("1", {})
        return ended(0, out=b"migrated\n")

    functions.answer = lambda version, event: {"statusCode": 200}
    with answered(account.without_retries("lambda"), answer):
        ship("app = 2", SMOKE | {"release.command": "python manage.py migrate"})
    assert [version for version, _ in functions.calls] == ["2"]
    assert "migrated" in talk.said


def test_a_command_that_fails_keeps_the_traffic_where_it_is(ship, functions, alias, listed, account):
    ship()
    functions.calls.clear()
    failed = ended(1, err=b"no such table\n")
    with (
        answered(account.without_retries("lambda"), lambda *_: failed),
        pytest.raises(ReleaseFailed, match="ended with 1 in version 1 of shop-dev-commands"),
    ):
        ship("app = 2", SMOKE | {"release.command": "python manage.py migrate"})
    assert functions.calls == [], "no smoke request"
    assert alias() == ("1", {})
    assert listed()[0] == (2, "2", "failed")
