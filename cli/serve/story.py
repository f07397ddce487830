"""What `serve` tells: a line for each request and each save, and what the app prints between them.

One thread writes, in the order in which things happened, since many threads have something to say.
Tracebacks have the project's frames, and others are folded.
"""

import re
import threading
from queue import SimpleQueue

from lambdify.cli.console import Console, Line
from lambdify.cli.failures import places, tracebacks
from lambdify.cli.serve.explained import translate
from lambdify.cli.serve.place import Place

WIDTH = 30
"""Characters for a method and a path; longer ones are shown whole."""
_PLATFORM = re.compile(
    r"(START|END|REPORT|FUNCTION) RequestId: |INIT_START |\S+ \S+ Task timed out after "
    r"|RequestId: \S+ Error: Runtime exited |\[ERROR\] Runtime\.|\[WARNING\]\t\S+\t\S*\tLAMBDA_WARNING: "
)
"""Lines of Lambda's own, which others of ours stand for."""


class _Line(str):
    """A line with a style of the console's."""

    __slots__ = ("style",)

    style: str

    def __new__(cls, text: str, style: str) -> "_Line":
        """Return the line."""
        line = super().__new__(cls, text)
        line.style = style
        return line


class Story:
    """The lines, until `close`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._place: Place | None = None
        self._thread = threading.Thread(target=self._write, name="story", daemon=True)
        self._thread.start()

    def be_about(self, place: Place) -> None:
        """Tell of the app in that place from now on."""
        self._place = place

    def log(self, message: str) -> None:
        """Tell what the app, or the runtime client, has written."""
        if not _PLATFORM.match(message):
            text = translate(message, self._place) if self._place else message
            for line in text.splitlines():
                self._lines.put(line)

    def request(self, method: str, path: str, status: int, seconds: float, reason: str = "") -> None:
        """Tell of a request; `reason` is why the response is not the app's."""
        style = "danger" if status >= 500 else "changed" if status >= 400 else ""
        end = f"   {reason}" if reason else ""
        self._put(f"{f'{method} {path}':<{WIDTH}} {status} {seconds * 1000:6,.0f} ms{end}", style)

    def saved(self, names: tuple[str, ...], seconds: float) -> None:
        """Tell that files were saved, and how long it took until the app had them."""
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        self._put(f"{f'{names[0]}{more} saved':<{WIDTH}}     {seconds * 1000:6,.0f} ms", "quiet")

    def say(self, text: str, style: str = "") -> None:
        """Tell anything else."""
        for line in text.splitlines():
            self._put(line, style)

    def close(self) -> None:
        """Write all that was told until now."""
        self._lines.put(None)
        self._thread.join()

    def _owns(self, path: str) -> bool:
        return self._place is not None and places.files_of(self._place.root)(path)

    def _put(self, text: str, style: str) -> None:
        self._lines.put(_Line(text, style))

    def _write(self) -> None:
        for line in tracebacks.fold_text(iter(self._lines.get, None), self._owns):
            style = line.style if isinstance(line, _Line) else ""
            self._console.lines([Line(str(line), style)])
