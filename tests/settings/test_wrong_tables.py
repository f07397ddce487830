"""An option in the wrong table: the message names the right one."""

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError

CASES = {
    "an option of a table at the top": "memory = 1024\n",
    "the same in a stage": "[stages.dev]\nmemory = 1024\n",
    "an option of another table": "[http]\ntimeout = 60\n",
    "the same in a table of a stage": "[stages.dev.http]\ntimeout = 60\n",
    "an option of the top in a table": '[function]\nregion = "eu-west-1"\n',
    "the same in a table of a stage's": '[stages.dev.function]\nregion = "eu-west-1"\n',
    "what no stage has": '[stages.dev]\nname = "shop"\n',
    "a table of a table at the top": '[cors]\norigins = ["*"]\n',
    "an option deep inside at the top": 'issuer = "https://issuer.example"\n',
    "an option that looks like another one": "storage = 1024\n",
    "an option of two tables": 'arn = "arn:aws:iam::123456789012:role/shop"\nkeep = 3\n',
    "a variable at the top": 'DATABASE_URL = "sqlite://"\n',
    "a variable in a stage": '[stages.dev]\nDEBUG = "1"\n',
    "a variable in a table": '[function]\nLOG_LEVEL = "info"\n',
    "a misspelt option at the top": "memory_size = 1024\n",
    "a misspelt option in its table": "[function]\nmemmory = 512\n",
    "a word that is no option": '[function]\ncolour = "red"\n',
}


def refuse(root, text):
    (root / "lambdify.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        settings.load(root)
    return f"error: {caught.value.message}\nhint: {caught.value.hint}\n"


def test_an_option_in_the_wrong_table_names_the_right_one(tmp_path, golden):
    golden("wrong-tables.txt", "\n".join(f"{text}{refuse(tmp_path, text)}" for text in CASES.values()))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("memory = 1024\n", '"memory" belongs below [tool.lambdify.function].'),
        ("function = 1\n", "Write [tool.lambdify.function] and its options below it."),
        ("[tool.lambdify.http]\nregion = 'x'\n", '"region" stands below [tool.lambdify].'),
        (
            "[tool.lambdify.stages.a]\nmemory = 1\n",
            '"memory" belongs below [tool.lambdify.stages.a.function].',
        ),
        ("stages = 1\n", "Write [tool.lambdify.stages.NAME] and its options below it."),
        ("layers = 1\n", '"layers" belongs below [tool.lambdify.function].'),
    ],
)
def test_in_pyproject_toml_tables_have_their_whole_names(tmp_path, text, hint):
    (tmp_path / "pyproject.toml").write_text(f"[tool.lambdify]\n{text}")
    with pytest.raises(SettingsError) as caught:
        settings.load(tmp_path)
    assert caught.value.hint == hint
