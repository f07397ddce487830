"""What a package's own code sees when it runs on this machine: nothing that is not for it."""

import json
import zipfile
from pathlib import Path

import pytest

from lambdify.cli.packing.resolution.uv import PYTHON, run_uv

pytestmark = pytest.mark.slow

APP = "def app(environ, start_response): ...\n"
BACKEND = """
import json, os, subprocess, zipfile
from pathlib import Path

HERE = Path(__file__).parent
SEEN = Path({seen!r})

def _note(hook):
    initial = Path("/proc/self/environ")
    home = Path(os.path.expanduser("~"))
    note = {{
        "hook": hook,
        "environ": dict(os.environ),
        "initial": initial.read_bytes().decode(errors="replace") if initial.exists() else "",
        "home": sorted(path.name for path in home.iterdir()),
        "git": subprocess.run(["git", "status"], capture_output=True).returncode,
    }}
    with SEEN.open("a") as file:
        file.write(json.dumps(note) + "\\n")

def get_requires_for_build_wheel(config_settings=None):
    _note("requires")
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    _note("metadata")
    info = Path(folder, "sees_all-1.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: sees-all\\nVersion: 1\\n")
    return info.name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    _note("wheel")
    info = "sees_all-1.dist-info"
    with zipfile.ZipFile(Path(folder, "sees_all-1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("sees_all.py", "")
        wheel.writestr(f"{{info}}/METADATA", "Metadata-Version: 2.1\\nName: sees-all\\nVersion: 1\\n")
        wheel.writestr(f"{{info}}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{{info}}/RECORD", "")
    return "sees_all-1-py3-none-any.whl"
"""
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAREAL-1",
    "AWS_SECRET_ACCESS_KEY": "swordfish-2",
    "AWS_SESSION_TOKEN": "swordfish-3",
    "AWS_PROFILE": "swordfish-4",
    "GITHUB_TOKEN": "swordfish-5",
    "DATABASE_URL": "postgres://u:swordfish-6@db.example.com/x",
    "UV_INDEX_CORP_PASSWORD": "swordfish-7",
    "POETRY_HTTP_BASIC_CORP_PASSWORD": "swordfish-8",
    "UV_PUBLISH_TOKEN": "swordfish-9",
    "SSH_AUTH_SOCK": "/run/swordfish-10",
    "ANY_OTHER": "swordfish-11",
}
ALLOWED = {
    "PATH", "HOME", "TMPDIR", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "CC", "CXX",
    "SOURCE_DATE_EPOCH", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "no_proxy", "SSH_ASKPASS_REQUIRE",
}  # fmt: skip


@pytest.fixture
def seen(tmp_path) -> Path:
    return tmp_path / "SEEN"


@pytest.fixture
def root(tmp_path, seen) -> Path:
    """A project that requires a folder whose version its build backend computes."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "backend.py").write_text(BACKEND.format(seen=str(seen)))
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "sees-all"\ndynamic = ["version", "dependencies"]\n'
    )
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("../source\n")
    return folder


def notes(seen: Path) -> list[dict]:
    return [json.loads(line) for line in seen.read_text().splitlines()]


def test_it_sees_no_credentials_and_a_home_of_its_own(root, lambdify, seen):
    (lambdify.folder).mkdir()
    (lambdify.folder / ".netrc").write_text("machine example.com login a password swordfish-12\n")
    done = lambdify("package", cwd=root, env=SECRETS)
    assert done.returncode == 0, done.stderr
    assert {note["hook"] for note in notes(seen)} >= {"wheel"}
    for note in notes(seen):
        text = json.dumps(note["environ"]) + note["initial"]
        assert "swordfish" not in text
        assert "AKIA" not in text
        assert note["environ"]["HOME"] != str(lambdify.folder)
        assert note["home"] == []
        names = set(note["environ"])
        rest = {name for name in names - ALLOWED if not name.startswith(("LC_", "GIT_"))}
        assert rest == set(), note["hook"]


def test_nothing_of_it_is_left(root, lambdify):
    assert lambdify("package", cwd=root).returncode == 0
    assert [path for path in lambdify.temporary.iterdir() if path.suffix != ".lock"] == []


def test_it_sees_the_indexes_of_the_project(root, lambdify, seen):
    (root / "requirements.txt").write_text("--index-url https://me:word@index.example/simple\n../source\n")
    lambdify("package", cwd=root, env={**SECRETS, "UV_OFFLINE": "1"})
    # Whether the rest can be had or not: nothing but these was in sight.
    for note in notes(seen):
        assert note["environ"]["PIP_INDEX_URL"] == "https://me:word@index.example/simple"
        assert "swordfish" not in json.dumps(note["environ"])


def test_git_in_it_runs_nothing_that_the_source_names(root, lambdify, seen, tmp_path):
    import subprocess

    source, ran = tmp_path / "source", tmp_path / "RAN"
    subprocess.run(["git", "init", "-q"], cwd=source, check=True)
    subprocess.run(["git", "config", "core.fsmonitor", f"touch {ran}; false"], cwd=source, check=True)
    done = lambdify("package", cwd=root)
    assert done.returncode == 0, done.stderr
    assert 0 in {note["git"] for note in notes(seen)}
    assert not ran.exists()


def test_each_package_is_built_once_and_never_again(root, lambdify, seen):
    assert lambdify("package", cwd=root).returncode == 0
    assert [note["hook"] for note in notes(seen)].count("wheel") == 1
    first = seen.read_text()
    (root / "app.py").write_text(APP + "\n")
    assert lambdify("package", cwd=root).returncode == 0
    assert lambdify("package", "--upgrade", cwd=root).returncode == 0
    again = seen.read_text().removeprefix(first)
    assert '"hook": "wheel"' not in again


def test_one_whose_metadata_stands_in_its_pyproject_is_not_asked_for_it(root, lambdify, seen, tmp_path):
    pyproject = tmp_path / "source" / "pyproject.toml"
    text = pyproject.read_text().replace('dynamic = ["version", "dependencies"]', 'version = "1"')
    pyproject.write_text(text)
    assert lambdify("package", cwd=root).returncode == 0
    assert [note["hook"] for note in notes(seen)] == ["requires", "wheel"]


def test_what_a_release_machine_says_of_versions_is_passed_on(root, lambdify, seen):
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SEES_ALL": "1"}
    assert lambdify("package", cwd=root, env=version).returncode == 0
    assert all(note["environ"].items() >= version.items() for note in notes(seen))


def test_uv_compiles_what_it_installs_all_the_same(tmp_path):
    """Its own program for that answers line by line, and is given up after a minute without a line."""
    info = "plain-1.dist-info"
    with zipfile.ZipFile(tmp_path / "plain-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("plain.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: plain\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    into = tmp_path / "into"
    options = ["--offline", "--no-deps", "--target", str(into), "--compile-bytecode"]
    line = ["pip", "install", *PYTHON, *options, str(next(tmp_path.glob("*.whl")))]
    done = run_uv(line, cwd=tmp_path)
    assert done.succeeded, done.errors
    assert list(into.rglob("plain.*.pyc"))
