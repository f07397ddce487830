"""Lines that are added to a settings file and removed from it: whatever else is in the file stays."""

import tomllib
from textwrap import dedent

import pytest

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import edit

KEYS = ("secrets", "NEW")
NEW = 'NEW = "x"'
CASES = {
    "a table and the comment of the next": (
        """
        name = "shop"  # ours

        [secrets]
        # Of the bank.
        KEY = "ssm:/key"  # asked for in May

        # The team pays.
        [tags]
        team = "web"
        """,
        'KEY = "ssm:/key"  # asked for in May\n',
    ),
    "a table without a line": ("[secrets]\n\n# Others.\n[tags]\n", "[secrets]\n"),
    "a value of several lines": (
        """
        [secrets]
        KEY = '''
        ssm:/key'''
        [[role.statements]]
        actions = [
          "s3:*",  # [not a table]
        ]
        resources = ["*"]
        """,
        "ssm:/key'''\n",
    ),
    "quoted keys": ('["secrets"]\n"KEY" = "ssm:/key"\n', '"KEY" = "ssm:/key"\n'),
}


@pytest.fixture
def write(tmp_path):
    """`write(text)`: the project has this lambdify.toml; the value reads it."""

    def write(text, name="lambdify.toml"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return lambda: path.read_bytes().decode()

    return write


@pytest.mark.parametrize("case", CASES)
def test_a_line_is_added_at_the_end_of_its_table_and_nothing_else_changes(tmp_path, write, case):
    text, before = CASES[case]
    text = dedent(text).lstrip("\n")
    read = write(text)
    added = edit.add(tmp_path, KEYS, "x")
    assert read() == text.replace(before, f"{before}{NEW}\n")
    assert read().split("\n")[added.line - 1] == added.text == NEW
    assert tomllib.loads(read())["secrets"]["NEW"] == "x"


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("", ""),
        ('name = "shop"', 'name = "shop"\n\n'),
        ("# Nothing yet.\n\n\n", "# Nothing yet.\n\n"),
        ('[tags]\nteam = "web"\n# The end.\n', '[tags]\nteam = "web"\n# The end.\n\n'),
        ('\ufeffname = "shop"\r\n', '\ufeffname = "shop"\r\n\r\n'),
        ("\ufeff", "\ufeff"),
    ],
)
def test_a_table_that_is_not_there_is_made_at_the_end(tmp_path, write, text, begin):
    end = "\r\n" if "\r\n" in text else "\n"
    read = write(text)
    added = edit.add(tmp_path, KEYS, "x")
    assert read() == f"{begin}[secrets]{end}{NEW}{end}"
    assert added.place == f"lambdify.toml, line {begin.count(chr(10)) + 2}"


def test_line_ends_and_the_byte_order_mark_stay(tmp_path, write):
    text = '\ufeff[secrets]\r\nKEY = "ssm:/key"\r\n\r\n[tags]\r\n'
    read = write(text)
    edit.add(tmp_path, KEYS, "x")
    assert read() == text.replace("\r\n\r\n", f"\r\n{NEW}\r\n\r\n", 1)
    edit.remove(tmp_path, KEYS)
    assert read() == text


def test_utf_16_stays_utf_16(tmp_path, write):
    write('[secrets]\r\nKEY = "ssm:/key"\r\n'.encode("utf-16"))
    edit.add(tmp_path, KEYS, "x")
    written = (tmp_path / "lambdify.toml").read_bytes()
    assert written.decode("utf-16") == f'[secrets]\r\nKEY = "ssm:/key"\r\n{NEW}\r\n'


def test_in_pyproject_it_stands_with_the_other_tables_of_ours(tmp_path, write):
    begin = '[project]\nname = "shop"\n\n[tool.lambdify]\nstage = "live"\n[tool.lambdify.tags]\na = "b"\n'
    rest = "\n# The linter.\n[tool.ruff]\nline-length = 100\n"
    read = write(begin + rest, "pyproject.toml")
    added = edit.add(tmp_path, KEYS, "x")
    assert read() == f"{begin}\n[tool.lambdify.secrets]\n{NEW}\n{rest}"
    assert read().split("\n")[added.line - 1] == NEW


def test_a_project_without_settings_gets_a_file(tmp_path):
    edit.add(tmp_path, KEYS, "x")
    made = tmp_path / "lambdify.toml"
    assert made.read_text() == f"[secrets]\n{NEW}\n"
    (tmp_path / "other").write_text("")
    assert made.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_files_mode_stays_and_a_link_stays_a_link(tmp_path, write):
    write("", "real.toml")
    (tmp_path / "real.toml").chmod(0o640)
    (tmp_path / "lambdify.toml").symlink_to("real.toml")
    edit.add(tmp_path, KEYS, "x")
    assert (tmp_path / "lambdify.toml").readlink().name == "real.toml"
    assert (tmp_path / "real.toml").stat().st_mode & 0o777 == 0o640
    assert NEW in (tmp_path / "real.toml").read_text()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["lambdify.toml", "real.toml"]


@pytest.mark.parametrize(
    "value", ['with "quotes" and \\', "two\nlines\t", "\x7f\x01", "\N{SNOWMAN} \U0001f600"]
)
def test_any_text_is_read_as_it_was_given(tmp_path, value):
    edit.add(tmp_path, ("environment", "TEXT"), value)
    assert tomllib.loads((tmp_path / "lambdify.toml").read_text())["environment"]["TEXT"] == value


BY_HAND = ['secrets = { KEY = "ssm:/key" }\n', 'secrets.KEY = "ssm:/key"\n']


@pytest.mark.parametrize("text", BY_HAND)
def test_what_is_written_otherwise_is_left_alone_and_the_line_to_write_is_told(tmp_path, write, text):
    read = write(text)
    with pytest.raises(SettingsError) as caught:
        edit.add(tmp_path, KEYS, "x")
    assert caught.value.hint == f"Write it by hand: {NEW}, under [secrets]."
    assert read() == text


def test_a_line_that_is_removed_takes_all_its_lines_and_no_others(tmp_path, write):
    text = "[secrets]\nA = \"ssm:/a\"\n# Of B.\nB = '''\nssm:/b'''\n\n[tags]\nB = \"b\"\n"
    read = write(text)
    assert edit.remove(tmp_path, ("secrets", "B")).line == 4
    assert read() == '[secrets]\nA = "ssm:/a"\n# Of B.\n\n[tags]\nB = "b"\n'
    assert edit.remove(tmp_path, ("secrets", "B")) is None
    assert edit.remove(tmp_path, ("stages", "live", "secrets", "B")) is None


def test_a_value_in_braces_is_not_removed(tmp_path, write):
    read = write(BY_HAND[0])
    with pytest.raises(SettingsError, match="not edited here"):
        edit.remove(tmp_path, ("secrets", "KEY"))
    assert read() == BY_HAND[0]
