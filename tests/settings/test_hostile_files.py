"""Settings files that are long, deep or absurd: an error of ours, soon."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli import settings as room
from lambdify.cli.errors import LambdifyError, RequirementsError, SettingsError
from lambdify.cli.packing.requirements.sources import find_source

LINES = 4_000
SOON = 1.0
"""Seconds; asked for twice, since another process may have the processor."""


@pytest.fixture
def project(tmp_path) -> Callable[..., Path]:
    def write(text: str, name: str = "lambdify.toml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path

    return write


def refusal(root: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        room.load(root)
    return caught.value.message


LONG = {
    "a table of many": '[resources.Mine]\nType = "x"\n[resources.Mine.Properties]\n'
    + "".join(f'A{n} = "x"\n' for n in range(LINES)),
    "comments": "# memory = 1\n" * LINES,
    "tables": "".join(f'[resources.R{n}]\nType = "AWS::SQS::Queue"\n' for n in range(LINES // 2)),
    "one long list": "[build]\nexclude = [\n" + '  "a", # ]\n' * LINES + "]\n",
    "one long text": '[function]\ndescription = """\n' + "memory = 1\n" * LINES + '"""\n',
    "one long literal text": "[function]\ndescription = '''\n" + '"""[\n' * LINES + "'''\n",
    "one long line": "[build]\nexclude = [" + '"a",' * LINES * 10 + "]\n",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_the_line_of_an_error_is_found_in_time(project, text):
    root = project(f"{text}[logs]\nretention = 31\n")
    took = []
    for _ in range(2):
        began = time.process_time()
        told = refusal(root)
        took.append(time.process_time() - began)
    if text.startswith("[function]\ndescription"):
        # What comes first is wrong too, and told first.
        assert told.startswith("lambdify.toml, line ")
    else:
        assert told == f"lambdify.toml, line {text.count(chr(10)) + 2}: logs.retention cannot be 31."
    assert min(took) < SOON


HIDDEN = [
    ('a = "x" # [', 2),
    ("a = '#'", 2),
    ('a = "\\"["', 2),
    ("a = '\\'", 2),
    ('a = """\n[logs]\nretention = 1\n\\"""\n"""', 6),
    ('a = """x""""', 2),
    ("a = '''\n[logs]\n''''", 4),
    ("a = [ # ]\n  '''\n]''',\n  { b = [1] },\n]", 6),
    ('"a b" = 1', 2),
    ("'#' = 1", 2),
    ('a."x = [" = 1', 2),
]


@pytest.mark.parametrize(("before", "line"), HIDDEN)
def test_no_text_list_or_comment_is_taken_for_a_statement(project, before, line):
    root = project(f"[tool.other]\n{before}\n[tool.lambdify]\nname = 1\n", "pyproject.toml")
    assert refusal(root) == f"pyproject.toml, line {line + 2}: name cannot be 1."


BOMBS = {
    "arrays": "a = " + "[" * 5_000 + "]" * 5_000,
    "tables in a line": "a = " + "{a = " * 5_000 + "1" + "}" * 5_000,
    "a dotted key": ".".join(["a"] * 5_000) + " = 1",
    "a table's name": "[resources." + ".".join(["a"] * 5_000) + "]\nb = 1",
    "a number": "a = " + "9" * 5_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_by_its_files_name(project, text):
    assert refusal(project(text)).startswith("lambdify.toml")


@pytest.mark.slow
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_bomb_beside_our_table_is_refused_too(project, text):
    root = project(f"[tool.lambdify]\nname = 'x'\n[tool.other]\n{text}\n", "pyproject.toml")
    with pytest.raises(LambdifyError, match=r"pyproject\.toml"):
        room.load(root)


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "poetry.lock", "pylock.toml"])
@pytest.mark.parametrize("text", [BOMBS["arrays"], BOMBS["tables in a line"], BOMBS["a number"]])
def test_a_bomb_among_the_dependency_files_is_refused(tmp_path, name, text):
    from lambdify.cli.packing.requirements import sources

    (tmp_path / name).write_text(text)
    with pytest.raises(RequirementsError, match=name.replace(".", r"\.")):
        sources.read_toml(tmp_path / name)


def test_one_in_json_is_refused_as_well(project):
    from lambdify.cli.packing.requirements import pipenv

    root = project("[" * 100_000 + "]" * 100_000, "Pipfile.lock")
    build = room.load(root).build
    assert find_source(root, build)
    with pytest.raises(RequirementsError, match=r"Pipfile\.lock"):
        pipenv.read_pipfile_lock(root / "Pipfile.lock", ())


def test_one_in_the_settings_of_uv_is_left_to_uv(project, monkeypatch, tmp_path):
    from lambdify.cli.packing.requirements import indexes

    root = project(BOMBS["arrays"], "uv.toml")
    assert indexes.find_indexes((), root).default == ""


def test_what_a_template_can_hold_is_no_bomb(project):
    value = {"Type": "AWS::SQS::Queue", "Properties": {"Policy": {"a": [{"b": [{"c": ["d"]}]}]}}}
    root = project(f"[resources]\nMine = {json.dumps(value).replace(': ', ' = ')}\n")
    assert room.load(root).resources["Mine"] == value
