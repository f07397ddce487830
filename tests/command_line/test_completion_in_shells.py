"""Completion in real shells: bash and zsh at a terminal, by the tab key; fish by its own question."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from waiting import PATIENCE

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
PACKAGES = {"zsh": ["zsh", "zsh-common"], "fish": ["fish", "libpcre2-32-0"]}
"""Debian's, for a machine that has not got the shell."""
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r|\x07")


class Shell(NamedTuple):
    program: Path
    root: Path
    """Where its own files are; / if it is installed."""


def find_shell(name, tmp_path_factory):
    """The shell that is installed, else that of Debian's packages, unpacked in a folder."""
    if installed := shutil.which(name):
        return Shell(Path(installed), Path("/"))
    folder = tmp_path_factory.mktemp(name)
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        pytest.skip(f"{name} is not here, and no apt to get it")
    line = ["apt-get", "download", *PACKAGES[name]]
    if subprocess.run(line, cwd=folder, capture_output=True, timeout=300, check=False).returncode:
        pytest.skip(f"{name} is not here, and apt does not get it")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True, timeout=60)
    (program,) = [path for place in ("bin", "usr/bin") if (path := folder / "root" / place / name).is_file()]
    return Shell(program, folder / "root")


@pytest.fixture
def zsh(tmp_path_factory):
    return find_shell("zsh", tmp_path_factory)


@pytest.fixture
def fish(tmp_path_factory):
    return find_shell("fish", tmp_path_factory)


@pytest.fixture
def shop(project):
    return project({"lambdify.toml": "[stages.production]\n[stages.preview]\n"})


def surroundings(shell, home):
    libraries = ":".join(str(each) for each in (shell.root / "usr/lib").glob("*-linux-gnu"))
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
        **({"LD_LIBRARY_PATH": libraries} if shell.root != Path("/") else {}),
    }


class Terminal:
    """A shell at a terminal: what is typed, and what stands there then."""

    def __init__(self, line, environ, cwd):
        self.shown = b""
        pid, self._end = pty.fork()
        if not pid:
            os.chdir(cwd)
            os.execve(line[0], [str(each) for each in line], environ)
        self._pid = pid

    def type(self, keys, until):
        """Type keys; return what is shown as soon as that has `until` in it."""
        self.shown = b""
        os.write(self._end, keys.encode())
        give_up = time.monotonic() + PATIENCE
        while until not in (plain := CONTROL.sub(b"", self.shown).decode(errors="replace")):
            assert time.monotonic() < give_up, f"{until!r} does not come: {plain!r}"
            if select.select([self._end], [], [], 1.0)[0]:
                self.shown += os.read(self._end, 65536)
        return plain

    def close(self):
        os.close(self._end)
        os.waitpid(self._pid, 0)


@pytest.fixture
def terminal():
    opened = []

    def start(line, environ, cwd):
        opened.append(Terminal(line, environ, cwd))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def press_tab(shell):
    """Complete a command, a stage, and show several."""
    shell.type("echo on''ly\n", "only")
    shell.type("lambdify rele\t", "lambdify releases ")
    shell.type("\x15lambdify undeploy prod\t", "undeploy production ")
    shell.type("\x15lambdify deploy --dry\t", "deploy --dry-run")
    return shell.type("\x15lambdify status pr\t\t", "production")


def test_bash_completes_at_a_terminal(shop, tmp_path, terminal):
    bash = Shell(Path(shutil.which("bash")), Path("/"))
    shell = terminal([bash.program, "--norc", "--noprofile", "-i"], surroundings(bash, tmp_path), shop)
    shell.type('eval "$(lambdify completion bash)" && echo rea""dy\n', "ready")
    assert "preview" in press_tab(shell)


@pytest.mark.shells
def test_zsh_completes_at_a_terminal(zsh, shop, tmp_path, terminal):
    environ = surroundings(zsh, tmp_path)
    if zsh.root != Path("/"):
        folders = [path for path in (zsh.root / "usr/share/zsh/functions").rglob("*") if path.is_dir()]
        environ["FPATH"] = ":".join(str(each) for each in folders)
        (modules,) = (zsh.root / "usr/lib").glob("*/zsh/*")
        (tmp_path / ".zshenv").write_text(f"module_path=({modules})\n")
    shell = terminal([zsh.program, "-d", "-i"], environ, shop)
    shell.type("autoload -Uz compinit && compinit -D -u && echo rea''dy\n", "ready")
    shell.type('eval "$(lambdify completion zsh)" && echo set""tled\n', "settled")
    assert "preview" in press_tab(shell)


@pytest.mark.shells
def test_fish_completes_when_it_is_asked(fish, shop, tmp_path):
    environ = surroundings(fish, tmp_path)

    def ask(line):
        script = f"lambdify completion fish | source; complete -C '{line}'"
        done = subprocess.run(
            [fish.program, "--no-config", "-c", script],
            cwd=shop,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return [each.partition("\t")[0] for each in done.stdout.splitlines()]

    assert ask("lambdify rele") == ["releases"]
    assert sorted(ask("lambdify undeploy p")) == ["preview", "production"]
    assert ask("lambdify deploy --dry") == ["--dry-run"]
