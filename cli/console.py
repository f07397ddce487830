"""The only writer to the terminal.

The answer goes to stdout, messages on progress ("the story") to stderr, so that `curl "$(lambdify deploy)"`
works while a person still sees what happens. On a terminal the story is drawn with rich, which is imported on
first use; in a pipe, in CI and on a dumb terminal it is plain, complete lines.

Rules:
- Other rooms say what happens (`step`, `progress`, `note`, `warn`, `table`); this one decides how it looks.
- `--quiet` leaves out the story, never a warning or an error.
- `--json` changes the answer, never the story.
- Commands in hints get this run's flags for the account (hints.py).
- Questions are asked only if both the question and the reply go through a terminal.
- NO_COLOR (https://no-color.org) works through rich. CI=true, which most CI services set, means no animation.
"""

import json as json_module
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from lambdify.cli import hints
from lambdify.cli.errors import Declined, LambdifyError, UsageError
from lambdify.cli.formatting import columns, duration, visible, visible_line
from lambdify.cli.storage import texts

if TYPE_CHECKING:
    from rich.console import Console as Drawing

Advance = Callable[[int], None]
STYLES = {"": "", "title": "bold", "quiet": "dim", "added": "green", "changed": "yellow", "removed": "red"}
STYLES["danger"] = "bold red"
"""Kinds of lines, and rich's style for each."""


class Line(NamedTuple):
    """A line with a style for terminals. Elsewhere only its text is shown, so it has to say enough."""

    text: str
    style: str = ""
    """One of STYLES."""


class ProgressBar(NamedTuple):
    """The functions that update a display of progress."""

    advance: Advance
    """Add to the part that is done; a negative number if something is done again."""
    expect: Advance
    """Add to the total."""


