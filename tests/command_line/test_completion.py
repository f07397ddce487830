"""What a shell is told may come next: from what is on disk, at once, and nothing that could do harm."""

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime

import click
import pytest
from click.shell_completion import BashComplete

from lambdify.cli import releases
from lambdify.cli.command_line import answers, help_page, known_releases
from lambdify.cli.main import commands

SETTINGS = """
stage = "test"
[functions.nightly-report]
handler = "shop.reports:nightly"
[stages.test]
[stages.production.functions.audit]
handler = "shop.audit:run"
"""


@pytest.fixture
def shop(project, monkeypatch):
    root = project({"lambdify.toml": SETTINGS, "inner/x.txt": ""})
    monkeypatch.chdir(root)
    return root


def offered(line, group=commands):
    """The words that may come at the end of a line, which has a space at its end if none is begun."""
    *words, begun = line.split(" ")
    found = BashComplete(group, {}, "lambdify", "_LAMBDIFY_COMPLETE").get_completions(words, begun)
    return {each.value: each.help or "" for each in found}


# -------------------------------------------------------------------- what there is


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("re", {"releases"}),
        ("local ", {"status", "env", "stop"}),
        ("completion ", {"bash", "zsh", "fish"}),
        ("deploy ", {"test", "production"}),
        ("deploy --local p", {"production"}),
        ("--local de", {"deploy"}),
        ("--local undeploy p", {"production"}),
        ("-v logs --stage ", {"test", "production"}),
        ("invoke -s ", {"test", "production"}),
        ("secrets list t", {"test"}),
        ("deploy --dr", {"--dry-run"}),
        ("deploy production ", set()),
        ("deploy -h -V --ta", {"--take-over"}),
    ],
)
def test_what_may_come_next(shop, capsys, line, expected):
    assert set(offered(line)) == expected
    assert capsys.readouterr() == ("", "")


def test_a_word_that_is_no_command_is_no_error_while_one_types(shop, capsys):
    assert "deploy" in offered("deplay ")
    assert capsys.readouterr() == ("", "")


def takes_stage():
    return [name for name, each in commands.commands.items() if "stage" in {p.name for p in each.params}]


@pytest.mark.parametrize("name", takes_stage())
def test_every_command_about_a_stage_completes_it(shop, name):
    assert {"test", "production"} <= offered(f"{name} --stage ").keys()
    if any(
        each.name == "stage" and isinstance(each, click.Argument) for each in commands.commands[name].params
    ):
        first = "github " if name == "ci" else ""
        assert {"test", "production"} <= offered(f"{name} {first}").keys()


def test_any_option_called_function_completes_the_functions_of_the_settings(shop):
    call = help_page.Command("call", params=[click.Option(["--function"])])
    group = help_page.CommandGroup("lambdify", commands=[call])
    assert offered("call --function ", group) == {
        "nightly-report": "shop.reports:nightly",
        "audit": "shop.audit:run",
    }


def test_a_folder_inside_the_project_knows_as_much(shop, monkeypatch):
    monkeypatch.chdir(shop / "inner")
    assert "production" in offered("deploy ")


def test_settings_in_pyproject_count_as_well(project, monkeypatch):
    monkeypatch.chdir(project({"pyproject.toml": "[tool.lambdify.stages.eu]\n"}))
    assert set(offered("deploy ")) == {"dev", "eu"}


# -------------------------------------------------------------------- releases


def release(number, state="superseded"):
    return releases.Release(
        number=number,
        at=datetime(2026, 11, 29, 12, tzinfo=UTC),
        by="",
        commit="9f3c1a2e4b5d",
        dirty=False,
        stack="",
        version=str(number),
        artifacts=(),
        settings={},
        state=state,
        reason="",
    )


