"""[environment] is measured as AWS does it: the JSON of all variables, which may be 4,096 bytes."""

import json

import pytest

from lambdify.cli import settings as room
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import conflicts, names
from lambdify.cli.template import tasks


@pytest.fixture
def load(tmp_path):
    def load(text: str, stage: str | None = None) -> room.Settings:
        (tmp_path / "lambdify.toml").write_text(text)
        return room.load(tmp_path, stage=stage)

    return load


def table(variables: dict[str, str], name: str = "environment") -> str:
    return f"[{name}]\n" + "".join(f"{key} = '{value}'\n" for key, value in variables.items())


def refusal(load, text: str, stage: str | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(text, stage)
    return caught.value.message


def test_quotes_count_as_json_writes_them(load):
    value = "[" + ",".join(['{"a":"b"}'] * 390) + "]"
    size = len(json.dumps({"RUNNER": value}, separators=(",", ":")))
    assert len("RUNNER") + len(value) < 4096 < size
    told = refusal(load, table({"RUNNER": value}))
    assert told == f"lambdify.toml, line 1: [environment] holds {size} bytes; Lambda takes 4096."


def many(count: int) -> dict[str, str]:
    """Variables of 62 bytes each, name and value."""
    return {f"NAME_{number:02}": "x" * 55 for number in range(count)}


def test_what_json_puts_around_them_counts(load):
    assert len(json.dumps(many(60), separators=(",", ":"))) == 4081
    assert load(table(many(60))).environment == many(60)
    told = refusal(load, table(many(62)))
    assert "[environment] holds 4217 bytes; Lambda takes 4096." in told


def test_the_very_last_byte_is_allowed(load):
    most = {"AB": "x" * (4096 - len('{"AB":""}'))}
    assert load(table(most)).environment == most
    assert "holds 4097 bytes" in refusal(load, table({"AB": most["AB"] + "x"}))


def test_letters_count_as_utf_8(load):
    room_left = 4096 - len('{"AB":""}')
    assert load(table({"AB": "é" * (room_left // 2)})).environment
    assert "Lambda takes 4096" in refusal(load, table({"AB": "é" * (room_left // 2 + 1)}))


def test_a_stages_own_variables_count_together_with_those_of_all(load):
    both = table({"AB": "x" * 3000}) + table({"CD": "x" * 2000}, "stages.live.environment")
    assert load(both, "dev").environment == {"AB": "x" * 3000}
    told = refusal(load, both, "live")
    assert told == "[environment] of live holds 5017 bytes; Lambda takes 4096."


def test_a_variable_that_a_stage_replaces_counts_once(load):
    both = table({"AB": "x" * 3000}) + table({"AB": "x" * 2000}, "stages.live.environment")
    assert load(both, "live").environment == {"AB": "x" * 2000}


def test_secrets_are_no_variables_of_the_functions_configuration(load):
    references = {f"SECRET_{number}": "ssm:/shop/" + "x" * 90 for number in range(50)}
    assert load(table(references, "secrets")).secrets == references


TASKS = "[tasks]\nworkers = 2\n{}"


def added(results: bool) -> dict[str, str]:
    """What the template gives the function besides, with the values that CloudFormation puts there."""
    queue = "https://sqs.eu-central-1.amazonaws.com/123456789012/shop-dev"
    found = {
        "LAMBDIFY_TASKS": f"{queue}-tasks",
        "LAMBDIFY_TASKS_FAILED": f"{queue}-failed",
        "LAMBDIFY_TASKS_LATER": "arn:aws:iam::123456789012:role/shop-dev-later-eu-central-1",
    }
    return found | ({"LAMBDIFY_TASKS_RESULTS": "shop-dev-tasks"} if results else {})


@pytest.mark.parametrize("results", [False, True])
def test_what_tasks_add_counts_with_them(load, results):
    head = 'name = "shop"\nregion = "eu-central-1"\n' + TASKS.format("results = true\n" if results else "")
    ours = len(json.dumps(added(results), separators=(",", ":"))) - 1  # a comma stands for one of the braces
    room_left = 4096 - len('{"AB":""}') - ours
    assert load(head + table({"AB": "x" * room_left})).environment
    told = refusal(load, head + table({"AB": "x" * (room_left + 1)}))
    size = room_left + 1 + len('{"AB":""}')
    assert told == f"[environment] of dev holds {size} bytes, and [tasks] adds {ours}; Lambda takes 4096."
    without = head.replace("workers = 2", "workers = 0").replace("results = true", "")
    assert load(without + table({"AB": "x" * (room_left + 1)})).environment


def test_the_region_may_be_known_from_the_account_alone(load):
    loaded = load('name = "shop"\n' + TASKS.format("") + table({"AB": "x" * 3830}))
    conflicts.check_region(loaded, "us-east-1")
    with pytest.raises(SettingsError, match=r"and \[tasks\] adds"):
        conflicts.check_region(loaded, "ap-southeast-7")


def test_they_are_called_and_as_long_as_in_the_template(load):
    loaded = load('name = "shop"\n' + TASKS.format("results = true\n"))
    assert tasks.variables(loaded).keys() == names.task_variables(loaded, "eu-central-1").keys()
    known = names.task_variables(loaded, "eu-central-1")
    assert {name: len(value) for name, value in known.items()} == {
        name: len(value) for name, value in added(True).items()
    }
    assert ".amazonaws.com.cn/" in names.task_variables(loaded, "cn-north-1")["LAMBDIFY_TASKS"]
    assert names.task_variables(loaded, "us-gov-west-1")["LAMBDIFY_TASKS_LATER"].startswith("arn:aws-us-gov:")
