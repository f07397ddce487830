"""Which releases are kept, and what goes with the others."""

import pytest
from releases.shipping import SMOKE, answer_with

from lambdify.cli.errors import (
    ReleaseFailed,
    ReleaseMissing,
)

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


def test_as_many_releases_are_kept_as_are_to_be_and_no_more(ship, back, versions, listed, account):
    for number in range(1, 5):
        ship(f"app = {number}", {"release.keep": 2})
    assert versions() == ["3", "4"]
    assert listed() == [(4, "4", "live"), (3, "3", "superseded"), (2, "2", "pruned"), (1, "1", "pruned")]
    with pytest.raises(ReleaseMissing, match="Release 1 was removed: the last 2 are kept"):
        back(1, {"release.keep": 2})


def test_archives_go_with_the_last_release_that_was_made_of_them(ship, account):
    for number in (1, 2, 3, 1):
        ship(f"app = {number}", {"release.keep": 2})
    bucket = f"lambdify-{account.account_id}-eu-central-1"
    found = account.client("s3").list_objects_v2(Bucket=bucket, Prefix="shop/dev/app-")["Contents"]
    assert len(found) == 2, "of releases 3 and 4; that of the first is in use again"


def test_what_failed_goes_when_something_newer_works(ship, functions, versions, listed):
    ship()
    functions.answer = answer_with({"2": 500})
    with pytest.raises(ReleaseFailed):
        ship("app = 2", SMOKE)
    assert versions() == ["1", "2"], "it can be looked at"
    ship("app = 3", SMOKE)
    assert versions() == ["1", "3"]
    assert listed() == [(3, "3", "live"), (2, "2", "failed"), (1, "1", "superseded")]


def test_a_version_that_another_alias_leads_to_stays(ship, account, versions):
    ship()
    ship("app = 2")
    lambda_ = account.client("lambda")
    lambda_.create_alias(
        FunctionName="shop-dev",
        Name="theirs",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )
    ship("app = 3", {"release.keep": 1})
    assert versions() == ["1", "2", "3"]


def test_what_had_the_traffic_until_now_goes_with_the_next_deployment(ship, versions):
    for number in range(1, 4):
        ship(f"app = {number}", {"release.keep": 1})
    assert versions() == ["2", "3"]


def test_what_was_live_long_ago_is_kept_while_it_is_live_again(ship, back, versions):
    for number in range(1, 4):
        ship(f"app = {number}")
    back(1)
    ship("app = 4", {"release.keep": 1})
    assert versions() == ["1", "4"]
