"""How many environments are kept warm: what a page asks for, in the room that there is."""

import pytest
from stages import stage_in

from lambdify.cli.errors import SettingsError
from lambdify.cli.plan import warm_environments

WRITTEN = {"warm.concurrency": 20}


@pytest.fixture
def settle(stubbed, make_settings, talk):
    """`settle(1000)`: the number of environments in an account that may run 1,000 at once."""

    def settle(limit=None, overrides=None, *, left=None):
        if limit is not None:
            account = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": left or limit}
            stubbed.answers("lambda.get_account_settings", {"AccountLimit": account})
        stage = stage_in(stubbed.account, make_settings(overrides=overrides))
        return warm_environments.settle(stage, talk.console).settings.warm.concurrency

    return settle


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, (7, True)),
        ({"http.endpoint": "function-url"}, (7, True)),
        ({"http.endpoint": "none"}, (1, False)),
        ({"role.arn": "arn:aws:iam::123456789012:role/shop"}, (1, False)),
        ({"function.reserved_concurrency": 5}, (4, True)),
        ({"function.reserved_concurrency": 8}, (7, True)),
        ({"function.reserved_concurrency": 1}, (1, True)),
        ({"function.reserved_concurrency": 0}, (1, True)),
        ({"warm.concurrency": "auto"}, (7, True)),
        ({"warm.concurrency": 1}, (1, False)),
        (WRITTEN, (20, False)),
    ],
)
def test_without_an_account_it_follows_from_the_settings(make_settings, overrides, expected):
    warm = make_settings(overrides=overrides).warm
    assert (warm.concurrency, warm.chosen) == expected


@pytest.mark.parametrize(
    ("limit", "left", "expected"),
    [(1000, None, 7), (28, None, 7), (27, None, 6), (10, None, 2), (3, None, 1), (1000, 5, 5), (0, None, 1)],
)
def test_it_is_a_quarter_of_what_the_account_may_run_at_most(settle, limit, left, expected):
    assert settle(limit, left=left) == expected


def test_it_is_said_why_there_are_fewer_and_what_to_write(settle, talk):
    settle(10)
    said = " ".join(talk.said.split())
    assert "kept warm: 2, since the account may run 10 at once in eu-central-1. A page and what it" in said
    assert "asks for takes 7; concurrency = N in lambdify.toml under [warm] is taken as it is" in said


def test_nothing_is_said_where_there_is_room(settle, talk):
    settle(1000)
    assert not talk.said


@pytest.mark.parametrize("limit", [1000, 10])
def test_a_number_that_is_written_is_taken_as_it_is(settle, talk, limit):
    assert settle(limit, WRITTEN) == 20
    assert ("the account may run 10 at once" in " ".join(talk.said.split())) == (limit == 10)


def test_of_its_own_reserved_concurrency_the_account_takes_nothing_away(settle, talk):
    assert settle(100, WRITTEN | {"function.reserved_concurrency": 30}, left=10) == 20
    assert not talk.said


@pytest.mark.parametrize(
    "overrides", [{"warm.every": "off"}, {"warm.concurrency": 1}, {"http.endpoint": "none"}]
)
def test_lambda_is_not_asked_where_nothing_depends_on_it(settle, overrides):
    settle(None, overrides)


@pytest.mark.parametrize(("overrides", "expected"), [({}, 1), (WRITTEN, 20)])
def test_who_may_not_ask_deploys_all_the_same(stubbed, settle, talk, overrides, expected):
    stubbed.refuses("lambda.get_account_settings", "AccessDeniedException")
    assert settle(None, overrides) == expected
    assert ("lambda:GetAccountSettings, which `lambdify policy` has" in talk.said) == (expected == 1)


def test_more_than_is_reserved_is_refused(make_settings):
    with pytest.raises(SettingsError) as caught:
        make_settings(overrides={"warm.concurrency": 6, "function.reserved_concurrency": 5})
    assert caught.value.message == (
        "[warm] concurrency = 6 is more than [function] reserved_concurrency = 5, which is the limit of all."
    )
    assert 'leave concurrency to "auto"' in caught.value.hint


@pytest.mark.parametrize("more", [{"function.reserved_concurrency": 0}, {"warm.every": "off"}])
def test_nothing_is_too_much_where_nothing_runs(make_settings, more):
    """reserved_concurrency = 0 is how a function is stopped in a hurry."""
    make_settings(overrides={"warm.concurrency": 6, "function.reserved_concurrency": 5} | more)


@pytest.mark.parametrize("text", ["0", '"off"', "101", "true", "2.5"])
def test_what_is_no_number_says_what_it_takes(tmp_path, text):
    from lambdify.cli import settings

    (tmp_path / "lambdify.toml").write_text(f"[warm]\nconcurrency = {text}\n")
    with pytest.raises(SettingsError) as caught:
        settings.load(tmp_path)
    assert caught.value.hint == 'It takes a whole number of environments from 1 to 100, or "auto".'
