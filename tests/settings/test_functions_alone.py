"""A stage of functions alone: it has nothing that is there for a web app only."""

import json

import pytest
from template.test_keep_warm import ARTIFACT

from lambdify.cli import settings, template
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.target import Target

ALONE = '[http]\nendpoint = "none"\n[functions.report]\nhandler = "jobs:nightly"\n'
OWN = f"{ALONE}timeout = 300\n"
TIMED = f'{ALONE}schedule = [{{ cron = "0 6 * * *" }}]\n'


@pytest.fixture
def read(tmp_path):
    def read(text, stage="dev"):
        (tmp_path / "lambdify.toml").write_text(f'name = "shop"\n{text}', encoding="utf-8")
        return settings.load(tmp_path, stage=stage)

    return read


@pytest.fixture
def write(read, complaints):
    def write(text):
        written = template.write(read(text), ARTIFACT, Target(python="3.13"))
        assert complaints(written) == []
        return written.body["Resources"]

    return write


def scheduled(resources):
    """The aliases that schedules of the stage may call, and those that they call."""
    may = resources["ScheduleRole"]["Properties"]["Policies"] if "ScheduleRole" in resources else []
    called = [each["Properties"]["Target"]["Arn"]["Ref"] for each in resources.values() if _is_schedule(each)]
    return json.dumps(may).count('{"Ref": "Alias"}'), sorted(called)


def _is_schedule(resource):
    return resource["Type"] == "AWS::Scheduler::Schedule"


@pytest.mark.parametrize(
    ("text", "called"),
    [
        (ALONE, []),
        (OWN, []),
        (TIMED, ["AliasReport"]),
        (f'{ALONE}[warm]\nevery = "off"\n', []),
    ],
)
def test_nothing_is_kept_warm_where_there_is_no_app(write, text, called):
    assert scheduled(write(text)) == (0, called)


@pytest.mark.parametrize(
    "text",
    [
        '[functions.report]\nhandler = "jobs:nightly"\n',  # with an endpoint
        f'app = "shop:app"\n{ALONE}',
        '[http]\nendpoint = "none"\n',
    ],
)
def test_an_app_is_kept_warm_beside_functions_and_without_an_endpoint(write, text):
    assert scheduled(write(text)) == (1, ["Alias"])


@pytest.mark.parametrize("text", ['every = "4 minutes"', "concurrency = 3", "every = 5"])
def test_functions_in_the_apps_lambda_are_kept_warm_if_that_is_asked_for(write, text):
    """They run in the environments that the schedule keeps."""
    assert scheduled(write(f"{ALONE}[warm]\n{text}\n")) == (1, ["Alias"])


@pytest.mark.parametrize("text", ['every = "4 minutes"', "concurrency = 3"])
def test_to_keep_what_nothing_runs_in_is_refused(read, text):
    with pytest.raises(SettingsError) as caught:
        read(f"{OWN}[warm]\n{text}\n")
    assert caught.value.message == (
        "[warm] every = 4: there is no app to keep warm, and all functions have Lambdas of their own."
        if "every" in text
        else "[warm] every = 5: there is no app to keep warm, and all functions have Lambdas of their own."
    )
    assert (
        caught.value.hint
        == 'Leave [warm] out, or set every = "off". If there is an app, name it: app = "..."'
    )


def test_a_stage_of_functions_beside_one_with_an_app_says_off(read):
    text = f'{OWN}[warm]\nevery = "4 minutes"\n[stages.dev]\n[stages.web.http]\nendpoint = "http-api"\n'
    assert read(text, "web").warm.every == 4
    with pytest.raises(SettingsError, match="no app to keep warm"):
        read(text)
    assert read(f'{text}[stages.dev.warm]\nevery = "off"\n').warm.every == 0


def test_a_shift_of_traffic_that_is_not_there_is_refused(read):
    with pytest.raises(SettingsError) as caught:
        read(f'{ALONE}[release]\nshift = "10% every 2 minutes"\n')
    assert caught.value.message == (
        "[release] shift: it parts the traffic of a web app, and this stage has functions alone."
    )
    assert (
        caught.value.hint
        == 'Leave shift out; functions move at once. If there is an app, name it: app = "..."'
    )
