"""What the local cloud installs for itself is locked, and comes from where the user says, not a project."""

import hashlib
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.local.aws import ministack
from lambdify.cli.local.functions import locked, runtime_client
from lambdify.cli.programs import pythons

LOCKS = [ministack.LOCK, runtime_client.LOCK, runtime_client.BUILD]
NAME = "lambdify-locked-probe"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_of_a_lock_is_one_version_with_hashes(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    packages = "\n".join(lines).replace("\\\n", "").splitlines()
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==[^ ]+ ", package), package
        assert "--hash=sha256:" in package
    assert not [line for line in lines if "://" in line], "no index is named"
    assert "uv pip compile --no-config" in lock.read_text(), "how to renew it is said on top"


def test_the_lock_is_of_the_version_that_the_bridge_was_written_for() -> None:
    assert f"\nministack=={ministack.VERSION} " in ministack.LOCK.read_text()


class Index:
    """A package index on this machine with one wheel, in which a module says whose it is."""

    def __init__(self, folder: Path, whose: str) -> None:
        wheel = folder / "files" / f"{NAME.replace('-', '_')}-1.0-py3-none-any.whl"
        wheel.parent.mkdir(parents=True)
        info = f"{NAME.replace('-', '_')}-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(zipfile.ZipInfo("probe.py"), f"WHOSE = {whose!r}\n")
            meta = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"
            archive.writestr(zipfile.ZipInfo(f"{info}/METADATA"), meta)
            wheels = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            archive.writestr(zipfile.ZipInfo(f"{info}/WHEEL"), wheels)
            archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "")
        self.hash = hashlib.sha256(wheel.read_bytes()).hexdigest()
        page = folder / "simple" / NAME / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="../../files/{wheel.name}#sha256={self.hash}">{wheel.name}</a>')
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: object) -> None:
                super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Index, Index]]:
    """The user's, and a project's."""
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    # Its settings must not be this machine's, and nothing is cached.
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "project" / "cache"))
    mine, theirs = Index(tmp_path / "mine", "mine"), Index(tmp_path / "theirs", "theirs")
    yield mine, theirs
    mine.close()
    theirs.close()


@pytest.fixture
def project(tmp_path: Path, indexes: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that names an index in every way there is, and in which the cache lies."""
    folder = tmp_path / "project"
    folder.mkdir()
    url = indexes[1].url
    (folder / "uv.toml").write_text(f'[[index]]\nurl = "{url}"\ndefault = true\n')
    (folder / "pyproject.toml").write_text(f'[tool.uv]\nindex-url = "{url}"\n')
    (folder / "requirements.txt").write_text(f"--index-url {url}\n")
    monkeypatch.chdir(folder)
    return folder


def fetch(folder: Path, digest: str) -> Path:
    lock = folder / "probe.txt"
    lock.write_text(f"{NAME}==1.0 --hash=sha256:{digest}\n")
    return locked.fetch("probe", lock, Path(pythons.find(pythons.RUNNING) or ""), pythons.RUNNING)


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_the_users_index_is_asked_and_no_projects(
    project: Path, indexes: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    mine, theirs = indexes
    monkeypatch.setenv(variable, mine.url)
    found = fetch(project, mine.hash)
    assert (found / "probe.py").read_text() == "WHOSE = 'mine'\n"
    assert mine.asked
    assert not theirs.asked
    mine.asked.clear()
    assert fetch(project, mine.hash) == found
    assert not mine.asked, "it is there already"


def test_the_users_settings_of_uv_count_and_no_projects(
    project: Path, indexes: tuple[Index, Index], tmp_path: Path
) -> None:
    mine, theirs = indexes
    (tmp_path / "config" / "uv").mkdir(parents=True)
    (tmp_path / "config" / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{mine.url}"\ndefault = true\n')
    assert (fetch(project, mine.hash) / "probe.py").read_text() == "WHOSE = 'mine'\n"
    assert not theirs.asked


def test_an_index_that_has_other_files_of_that_name_is_not_believed(
    project: Path, indexes: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = indexes
    monkeypatch.setenv("UV_DEFAULT_INDEX", theirs.url)
    with pytest.raises(LocalCloudFailed, match=r"(?i)hash") as caught:
        fetch(project, mine.hash)
    assert "could not be installed" in caught.value.message
    assert list((project / "cache" / "runtime").iterdir()) == []
