"""Versions that somebody else has chosen in `.lambdify/` are not taken for the project's own choice."""

import json
import zipfile
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.packing.requirements.sources import find_source
from lambdify.cli.packing.resolution.plan import make_plan
from lambdify.cli.packing.target import Target


def write_wheel(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    info = f"web-{version}.dist-info"
    with zipfile.ZipFile(folder / f"web-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("web.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: web\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def chosen(root: Path) -> dict[str, str]:
    build = settings.load(root).build
    plan = make_plan(find_source(root, build), root, Target(), build, ())
    return {package.name: package.version for package in plan.packages}


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A project that asks for any version of web, resolved here when 1.0 was the newest; now there is 2.0."""
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "here"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"--no-index\n--find-links {tmp_path / 'links'}\nweb\n")
    write_wheel(tmp_path / "links", "1.0")
    assert chosen(folder) == {"web": "1.0"}
    write_wheel(tmp_path / "links", "2.0")
    assert chosen(folder) == {"web": "1.0"}
    return folder


def test_on_another_machine_it_is_resolved_anew(root, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "elsewhere"))
    assert chosen(root) == {"web": "2.0"}


def test_one_that_was_changed_counts_for_nothing(root):
    (file,) = (root / ".lambdify" / "resolutions").iterdir()
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"day": "2020-02-02"}, indent=1))
    assert chosen(root) == {"web": "2.0"}


def test_the_same_text_under_the_key_of_another_question_is_not_believed(root):
    (file,) = (root / ".lambdify" / "resolutions").iterdir()
    kept = file.read_text()
    file.unlink()
    (root / "requirements.txt").write_text((root / "requirements.txt").read_text() + "web>=1\n")
    assert chosen(root) == {"web": "2.0"}
    (other,) = (root / ".lambdify" / "resolutions").iterdir()
    other.write_text(kept)
    assert chosen(root) == {"web": "2.0"}


@pytest.mark.slow
def test_the_run_says_so(root, lambdify):
    (root / "app.py").write_text("def app(environ, start_response): ...\n")
    (root / "lambdify.toml").write_text('app = "app:app"\n')
    told = lambdify("package", cwd=root)
    assert told.returncode == 0, told.stderr
    assert "was not made by you on this machine" in told.stderr
    assert "resolutions/" in told.stderr
    again = lambdify("package", cwd=root)
    assert "was not made by you" not in again.stderr
