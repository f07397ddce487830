"""The log of a build goes where nobody else has a say, and the run says where that is."""

import os
import re
from pathlib import Path

import pytest

APP = "def app(environ, start_response): ...\n"
BROKEN = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "broken"\nversion = "1"\n',
    "backend.py": 'def build_wheel(*_, **__):\n    raise SystemExit("what the package has to say")\n',
    "broken/__init__.py": "",
}
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere.sock"}


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "project"
    for name, text in BROKEN.items():
        path = tmp_path / "broken" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("../broken\n")
    return folder


@pytest.fixture
def precious(tmp_path) -> Path:
    """A file that must not change."""
    path = tmp_path / "authorized_keys"
    path.write_text("precious")
    return path


def log_in(told: str) -> Path:
    found = re.search(r"log: (\S+broken\.log)", told)
    assert found, told
    return Path(found[1])


@pytest.mark.slow
def test_a_link_in_the_shared_folder_for_temporary_files_is_not_followed(
    root, tmp_path, lambdify, for_whom_rights_count, precious
):
    lambdify.temporary.mkdir(parents=True)
    (lambdify.temporary / "lambdify-logs").mkdir()
    (lambdify.temporary / "lambdify-logs" / "broken.log").symlink_to(precious)
    root.chmod(0o555)
    out = ("-o", str(tmp_path / "out"))
    told = lambdify("package", *out, cwd=root, before=for_whom_rights_count, env=NO_ENGINE)
    root.chmod(0o755)
    assert told.returncode == 22, told.stderr
    assert precious.read_text() == "precious"
    log = log_in(told.stderr)
    assert "what the package has to say" in log.read_text()
    assert log.parent.stat().st_mode & 0o777 == 0o700
    assert log.parent.stat().st_uid == os.geteuid()
    assert not (root / ".lambdify").exists()


@pytest.mark.slow
def test_neither_is_one_that_a_repository_brings_along(root, lambdify, precious):
    (root / ".lambdify" / "logs").mkdir(parents=True)
    (root / ".lambdify" / "logs" / "broken.log").symlink_to(precious)
    told = lambdify("package", cwd=root, env=NO_ENGINE)
    assert precious.read_text() == "precious"
    assert "what the package has to say" in log_in(told.stderr).read_text()


def test_nor_a_folder_of_logs_that_leads_elsewhere(root, tmp_path, lambdify):
    (root / ".lambdify").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / ".lambdify" / "logs").symlink_to(tmp_path / "elsewhere")
    told = lambdify("package", cwd=root, env=NO_ENGINE)
    assert told.returncode == 27
    assert "is a link" in told.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
