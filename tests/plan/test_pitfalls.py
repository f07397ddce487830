"""What is said before a deployment: runtimes that end, clients that give up, what only AWS looks at."""

from datetime import date, timedelta

import pytest

from lambdify.cli import settings
from lambdify.cli.packing.target import runtimes
from lambdify.cli.plan import pitfalls

LONG_AGO = date(2020, 1, 1)
NETWORK = {"vpc.subnets": ["subnet-0a"], "vpc.security_groups": ["sg-0a"]}


@pytest.fixture
def said(tmp_path):
    """`said({"function.timeout": 60})`: every caution about these settings."""

    def said(overrides=None, *, today=LONG_AGO, local=False):
        common = {"name": "shop", "function.python": "3.12"}
        chosen = settings.load(tmp_path, overrides={**common, **(overrides or {})})
        return list(pitfalls.find(chosen, local=local, today=today))

    return said


def test_the_defaults_need_no_caution(said):
    assert said() == []


@pytest.mark.parametrize("python", list(runtimes()))
def test_the_end_of_a_runtime_is_said_half_a_year_before(said, python):
    end = runtimes()[python]["deprecated"]
    assert said({"function.python": python}, today=end - timedelta(days=181)) == []
    (near,) = said({"function.python": python}, today=end - pitfalls.NOTICE_PERIOD)
    assert f"Lambda's Python {python} gets no security updates from {end.day} {end:%B %Y} on" in near


def test_a_runtime_that_has_ended_says_until_when_it_can_be_changed(said):
    (caution,) = said({"function.python": "3.12"}, today=date(2028, 12, 1))
    assert caution == (
        "Lambda's Python 3.12 has had no security updates since 31 October 2028, and functions with it "
        "cannot be changed from 10 January 2029 on. Set a newer one in [function] python."
    )


def test_every_runtime_ends_before_it_is_frozen():
    for runtime in runtimes().values():
        assert runtime["deprecated"] < runtime["frozen"]


@pytest.mark.parametrize(("kind", "seconds"), [("http-api", 30), ("rest-api", 29)])
def test_an_endpoint_that_gives_up_before_the_function_does_is_said(said, kind, seconds):
    (caution,) = said({"http.endpoint": kind, "function.timeout": 60})
    assert f"waits {seconds} seconds" in caution
    assert "timeout = 60" in caution


@pytest.mark.parametrize(
    "overrides",
    [
        {"http.endpoint": "function-url"},
        {"http.endpoint": "rest-api", "http.streaming": True},
        {"http.endpoint": "none"},
    ],
)
def test_an_endpoint_that_waits_as_long_as_the_function_runs_needs_no_caution(said, overrides):
    assert said({"function.timeout": 900, **overrides}) == []


LONG = {
    "[function]": {"function.timeout": 1800, "http.endpoint": "none"},
    "[tasks]": {"tasks.workers": 2, "tasks.timeout": 1800},
    "[commands]": {"commands.timeout": 1800},
}


@pytest.mark.parametrize("table", LONG)
def test_a_timeout_that_a_region_may_not_know_yet_is_said(said, table):
    (caution,) = said(LONG[table])
    assert caution == (
        f"{table} timeout = 1800: Lambda takes more than 900 seconds only since November 2026. A region that "
        "does not yet refuses the stack, and cfn-lint says E3717."
    )


def test_a_long_timeout_of_a_function_is_said_by_its_name(said, tmp_path):
    (tmp_path / "jobs.py").write_text("def nightly(event, context): ...\n")
    text = '[http]\nendpoint = "none"\n[functions.report]\nhandler = "jobs:nightly"\ntimeout = 901\n'
    (tmp_path / "lambdify.toml").write_text(text)
    assert any(caution.startswith("[functions.report] timeout = 901: ") for caution in said())


def test_streaming_from_a_vpc_through_a_url_is_not_promised(said):
    url = {"http.endpoint": "function-url", "http.streaming": True}
    assert said(url) == []
    (caution,) = said({**url, **NETWORK})
    assert "VPC" in caution


def test_what_the_local_endpoint_does_not_look_at_is_said(said):
    signed = {"http.auth": "iam", "http.cors.origins": ["https://shop.example"]}
    assert said(signed) == []
    assert said(signed, local=True) == [
        'The local cloud\'s endpoint does without: auth = "iam", cors. It answers whoever asks.'
    ]
