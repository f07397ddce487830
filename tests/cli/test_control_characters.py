"""What others wrote moves no cursor and sets no title: control characters are written out on a terminal."""

import io
import json
import os
import pty
import subprocess
import sys

import pytest

from lambdify.cli.console import Console, Line
from lambdify.cli.errors import BuildError
from lambdify.cli.formatting import visible, visible_line

TITLE = "\x1b]0;PWNED\x07"
SINKS = {
    "note": lambda console: console.note(TITLE),
    "warn": lambda console: console.warn(TITLE),
    "lines": lambda console: console.lines([Line(TITLE, "added")]),
    "table": lambda console: console.table(["name"], [[TITLE]]),
    "error": lambda console: console.error(BuildError(TITLE, hint=TITLE, during=TITLE)),
    "crash": lambda console: console.crash(ValueError(TITLE)),
    "answer": lambda console: console.answer(TITLE),
    "coloured answer": lambda console: console.answer([Line(TITLE, "danger")]),
    "answered bytes": lambda console: console.answer_bytes(TITLE.encode()),
    "step": lambda console: under(console.step(TITLE)),
    "progress": lambda console: under(console.progress(TITLE, 1)),
    "question": lambda console: console.confirm(TITLE),
    "choice": lambda console: console.choose(TITLE, [TITLE]),
}


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self):
        return True


def under(block):
    with block:
        pass


def console_on(stream, **environ):
    return Console(stdin=Terminal("1\n"), stdout=stream, stderr=stream, environ=environ)


@pytest.mark.parametrize("term", ["xterm", "dumb"])
@pytest.mark.parametrize("sink", SINKS)
def test_on_a_terminal_every_text_shows_them(sink, term):
    stream = Terminal()
    SINKS[sink](console_on(stream, TERM=term))
    assert TITLE not in stream.getvalue()
    assert "\x1b]" not in stream.getvalue()
    assert r"\x1b]0;PWNED\x07" in stream.getvalue()


@pytest.mark.parametrize(
    "sink", ["note", "warn", "lines", "table", "error", "answer", "answered bytes", "step"]
)
def test_a_pipe_gets_the_text_as_it_is(sink):
    stream = io.StringIO()
    SINKS[sink](console_on(stream))
    assert TITLE in stream.getvalue()


def test_json_is_as_it_was_on_a_terminal_too():
    stream = Terminal()
    Console(json=True, stdin=Terminal(), stdout=stream, stderr=stream, environ={}).answer(
        "", {"a": "\x7f\x9b"}
    )
    assert json.loads(stream.getvalue()) == {"a": "\x7f\x9b"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("50%\rdone", r"50%\x0ddone"),
        ("\x9b2J", r"\x9b2J"),
        ("\x7f", r"\x7f"),
        ("a\u202etxt.exe", r"a\u202etxt.exe"),
        ("one\u2028two", r"one\u2028two"),
        ("name\udcff", r"name\udcff"),
        ("naïve 日本 👩‍💻", "naïve 日本 👩‍💻"),
    ],
)
def test_what_a_terminal_obeys_is_written_out_and_nothing_else(text, shown):
    assert visible(text) == shown


def test_a_name_stays_on_its_line():
    assert visible_line("a\nerror: none\tb") == r"a\x0aerror: none\x09b"


@pytest.mark.slow
def test_a_real_terminal_is_sent_none_by_a_command(tmp_path):
    """The list of files that are left out: their names are a stranger's."""
    (tmp_path / "app.py").write_text("def app(environ, start_response):\n    return []\n")
    (tmp_path / "lambdify.toml").write_text('app = "app:app"\n')
    (tmp_path / f"{TITLE}.env").touch()
    parent, child = pty.openpty()
    program = "from lambdify.cli.main import main; main()"
    command = [sys.executable, "-c", program, "package", "--output", str(tmp_path / "out")]
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "200"}
    home["UV_PYTHON_DOWNLOADS"] = "never"
    process = subprocess.Popen(command, cwd=tmp_path, stdin=child, stdout=child, stderr=child, env=home)
    os.close(child)
    sent = b""
    while True:
        try:
            sent += os.read(parent, 65536)
        except OSError:  # how Linux says that the other side has closed
            break
    os.close(parent)
    assert process.wait() == 0, sent.decode()
    assert b"\x1b]0;" not in sent
    assert rb"\x1b]0;PWNED\x07.env" in sent
