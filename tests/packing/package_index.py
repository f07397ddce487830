"""A package index on the loopback, for those who know the password."""

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from packing.packages import write_sdist, write_wheel
from waiting import PATIENCE


@dataclass(frozen=True)
class Index:
    """A folder per package, served over HTTP."""

    folder: Path
    port: int
    user: str = "reader"
    password: str = "s3cret-word"

    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    answers: threading.Event = field(default_factory=threading.Event)
    """While it is not set, whoever asks waits; at first it is set."""

    @property
    def url(self) -> str:
        return f"http://{self.user}:{self.password}@127.0.0.1:{self.port}/simple"

    @property
    def option(self) -> str:
        return f"--index-url {self.url}\n"

    def add_wheel(
        self, name: str, version: str, *, tag: str = "py3-none-any", requires: tuple[str, ...] = ()
    ) -> Path:
        return write_wheel(self._package(name), name, version, tag=tag, requires=requires)

    def add_sdist(
        self, name: str, version: str, *, tag: str = "", tree: Mapping[str, str] | None = None
    ) -> Path:
        return write_sdist(self._package(name), name, version, tag=tag, tree=tree)

    def yank(self, *files: Path, reason: str) -> None:
        """List all files of a package, these with the mark that their authors took them back (PEP 592)."""
        (folder,) = {file.parent for file in files}
        marks = dict.fromkeys(files, f'data-yanked="{reason}"')
        links = [f'<a href="{path.name}" {marks.get(path, "")}>{path.name}</a>' for path in folder.iterdir()]
        (folder / "index.html").write_text("\n".join(links))

    def _package(self, name: str) -> Path:
        folder = self.folder / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Handler(SimpleHTTPRequestHandler):
    """A directory listing is a simple repository page: https://peps.python.org/pep-0503/."""

    asked: list[str]
    answers: threading.Event
    credentials = base64.b64encode(b"reader:s3cret-word").decode()

    def __init__(self, *given, asked, answers, **more):  # type: ignore[no-untyped-def]
        self.asked, self.answers = asked, answers
        super().__init__(*given, **more)

    def send_head(self):  # type: ignore[no-untyped-def]
        self.asked.append(self.path)
        self.answers.wait(PATIENCE)
        if self.headers.get("Authorization") != f"Basic {self.credentials}":
            self.send_response(401)
            # git sends what it was given only where it is asked to.
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()
            return None
        return super().send_head()

    def end_headers(self):  # type: ignore[no-untyped-def]
        if self.path.endswith("/"):
            # What there is of a package is asked for each time, as with an index whose pages soon expire.
            self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass
