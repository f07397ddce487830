"""The installed `lambdify serve` on a project of a few lines, as a developer has it in a terminal."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import httpx
import pytest
from waiting import PATIENCE, eventually

from lambdify.cli.local import watchdog

LAMBDIFY = Path(sys.executable).with_name("lambdify")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WSGI = """
def app(environ, start_response):
    path = environ["PATH_INFO"]
    status, body = "200 OK", PAGES[path]()
    start_response(status, [("content-type", "text/plain")])
    return [str(body).encode()]
"""
"""An app without a framework: a page for each function of PAGES."""


class Serving(NamedTuple):
    """A `lambdify serve` that runs."""

    root: Path
    url: str
    process: "subprocess.Popen[str]"
    said: Path

    def get(self, path: str = "/", accept: str = "*/*") -> httpx.Response:
        return httpx.get(self.url + path, headers={"accept": accept}, timeout=PATIENCE)

    def save(self, name: str, text: str) -> None:
        """Write a file as an editor does, beside it and then in its place."""
        beside = self.root.parent / "saved.tmp"
        beside.write_text(dedent(text).lstrip("\n"))
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        beside.replace(self.root / name)

    def story(self, awaited: str = "") -> str:
        """What it has told, once that has the text."""
        eventually(lambda: awaited in self.said.read_text())
        return self.said.read_text()

    def processes(self) -> set[int]:
        """All that it has started and that runs."""
        return watchdog.descendants({self.process.pid})

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def end(self, number: signal.Signals = signal.SIGINT, *, whole_group: bool = False) -> int:
        """Send a signal; a terminal sends it to the whole group."""
        (os.killpg if whole_group else os.kill)(self.process.pid, number)
        return self.process.wait(PATIENCE)


Serve = Callable[..., Serving]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a project of these files; `pages` are lines of Python that fill PAGES of a plain WSGI app."""
    begun: list[Serving] = []

    def start(
        files: Mapping[str, str] | None = None,
        *arguments: str,
        pages: str = "",
        toml: str = "",
        function: str = "",
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> Serving:
        root, said = tmp_path / "shop", tmp_path / "said.txt"
        given = {"lambdify.toml": f'{toml}\n[function]\npython = "{PYTHON}"\n{function}\n'}
        given |= {"app.py": dedent(pages) + WSGI} if pages else {}
        for name, text in (given | dict(files or {})).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(dedent(text).lstrip("\n"))
        with said.open("w") as story:
            process = subprocess.Popen(
                [LAMBDIFY, "serve", "--port", "0", *arguments],
                cwd=root,
                env={**os.environ, "LAMBDIFY_HOME": str(tmp_path / "home"), **(env or {})},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=story,
                text=True,
                process_group=0,
            )
        assert process.stdout
        url = process.stdout.readline().strip()
        running = Serving(root, url, process, said)
        begun.append(running)
        assert url.startswith("http://127.0.0.1:"), said.read_text()
        return running

    yield start
    for each in begun:
        if each.process.poll() is None:
            each.end()
        assert each.process.stdout
        each.process.stdout.close()
        if each.process.stdin:
            each.process.stdin.close()
