"""A look at a folder's commit runs nothing that the folder names, whoever wrote its .git/config."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.origins import fetch_source
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.releases import revision


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.email=a@b", "-c", "user.name=n", "-c", "commit.gpgSign=false")
    done = subprocess.run(
        ("git", *author, *arguments), cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def ran(tmp_path) -> Path:
    """Is there if something ran."""
    return tmp_path / "RAN"


@pytest.fixture
def repository(tmp_path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text("app = print\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")
    return folder


def fsmonitor(folder: Path, program: Path) -> None:
    git(folder, "config", "core.fsmonitor", str(program))


def hooks(folder: Path, program: Path) -> None:
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        (folder / ".git" / "hooks" / hook).write_text(program.read_text())
        (folder / ".git" / "hooks" / hook).chmod(0o755)


def hooks_elsewhere(folder: Path, program: Path) -> None:
    hooks(folder, program)
    (folder / ".git" / "hooks").rename(folder / "hooks")
    git(folder, "config", "core.hooksPath", "hooks")


def _filter(folder: Path, program: Path, kind: str) -> None:
    (folder / ".gitattributes").write_text("*.py filter=evil\n")
    git(folder, "config", f"filter.evil.{kind}", str(program))
    # So that git has to look at the content.
    os.utime(folder / "app.py", (1, 1))


def clean_filter(folder: Path, program: Path) -> None:
    _filter(folder, program, "clean")


def long_running_filter(folder: Path, program: Path) -> None:
    _filter(folder, program, "process")


def filter_of_an_included_file(folder: Path, program: Path) -> None:
    _filter(folder, program, "clean")
    content = (folder / ".git" / "config").read_text()
    (folder / "more.config").write_text(content[content.index("[filter") :])
    git(folder, "config", "--remove-section", "filter.evil")
    git(folder, "config", "include.path", "../more.config")


def pager(folder: Path, program: Path) -> None:
    git(folder, "config", "core.pager", str(program))
    git(folder, "config", "pager.status", str(program))


def external_diff(folder: Path, program: Path) -> None:
    git(folder, "config", "diff.external", str(program))
    (folder / "app.py").write_text("app = repr\n")


def lazy_fetch(folder: Path, program: Path) -> None:
    """What is missing of a partial clone is asked for, by a program of the config."""
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    (folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    git(folder, "config", "core.repositoryFormatVersion", "1")
    git(folder, "config", "extensions.partialClone", "origin")
    git(folder, "config", "remote.origin.url", f"ext::{program}")
    git(folder, "config", "remote.origin.promisor", "true")
    git(folder, "config", "protocol.ext.allow", "always")


def bare_repository(folder: Path, program: Path) -> None:
    """A folder that is a repository itself, as files of another can make it look."""
    (folder / ".git").rename(folder / "inner")
    for path in (folder / "inner").iterdir():
        path.rename(folder / path.name)
    git(folder, "config", "-f", "config", "core.bare", "false")
    git(folder, "config", "-f", "config", "core.worktree", ".")
    git(folder, "config", "-f", "config", "core.fsmonitor", str(program))


TRAPS: list[Callable[[Path, Path], None]] = [
    fsmonitor,
    hooks,
    hooks_elsewhere,
    clean_filter,
    long_running_filter,
    filter_of_an_included_file,
    pager,
    external_diff,
    lazy_fetch,
    bare_repository,
]


@pytest.fixture
def program(tmp_path, ran) -> Path:
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_nothing_runs(repository, program, ran, trap):
    trap(repository, program)
    ran.unlink(missing_ok=True)
    revision.find(repository)
    assert not ran.exists()


@pytest.mark.parametrize("trap", [fsmonitor, hooks, pager], ids=lambda trap: trap.__name__)
def test_the_answer_is_the_same(repository, program, trap):
    commit = git(repository, "rev-parse", "HEAD")
    trap(repository, program)
    assert revision.find(repository) == revision.Revision(commit=commit, dirty=False)
    (repository / "app.py").write_text("app = repr\n")
    assert revision.find(repository) == revision.Revision(commit=commit, dirty=True)


def test_a_submodules_config_counts_as_little(repository, program, ran, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.py").write_text("")
    git(inner, "init", "-q")
    git(inner, "add", ".")
    git(inner, "commit", "-qm", "all")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    git(repository, "commit", "-qm", "sub")
    fsmonitor(repository / "sub", program)
    (repository / "sub" / ".gitattributes").write_text("*.py filter=evil\n")
    git(repository / "sub", "config", "filter.evil.clean", str(program))
    os.utime(repository / "sub" / "a.py", (1, 1))
    ran.unlink(missing_ok=True)
    assert revision.find(repository).commit
    assert not ran.exists()


def test_a_checkout_of_a_dependency_runs_no_hook(repository, program, ran, tmp_path, monkeypatch):
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    (template / "hooks" / "post-checkout").write_text(program.read_text())
    (template / "hooks" / "post-checkout").chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template))
    package = Package(
        name="web",
        version="",
        kind="git",
        url=repository.as_uri(),
        commit=git(repository, "rev-parse", "HEAD"),
    )
    source = fetch_source(package, Indexes(), tmp_path / "into")
    assert (source / "app.py").is_file()
    assert not ran.exists()


def test_nobody_is_asked_for_a_password(tmp_path, ran, program, monkeypatch):
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.setenv("DISPLAY", ":9")
    monkeypatch.delenv("GIT_ASKPASS", raising=False)
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Locked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=x")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Locked) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/web.git"
        package = Package(name="web", version="", kind="git", url=url, commit="0" * 40)
        with pytest.raises(Exception, match="git clone"):
            fetch_source(package, Indexes(), tmp_path / "into")
        server.shutdown()
        thread.join()
    assert not ran.exists()
