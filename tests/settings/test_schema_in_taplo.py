"""The schema in taplo, with which editors check TOML files: as docs/editors.md says, with taplo from npm."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lambdify.cli import settings

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.npm]

RIGHT = """
name = "shop"
app = "shop.wsgi:application"

[function]
python = "3.13"
memory = 1024
reserved_concurrency = "off"
on_event = "größe.events:handle"

[environment]
DJANGO_SETTINGS_MODULE = "shop.settings"

[secrets]
DATABASE_URL = "ssm:/shop/{stage}/DATABASE_URL"

[[role.statements]]
actions = ["s3:GetObject"]
resources = ["arn:aws:s3:::shop/*"]

[http]
endpoint = "function-url"

[warm]
every = 10

[tags]
team = "Bücher"

[functions.report]
handler = "shop.reports:nightly"
schedule = [{ at = 2027-01-31T12:00:00 }, { cron = "0 6 * * 1-5", timezone = "Europe/Berlin" }]

[resources.Orders]
Type = "AWS::SQS::Queue"

[stages.production]
region = "eu-central-1"
[stages.production.function]
memory = 2048
"""
MISTAKES = {
    'app = "shop.py"': '"shop.py" does not match',
    "[function]\nmemmory = 512": "('memmory' was unexpected)",
    "[http]\nendpoint = 'http'": '"http" is not one of ["http-api","function-url"',
    "[build]\nbytecode = 'yes'": '"yes" is not of type "boolean"',
    "[warm]\nevery = '2 days'": '"2 days" is not valid under any of the schemas',
    "[stages.production.function]\ntimeout = 1801": "1801 is greater than the maximum of 1800",
}
"""Each with what taplo says of it; the last line of each is where it is."""


@pytest.fixture(scope="module")
def taplo(tmp_path_factory):
    """Run taplo in a folder."""
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    folder = tmp_path_factory.mktemp("taplo")
    line = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
        folder,
        "@taplo/cli@0.7.0",
    ]
    subprocess.run(line, check=True, timeout=300, capture_output=True, cwd=folder)

    def run(root):
        return subprocess.run(
            [folder / "node_modules" / ".bin" / "taplo", "lint", "--colors", "never"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_six_mistakes_are_found_where_they_are_and_a_right_file_has_none(taplo, lambdify, tmp_path):
    (tmp_path / "lambdify.schema.json").write_text(lambdify("schema").stdout)
    documented = (ROOT / "docs" / "editors.md").read_text()
    (configuration,) = re.findall(r"```toml\n(.*?)```", documented, flags=re.DOTALL)
    (tmp_path / ".taplo.toml").write_text(configuration)
    wrong = "\n".join(MISTAKES)
    for name, text in (("right", RIGHT), ("wrong", wrong)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lambdify.toml").write_text(text.lstrip("\n"))
    assert settings.load(tmp_path / "right").name == "shop"

    said = taplo(tmp_path)
    found = {
        (int(place), message)
        for message, file, place in re.findall(
            r"error: (.+)\n +┌─ \S+?(\w+/lambdify\.toml):(\d+):", said.stderr
        )
        if file == "wrong/lambdify.toml"
    }
    lines = wrong.splitlines()
    expected = {lines.index(mistake.splitlines()[-1]) + 1: told for mistake, told in MISTAKES.items()}
    for line, told in expected.items():
        assert [message for at, message in found if at == line and told in message], (line, told, said.stderr)
    assert len({message for _, message in found}) == len(MISTAKES), said.stderr
    assert "right/lambdify.toml" not in said.stderr
    assert said.returncode == 1