def test_releases_that_were_seen_are_completed_newest_first(shop):
    found = {each.number: answers.describe_release(each) for each in (release(12, "live"), release(9))}
    known_releases.remember(shop, "test", found, local=False)
    known_releases.remember(shop, "production", {3: ""}, local=False)
    known_releases.remember(shop, "test", {1: ""}, local=True)
    assert list(offered("rollback ")) == ["test", "production", "12", "9"]
    assert offered("rollback 1")["12"].endswith("9f3c1a2e4, live")
    assert set(offered("rollback production ")) == set(offered("rollback -s production 3")) == {"3"}
    assert set(offered("rollback --local 1")) == {"1"}
    assert offered("deploy ").keys() == {"test", "production"}, "numbers are no stages"


def test_without_stages_in_the_file_those_that_were_deployed_are_known(project, monkeypatch):
    root = project({"app.py": ""})
    monkeypatch.chdir(root)
    assert set(offered("deploy ")) == {"dev"}
    assert not (root / ".lambdify").exists(), "a key writes nothing"
    known_releases.remember(root, "staging", {1: ""}, local=True)
    assert set(offered("deploy ")) == {"dev", "staging"}
    known_releases.remember(root, "staging", {}, local=True)
    assert set(offered("deploy ")) == {"dev"}


def test_the_newest_fifty_are_kept(shop):
    known_releases.remember(shop, "test", dict.fromkeys(range(1, 81), ""), local=False)
    assert list(known_releases.recall(shop, "test", local=False)) == list(range(80, 30, -1))


@pytest.mark.parametrize("content", ["", "[1]", '{"x": 1}', "{", "\\xff"])
def test_a_broken_file_is_none(shop, content):
    path = shop / ".lambdify" / "releases" / "test.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert known_releases.recall(shop, "test", local=False) == {}
    assert set(offered("rollback ")) == {"test", "production"}


def test_a_link_in_the_place_of_our_folder_is_not_followed(shop, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (shop / ".lambdify").mkdir()
    (shop / ".lambdify" / "releases").symlink_to(tmp_path / "elsewhere")
    known_releases.remember(shop, "test", {1: ""}, local=False)
    assert list((tmp_path / "elsewhere").iterdir()) == []


# -------------------------------------------------------------------- what is not offered


@pytest.mark.parametrize("name", ["$(reboot)", "`x`", "a b", "-y", "a;b", "é", "a\\nb", "*", "~"])
def test_a_name_that_a_shell_would_read_is_not_offered(project, monkeypatch, name):
    monkeypatch.chdir(project({"lambdify.toml": f'[stages."{name}"]\n[stages.ok]\n'}))
    assert set(offered("deploy ")) == {"dev", "ok"}


@pytest.mark.parametrize(
    "text", ["[stages", "stages = 1", "[stages]\nx = 1", "functions = []", "[tool", "stage = 3"]
)
def test_broken_settings_complete_nothing_and_say_nothing(project, monkeypatch, capsys, text):
    monkeypatch.chdir(project({"lambdify.toml": text}))
    assert set(offered("deploy ")) <= {"dev", "x", "3"}
    assert offered("rollback 1") == {}
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_is_gone_completes_nothing(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert offered("deploy ") == {}


# -------------------------------------------------------------------- a key

KEY = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write(json.dumps(sorted(sys.modules))))
from lambdify.cli.main import main
main()
"""


def press(line, cwd, program=("-c", KEY)):
    variables = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "_LAMBDIFY_COMPLETE": "bash_complete",
    }
    return subprocess.run(
        [sys.executable, *program],
        env={**os.environ, **variables},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize(
    "line", ["lambdify ", "lambdify deploy p", "lambdify rollback ", "lambdify invoke -"]
)
def test_a_key_imports_nothing_that_is_heavy_and_nothing_of_the_network(shop, line):
    pressed = press(line, shop)
    assert pressed.stdout.startswith("plain,")
    loaded = {name.partition(".")[0] for name in json.loads(pressed.stderr)}
    assert loaded & {"boto3", "botocore", "docker", "rich", "urllib3", "socket", "ssl", "asyncio"} == set()


@pytest.mark.slow
def test_a_key_is_answered_in_less_than_a_sixth_of_a_second(shop):
    # The command's own time: what else the machine has to do is not counted.
    took = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        press("lambdify deploy ", shop, ("-c", "from lambdify.cli.main import main; main()"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.15, took
