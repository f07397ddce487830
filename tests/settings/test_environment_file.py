"""[environment] file: variables of an environment file, as python-dotenv reads them, and what is refused."""

from textwrap import dedent

import pytest
from dotenv import dotenv_values

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import environment_file

NAME = ".env.production"
FILE = f'[environment]\nfile = "{NAME}"\n'
TEXT = """
# The site.
SITE=https://shop.example   # as browsers write it
export PLAIN = text
SINGLE='a # and \\n stay'
DOUBLE="two\\nlines"
SEVERAL="-----BEGIN-----
abc=
-----END-----"
EMPTY=
NOTHING
URL="https://${HOST:-localhost}/${PLAIN}"
PLAIN=last
"""


@pytest.fixture
def load(tmp_path):
    """`load({"shop/.env": "SITE=x"}, toml, "live")`: the settings of a stage in a project of these files."""

    def load(files, toml=FILE, stage=None):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop/lambdify.toml").write_text(toml)
        return settings.load(tmp_path / "shop", stage=stage)

    return load


def refused(load, *arguments):
    with pytest.raises(SettingsError) as caught:
        load(*arguments)
    return caught.value


# -------------------------------------------------------------------- what is read


def test_the_file_is_read_as_python_dotenv_reads_it(load, tmp_path, monkeypatch):
    found = load({f"shop/{NAME}": TEXT}).environment
    monkeypatch.delenv("HOST", raising=False)
    expected = dotenv_values(tmp_path / "shop" / NAME)
    assert found == {name: value for name, value in expected.items() if value is not None}
    assert found["SEVERAL"] == "-----BEGIN-----\nabc=\n-----END-----"
    assert found["URL"] == "https://localhost/text"


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfSITE=x\r\nMORE=y\r\n", "SITE=x\r\nMORE=y".encode("utf-16"), b"SITE=x\rMORE=y"]
)
def test_what_windows_saves_is_read_alike(load, data):
    assert load({f"shop/{NAME}": data}).environment == {"SITE": "x", "MORE": "y"}


def test_nothing_is_read_where_no_file_is_named(load):
    chosen = load({"shop/.env": "SITE=x"}, "")
    assert (chosen.environment, chosen.environment_file) == ({}, "")


def test_a_variable_called_file_is_set_by_a_line_of_the_file(load):
    assert load({f"shop/{NAME}": "file=x"}).environment == {"file": "x"}


STAGES = """
[environment]
file = ".env"
BOTH = "line"
LINE = "line"
[stages.live]
[stages.staging.environment]
file = "env/staging"
OWN = "staging"
"""


def test_lines_win_over_the_file_beside_them_and_a_stages_file_over_all_that_is_common(load):
    files = {"shop/.env": "BOTH=file\nFILE=file", "shop/env/staging": "LINE=staging file\nOWN=staging file"}
    assert load(files, STAGES, "live").environment == {"BOTH": "line", "FILE": "file", "LINE": "line"}
    staging = load(files, STAGES, "staging")
    assert staging.environment == {"BOTH": "line", "LINE": "staging file", "OWN": "staging"}
    assert staging.environment_file == "env/staging"


def test_the_file_of_another_stage_need_not_be_there(load):
    assert load({"shop/.env": "SITE=x"}, STAGES, "live").environment["SITE"] == "x"


def test_a_secret_of_that_name_wins(load):
    toml = f'[secrets]\nTOKEN = "ssm:/token"\n{FILE}'
    assert load({f"shop/{NAME}": "TOKEN=s3cret\nSITE=x"}, toml).environment == {"SITE": "x"}


def test_what_lambda_sets_itself_is_left_out_and_told(load, tmp_path):
    text = "AWS_REGION=eu-central-1\nAWS_SECRET_ACCESS_KEY=s3cret\nSITE=x"
    assert load({f"shop/{NAME}": text}).environment == {"SITE": "x"}
    found = environment_file.read(tmp_path / "shop", NAME, "")
    assert found.reserved == ("AWS_REGION", "AWS_SECRET_ACCESS_KEY")


