"""A secret is typed without being shown, or comes through a pipe."""

import io
import os
import pty
import sys

import pytest

from lambdify.cli.console import Console

ASK = """
from lambdify.cli.console import Console
from lambdify.cli.errors import Declined
try:
    print("length", len(Console().ask_secret("Value of KEY: ")))
except Declined as error:
    print("declined", error)
"""


def at_a_terminal(typed: bytes) -> str:
    """What a terminal shows of the question when this is typed; \\x04 is Ctrl-D."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK])
    shown = b""
    try:
        while b"KEY: " not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, typed)
        while piece := os.read(terminal, 1024):
            shown += piece
    except OSError:  # EIO: the process has ended
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode()


def test_what_is_typed_is_not_shown():
    assert at_a_terminal(b"hunter2 \n").split() == ["Value", "of", "KEY:", "length", "8"]


def test_a_closed_terminal_is_no_value():
    assert "declined The question was closed without an answer" in at_a_terminal(b"\x04")


@pytest.mark.parametrize(
    ("piped", "value"),
    [
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" a\n\nb\n\n", " a\n\nb\n"),
        ("", ""),
        ("x", "x"),
    ],
)
def test_of_a_pipe_all_is_taken_but_the_last_line_break(piped, value):
    console = Console(
        stdin=io.StringIO(piped, newline=""), stdout=io.StringIO(), stderr=io.StringIO(), environ={}
    )
    assert console.ask_secret("Value of KEY: ") == value


@pytest.mark.parametrize(
    ("piped", "value"),
    [
        ("\N{SNOWMAN}\r\n".encode(), "\N{SNOWMAN}"),
        (b"\xef\xbb\xbfhunter2\r\n", "hunter2"),
        ("hunter2\r\n".encode("utf-16"), "hunter2"),
        (b"one\r\ntwo\n", "one\r\ntwo"),
    ],
)
def test_a_file_of_any_editor_is_read_by_its_mark_whatever_the_locale_is(piped, value):
    stdin = io.TextIOWrapper(io.BytesIO(piped), encoding="ascii")
    console = Console(stdin=stdin, stdout=io.StringIO(), stderr=io.StringIO(), environ={})
    assert console.ask_secret("Value of KEY: ") == value


def test_bytes_that_are_no_text_are_refused():
    stdin = io.TextIOWrapper(io.BytesIO(b"\x80abc"), encoding="utf-8")
    with pytest.raises(UnicodeDecodeError):
        Console(stdin=stdin, stdout=io.StringIO(), stderr=io.StringIO(), environ={}).ask_secret("KEY: ")