class Console:
    """Everything that the user sees is written by this class."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        json: bool = False,
        account_flags: Sequence[str] = (),
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quiet = quiet
        self._verbose = verbose
        self.json = json
        self._account_flags = account_flags
        self._stdin = stdin or sys.stdin
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._clock = clock
        environ = os.environ if environ is None else environ
        in_ci = environ.get("CI", "").lower() not in {"", "0", "false"}
        on_terminal = self._stderr.isatty() and not in_ci
        self._animated = on_terminal and environ.get("TERM") != "dumb"
        self._colours = self._stdout.isatty() and not in_ci and environ.get("TERM") != "dumb"
        self.interactive = on_terminal and self._stdin.isatty()
        """Whether questions can be asked."""
        self.on_screen = self.interactive and self._stdout.isatty()
        """Whether a person reads the answer, not a program."""
        # A terminal obeys control characters, which strangers may have written. A pipe gets all bytes.
        on_stderr, on_stdout = self._stderr.isatty(), self._stdout.isatty() and not json
        self._told: Callable[[str], str] = visible if on_stderr else str
        self._told_line: Callable[[str], str] = visible_line if on_stderr else str
        self._answered: Callable[[str], str] = visible if on_stdout else str
        self._drawing: Drawing | None = None
        self._live: list[Any] = []
        """The animations that run now, outermost first."""
        self._began: dict[str, float] = {}
        """The names given to `show_pending`, and the time of the first call with each."""
        self._unfinished = ""
        """The step whose plain line still lacks its duration."""

    # ---------------------------------------------------------------- the answer

    def answer(self, text: str | Sequence[Line], value: object = None) -> None:
        """Write the command's answer to stdout: `text`, or with --json `value` as a line of JSON."""
        if not isinstance(text, str):
            if self._colours and not self.json:
                self._answer_in_colours(text)
                return
            text = "\n".join(line.text for line in text)
        if self.json:
            text = json_module.dumps(text if value is None else value, ensure_ascii=False)
        self._stdout.write(f"{self._answered(text)}\n")
        # A followed log that is read through a pipe has to show each line at once.
        self._stdout.flush()

    def answer_bytes(self, data: bytes) -> bool:
        """Write bytes to stdout as they are. Binary data is not written to a terminal: return False then."""
        if hasattr(self._stdout, "buffer") and not self._stdout.isatty():
            self.pass_on(data, to_stderr=False)
            return True
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return False
        if text := self._answered(text):
            # The shell's prompt has to start on a new line.
            self._stdout.write(text if text.endswith("\n") else f"{text}\n")
            self._stdout.flush()
        return True

    def pass_on(self, data: bytes, to_stderr: bool) -> None:
        """Write what a program writes that runs elsewhere, as it is: its output is the user's own."""
        self._end_line()
        stream = self._stderr if to_stderr else self._stdout
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()

    # ---------------------------------------------------------------- the story

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that a step is under way, and then how long it took, or that it failed."""
        if self.quiet:
            yield
            return
        text = self._told_line(text)
        started, outcome = self._clock(), "failed after "
        try:
            with self._animation(text) if self._animated else self._open_line(text):
                yield
            outcome = ""
        except KeyboardInterrupt:
            outcome = "interrupted after "
            raise
        finally:
            self._finish(text, outcome, duration(self._clock() - started))

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Advance]:
        """Show how much of `total` is done; yield the function `advance(n)`, which adds to that."""
        with self._bar(label, total, in_bytes=False) as bar:
            yield bar.advance

    @contextmanager
    def transfer(self, label: str, total: int) -> Iterator["ProgressBar"]:
        """Show how many bytes of `total` were transferred; yield the functions that add to both numbers."""
        with self._bar(label, total, in_bytes=True) as bar:
            yield bar

    @contextmanager
    def _bar(self, label: str, total: int, *, in_bytes: bool) -> Iterator["ProgressBar"]:
        if self.quiet or not self._animated:
            with self.step(label):
                yield ProgressBar(lambda _: None, lambda _: None)
            return
        label = self._told_line(label)
        from rich import progress  # imported only on a terminal

        done = progress.DownloadColumn(binary_units=True) if in_bytes else progress.TaskProgressColumn()
        columns = (progress.TextColumn("  {task.description}", markup=False), progress.BarColumn(), done)
        bar = progress.Progress(*columns, progress.TimeElapsedColumn(), console=self._draw(), transient=True)
        task = bar.add_task(label, total=total or None)
        lock = threading.Lock()

        def expect(more: int) -> None:
            with lock:
                bar.update(task, total=(bar.tasks[0].total or 0) + more or None)

        started = self._clock()
        outcome = "failed after "
        try:
            with self._animate(bar):
                yield ProgressBar(lambda count: bar.advance(task, count), expect)
            outcome = ""
        finally:
            self._finish(label, outcome, duration(self._clock() - started))

    def show_pending(self, names: Sequence[str]) -> None:
        """Show what the step waits for now, each name with its time. Only an animated terminal shows it."""
        self._began = {name: self._began.get(name, self._clock()) for name in map(self._told_line, names)}
        if self._live and hasattr(self._live[-1], "status"):
            shown = self._live[-1]
            title = getattr(shown.status, "title", str(shown.status))
            shown.update(_PendingStep(title, self._began, self._clock))

    def note(self, text: str) -> None:
        """Show a fact that the user may want to know."""
        if not self.quiet:
            self._write(f"  {hints.add_flags(text, self._account_flags)}", "dim")

    def detail(self, text: str) -> None:
        """Show a fact that only matters to somebody who looks for it, with --verbose."""
        if self._verbose:
            self.note(text)

    def warn(self, text: str) -> None:
        """Show a fact that the user should act on."""
        self._write(f"warning: {hints.add_flags(text, self._account_flags)}", "yellow")

    def lines(self, lines: Sequence[Line]) -> None:
        """Show lines as they are, each in its style, as part of the story."""
        for line in lines if not self.quiet else ():
            self._write(f"  {line.text}".rstrip(), STYLES[line.style])

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows in aligned columns, as part of the story."""
        if not self.quiet:
            shown = [[self._told_line(cell) for cell in row] for row in rows]
            self._write("\n".join(f"  {line}" for line in columns(headers, shown)))

    # ---------------------------------------------------------------- questions

    def confirm(self, question: str, *, flag: str = "--yes") -> bool:
        """Ask; return whether the reply is a yes. Raises UsageError, which names `flag`, and Declined."""
        if not self.interactive:
            raise UsageError(
                f'"{question}" needs an answer, and there is nobody to ask: this is not a terminal.',
                hint=f"Add {flag} to go ahead without the question.",
            )
        return self.ask(f"{question} [y/N] ").lower() in {"y", "yes"}

    def choose(self, question: str, options: Sequence[str]) -> str:
        """Ask until the reply is one of the options, and return it. Raises what `confirm` raises."""
        if not self.interactive:
            raise UsageError(
                f'"{question}" needs an answer, and there is nobody to ask: this is not a terminal.'
            )
        self._write(question)
        for number, option in enumerate(options, 1):
            self._write(f"  {number}. {option}")
        while True:
            reply = self.ask(f"1-{len(options)}: ")
            if reply in options:
                return reply
            if reply.isdecimal() and 1 <= int(reply) <= len(options):
                return options[int(reply) - 1]

    def ask_secret(self, question: str) -> str:
        """Return what is typed, which the terminal does not show; or all of a pipe but the last line break.

        Raises Declined if the terminal is closed instead.
        """
        if not self._stdin.isatty():
            return texts.read_pipe(self._stdin).removesuffix("\n").removesuffix("\r")
        from getpass import getpass

        try:
            return getpass(self._told(question))
        except EOFError as error:
            raise Declined("The question was closed without an answer; nothing was changed.") from error

    # ---------------------------------------------------------------- what went wrong

    def error(self, error: LambdifyError, *, debug: bool = False) -> None:
        """Show an error with its step and its hint; with `debug` also its traceback."""
        if debug:
            self._write("".join(traceback.format_exception(error)).rstrip(), "dim")
        self._write_labelled("error", error.message, "bold red")
        if error.during:
            self._write_labelled("during", error.during, "bold")
        if error.hint:
            self._write_labelled("hint", hints.add_flags(error.hint, self._account_flags), "bold")

    def crash(self, error: BaseException) -> None:
        """Show a bug of lambdify, with everything that is needed to report it."""
        self._write("".join(traceback.format_exception(error)).rstrip(), "dim")
        self._write_labelled("error", f"lambdify met a case it was not written for: {error!r}", "bold red")
        self._write_labelled(
            "hint", "This is a bug, sorry. Please report it with the lines above and the command.", "bold"
        )

    # ---------------------------------------------------------------- how it looks

    def _draw(self) -> "Drawing":
        if self._drawing is None:
            from rich.console import Console as Drawing

            self._drawing = Drawing(file=self._stderr, highlight=False, markup=False, emoji=False)
        return self._drawing

    def _answer_in_colours(self, lines: Sequence[Line]) -> None:
        from rich.console import Console as Drawing

        drawing = Drawing(file=self._stdout, highlight=False, markup=False, emoji=False)
        for line in lines:
            drawing.print(self._answered(line.text), style=STYLES[line.style], soft_wrap=True)

    def _write(self, text: str, style: str = "") -> None:
        text = self._told(text)
        if self._animated:
            # With soft_wrap, rich does not break a path or URL over two lines, so it can be copied.
            self._draw().print(text, style=style, soft_wrap=True)
            return
        self._end_line()
        self._stderr.write(f"{text}\n")
        self._stderr.flush()

    def _write_labelled(self, label: str, text: str, style: str) -> None:
        text = self._told(text)
        if not self._animated:
            self._write(f"{label}: {text}")
            return
        from rich.text import Text

        self._draw().print(Text.assemble((f"{label}:", style), " ", text), soft_wrap=True)

    def _animation(self, text: str) -> "Any":
        from rich.status import Status
        from rich.text import Text

        return self._animate(Status(Text(text), console=self._draw(), spinner="dots"))

    @contextmanager
    def _animate(self, display: Any) -> Iterator[None]:
        """Animate until the block ends; the display is listed, so that a question can pause it."""
        self._live.append(display)
        display.start()
        try:
            yield
        finally:
            display.stop()
            self._live.remove(display)

    @contextmanager
    def _open_line(self, text: str) -> Iterator[None]:
        """Begin a plain line at once, so that a log shows which step hangs."""
        self._end_line()
        self._stderr.write(f"{text} ... ")
        self._stderr.flush()
        self._unfinished = text
        yield

    def _end_line(self) -> None:
        if self._unfinished:
            self._stderr.write("\n")
            self._unfinished = ""

    def _finish(self, text: str, outcome: str, took: str) -> None:
        if self._animated:
            from rich.text import Text

            sign = ("✗", "red") if outcome else ("✓", "green")
            self._draw().print(Text.assemble(sign, " ", text, (f"  {outcome}{took}", "dim")), soft_wrap=True)
            return
        if self._unfinished == text:
            self._unfinished = ""
            self._stderr.write(f"{outcome}{took}\n")
            self._stderr.flush()
        else:
            self._write(f"{text} ... {outcome}{took}")

    def ask(self, prompt: str) -> str:
        """Return the line that is typed, without white space around it. Raises Declined if there is none."""
        for display in reversed(self._live):
            display.stop()
        self._stderr.write(self._told(prompt))
        self._stderr.flush()
        reply = self._stdin.readline()
        for display in self._live:
            display.start()
        if not reply:
            raise Declined("The question was closed without an answer; nothing was changed.")
        return reply.strip()


class _PendingStep:
    """A step and what it waits for; rich renders it again for each frame, so that the times go on."""

    def __init__(self, title: str, began: Mapping[str, float], clock: Callable[[], float]) -> None:
        self.title, self._began, self._clock = title, began, clock

    def __rich__(self) -> "Any":
        from rich.text import Text

        now = self._clock()
        lines = (f"\n  {name}  {duration(now - began)}" for name, began in self._began.items())
        return Text.assemble(self.title, ("".join(lines), "dim"))