def test_a_file_of_the_projects_repository_is_let_in(load, tmp_path):
    (tmp_path / ".git").mkdir()
    toml = '[environment]\nfile = "../config/web.env"\n'
    assert load({"config/web.env": "SITE=x"}, toml).environment == {"SITE": "x"}


# -------------------------------------------------------------------- what is refused

WRONG = {
    "no variable": ("SITE=x\n\n\n= s3cret\n", 4),
    "unfinished quote": ("SITE=x\n# y\nTOKEN='s3cret\nMORE=s3cret\n", 3),
    "rest behind a quote": ('SITE=x\nTOKEN="s3cret" s3cret\n', 2),
    "no name for a variable": ("SITE=x\nmy.key=s3cret\n", 2),
    "short": ("X=s3cret\n", 1),
    "a variable that is not set": ("TOKEN=s3cret${USER}\n", 1),
    "a variable of a line below": ("TOKEN=s3cret${SITE}\nSITE=x\n", 1),
    "inside of a value of two lines": ("ONE='a\nb'\nTOKEN=s3cret${USER}\n", 3),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_by_its_line_and_never_with_a_value(load, case, monkeypatch):
    monkeypatch.setenv("USER", "somebody")
    text, line = WRONG[case]
    error = refused(load, {f"shop/{NAME}": text})
    assert error.message.startswith(f"{NAME}, line {line}: ")
    assert "s3cret" not in error.message + error.hint


def test_too_much_is_refused_as_lines_are(load):
    error = refused(load, {f"shop/{NAME}": f"SITE={'x' * 5000}"})
    assert "Lambda takes 4096" in error.message


PLACES = {
    "../outside.env": 'lambdify.toml, line 2: [environment] file names "../outside.env", which lies out',
    "/etc/hostname": "which lies outside of",
    "link.env": "which lies outside of",
    "nowhere.env": 'lambdify.toml, line 2: [environment] file names "nowhere.env", which does not exist.',
    "folder.env": "which is no file.",
    "": "which is no file.",
}


@pytest.mark.parametrize("name", PLACES)
def test_only_a_file_of_the_project_will_do(load, tmp_path, name):
    (tmp_path / "shop/folder.env").mkdir(parents=True)
    (tmp_path / "outside.env").write_text("SITE=x")
    (tmp_path / "shop/link.env").symlink_to("../outside.env")
    assert PLACES[name] in refused(load, {}, f'[environment]\nfile = "{name}"\n').message


def test_who_only_looks_at_a_stage_needs_no_file_but_the_one_that_is_there_is_right(load, tmp_path):
    refused(load, {})
    assert settings.load(tmp_path / "shop", variables=False).environment == {}
    (tmp_path / "shop" / NAME).write_text("= s3cret")
    with pytest.raises(SettingsError, match="line 1"):
        settings.load(tmp_path / "shop", variables=False)


def test_a_repository_of_the_whole_home_folder_is_none(load, tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    error = refused(load, {"outside.env": "SITE=x"}, '[environment]\nfile = "../outside.env"\n')
    assert error.message.endswith(f"which lies outside of {tmp_path}/shop.")


@pytest.mark.parametrize("data", [b"SITE=\xff\n", "SITE=x".encode("utf-16")[:-1]])
def test_another_encoding_is_refused(load, data):
    assert refused(load, {f"shop/{NAME}": data}).message == f"{NAME} is not UTF-8."


@pytest.mark.slow
def test_a_bundle_is_made_without_it_and_a_template_is_not(lambdify, tmp_path):
    (tmp_path / "lambdify.toml").write_text(f'app = "app:app"\n[build]\nbytecode = false\n{FILE}')
    (tmp_path / "app.py").write_text("def app(environ, start_response): ...\n")
    (tmp_path / "requirements.txt").write_text("")
    assert lambdify("package", cwd=tmp_path).returncode == 0
    done = lambdify("template", cwd=tmp_path)
    assert (done.returncode, f'names "{NAME}", which does not exist' in done.stderr) == (10, True)
