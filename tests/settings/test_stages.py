"""[stages."pr-*"]: one table for stages that come and go."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import Settings

Read = Callable[..., Settings]

FILE = """
protect = true
[warm]
concurrency = 3
[function]
memory = 256
[stages.dev]
[stages.pr-7.function]
memory = 2048
[stages."pr-*".function]
memory = 1024
[stages."pr-big-*".function]
memory = 4096
[stages."pr-big-*".logs]
retention = 7
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def load(stage: str, text: str = FILE) -> Settings:
        (tmp_path / "lambdify.toml").write_text(text)
        return settings.load(tmp_path, stage=stage)

    return load


def test_a_pattern_is_for_every_stage_that_begins_so(read: Read) -> None:
    found = read("pr-12")
    assert (found.stage, found.function.memory) == ("pr-12", 1024)
    assert found.full_name.endswith("-pr-12")


def test_a_stage_with_a_table_of_its_own_is_none_of_the_pattern(read: Read) -> None:
    found = read("pr-7")
    assert (found.function.memory, found.release.keep, found.protect) == (2048, 5, True)


def test_the_longest_pattern_counts(read: Read) -> None:
    assert read("pr-big-1").function.memory == 4096


def test_such_stages_cost_little_and_are_not_protected(read: Read) -> None:
    found = read("pr-12")
    assert (found.warm.every, found.release.keep, found.logs.retention) == (0, 1, 3)
    assert found.warm.concurrency == 3, "what all stages have holds where nothing is said"
    assert found.protect is False


def test_nobody_is_told_of_such_stages_unless_their_own_table_says_whom(read: Read) -> None:
    """Each would ask the addresses of production to confirm a topic of its own, and its alarms cost money."""
    told = '[alarms]\nemail = ["ops@shop.example"]\nslow = "p95 over 2 s for 10 minutes"\n[stages."pr-*"]\n'
    assert not read("pr-12", told).alarms.tell
    assert read("dev", told).alarms.tell
    mine = read("pr-12", f'{told}[stages."pr-*".alarms]\nemail = ["me@shop.example"]\n')
    assert mine.alarms.email == ("me@shop.example",)


def test_their_own_table_may_say_otherwise(read: Read) -> None:
    assert read("pr-big-1").logs.retention == 7


@pytest.mark.parametrize("name", ["*", "pr*", "*-pr", "p*-r", "pr-**", "-*"])
def test_a_pattern_is_a_beginning_and_a_star(read: Read, name: str) -> None:
    with pytest.raises(SettingsError, match="is no pattern for stages") as caught:
        read("dev", f'[stages."{name}"]\n')
    assert "lambdify.toml, line 1" in caught.value.message


def test_a_stage_of_a_pattern_cannot_be_protected(read: Read) -> None:
    with pytest.raises(SettingsError, match="cannot be protected") as caught:
        read("pr-1", '[stages."pr-*"]\nprotect = true\n')
    assert "line 2" in caught.value.message


@pytest.mark.parametrize("stage", ["pr-", "prod", "pr-*"])
def test_a_name_that_only_looks_like_it_is_refused(read: Read, stage: str) -> None:
    with pytest.raises(SettingsError):
        read(stage)


def test_a_mistake_in_the_table_is_found_where_it_stands(read: Read) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        read("pr-1", '[stages."pr-*"]\nmemry = 1\n')
