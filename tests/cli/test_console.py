"""The console: the answer on one stream, the story on the other, and each in the form that fits it."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from itertools import count
from textwrap import dedent

import pytest

from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError, Declined, UsageError
from lambdify.cli.formatting import columns, duration


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def make():
    """A console in a pipe, with a clock that ticks once a second."""

    def make(**arguments):
        ticks = count()
        streams = {"stdin": io.StringIO(), "stdout": io.StringIO(), "stderr": io.StringIO()}
        settings = {"environ": {}, "clock": lambda: float(next(ticks)), **streams, **arguments}
        console = Console(**settings)
        return console, settings["stdout"].getvalue, settings["stderr"].getvalue

    return make


def asking(reply):
    """Streams of a terminal where somebody has typed `reply`."""
    # A dumb terminal can ask and answer, and is written to in plain lines.
    return {"stdin": Terminal(reply), "stderr": Terminal(), "environ": {"TERM": "dumb"}}


# -------------------------------------------------------------------- answer and story


def test_the_answer_is_alone_on_stdout(make):
    console, stdout, stderr = make()
    with console.step("Uploading"):
        console.note("3 files")
    console.warn("the bucket is public")
    console.answer("https://example.org")
    assert stdout() == "https://example.org\n"
    assert "https" not in stderr()


def test_a_step_is_one_line_with_its_duration(make):
    console, _, stderr = make()
    with console.step("Uploading"):
        pass
    assert stderr() == "Uploading ... 1.0 s\n"


def test_what_is_said_within_a_step_stands_between_its_beginning_and_its_end(make):
    console, _, stderr = make()
    with console.step("Deploying"):
        console.note("Role  CREATE_COMPLETE")
        with console.step("Waiting"):
            pass
    assert stderr() == dedent(
        """\
        Deploying ...
          Role  CREATE_COMPLETE
        Waiting ... 1.0 s
        Deploying ... 3.0 s
        """
    ).replace("...\n", "... \n")


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [(ValueError, "failed after 1.0 s"), (KeyboardInterrupt, "interrupted after 1.0 s")],
)
def test_a_step_that_does_not_end_well_says_so(make, raised, outcome):
    console, _, stderr = make()
    with pytest.raises(raised), console.step("Uploading"):
        raise raised
    assert stderr() == f"Uploading ... {outcome}\n"


def test_progress_in_a_pipe_is_one_line_when_it_is_done(make):
    console, _, stderr = make()
    with console.progress("Uploading", 2) as advance:
        advance(1)
        advance(1)
    assert stderr() == "Uploading ... 1.0 s\n"


def test_a_transfer_in_a_pipe_is_one_line_too(make):
    console, _, stderr = make()
    with console.transfer("Download 2 packages", 0) as bar:
        bar.expect(10)
        bar.advance(10)
    assert stderr() == "Download 2 packages ... 1.0 s\n"


def test_quiet_leaves_the_answer_the_warnings_and_the_errors(make):
    console, stdout, stderr = make(quiet=True)
    with console.step("Uploading"), console.progress("Packing", 1) as advance:
        advance(1)
        console.note("3 files")
        console.table(["a"], [["b"]])
    console.warn("the bucket is public")
    console.error(BuildError("it broke"))
    console.answer("done")
    assert stdout() == "done\n"
    assert stderr() == "warning: the bucket is public\nerror: it broke\n"


def test_json_changes_the_answer_and_not_the_story(make):
    console, stdout, stderr = make(json=True)
    console.note("3 files")
    console.answer("https://example.org", {"endpoint": "https://example.org", "name": "Käse"})
    console.answer("plain")
    assert stdout() == '{"endpoint": "https://example.org", "name": "Käse"}\n"plain"\n'
    assert stderr() == "  3 files\n"


def test_an_error_says_what_during_what_and_what_to_do(make):
    console, _, stderr = make()
    console.error(BuildError("twofish 0.3.0 has no wheel", hint="Start Docker.", during="building wheels"))
    assert stderr() == "error: twofish 0.3.0 has no wheel\nduring: building wheels\nhint: Start Docker.\n"


def test_debug_adds_where_an_error_comes_from(make):
    console, _, stderr = make()
    with pytest.raises(BuildError) as caught:
        raise BuildError("it broke")
    console.error(caught.value, debug=True)
    assert "test_debug_adds_where_an_error_comes_from" in stderr()
    assert stderr().endswith("error: it broke\n")


def test_a_table_is_aligned_with_numbers_at_the_right():
    rows = [["numpy", "61.0 MB", "layer"], ["app", "0.1 MB", ""]]
    assert columns(["part", "size", "where"], rows) == [
        "part      size  where",
        "numpy  61.0 MB  layer",
        "app     0.1 MB",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s")],
)
def test_durations_read_as_one_says_them(seconds, text):
    assert duration(seconds) == text


# -------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("yo\n", False)]
)
def test_only_a_yes_is_a_yes(make, typed, agreed):
    console, stdout, stderr = make(**asking(typed))
    assert console.confirm("Apply?") is agreed
    assert stderr() == "Apply? [y/N] "
    assert stdout() == ""


def test_a_choice_is_asked_for_until_it_is_one(make):
    console, _, _ = make(**asking("0\n7\nnothing\n2\n"))
    assert console.choose("Which?", ["a:app", "b:app"]) == "b:app"


def test_a_choice_may_be_typed_out(make):
    console, _, _ = make(**asking("b:app\n"))
    assert console.choose("Which?", ["a:app", "b:app"]) == "b:app"


def test_the_end_of_input_is_no_answer(make):
    console, _, _ = make(**asking(""))
    with pytest.raises(Declined):
        console.confirm("Apply?")


@pytest.mark.parametrize(
    "streams",
    [
        {"stdin": io.StringIO("y\n"), "stderr": Terminal()},
        {"stdin": Terminal("y\n"), "stderr": io.StringIO()},
        {"stdin": Terminal("y\n"), "stderr": Terminal(), "environ": {"CI": "true"}},
    ],
    ids=["input is piped", "story is piped", "in CI"],
)
def test_nobody_is_asked_where_nobody_sits(make, streams):
    console, _, _ = make(**streams)
    assert not console.interactive
    with pytest.raises(UsageError) as caught:
        console.confirm("Apply?")
    assert caught.value.hint == "Add --yes to go ahead without the question."


# -------------------------------------------------------------------- on a terminal

STORY = """
import time
from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError
console = Console()
with console.step("Resolving [red]"):
    with console.progress("Uploading", 10) as advance:
        advance(10)
        time.sleep(0.5)  # the display is refreshed ten times a second
    console.note("[bold]12[/bold] packages")
console.error(BuildError("it broke"))
console.answer("https://example.org/" + "a" * 200)
"""


def on_a_terminal(code, **environ):
    """What a terminal of 80 columns is sent by a program: stdout and stderr together."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=child,
        stdout=child,
        stderr=child,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": "80", **environ},
    )
    os.close(child)
    sent = b""
    while True:
        try:
            sent += os.read(parent, 65536)
        except OSError:  # how Linux says that the other side has closed
            break
    os.close(parent)
    assert process.wait() == 0
    return sent.decode()


@pytest.mark.slow
def test_a_terminal_gets_colour_marks_and_durations_and_no_markup_is_read_into_texts():
    sent = on_a_terminal(STORY)
    assert "\x1b[32m✓\x1b[0m Resolving [red]" in sent
    assert "\x1b[1;31merror:\x1b[0m it broke" in sent
    assert "[bold]12[/bold] packages" in sent
    assert "100%" in sent


@pytest.mark.slow
def test_a_long_line_is_not_broken_so_that_it_can_be_copied():
    assert "https://example.org/" + "a" * 200 in on_a_terminal(STORY)


@pytest.mark.slow
def test_no_color_is_honoured_on_a_terminal():
    sent = on_a_terminal(STORY, NO_COLOR="1")
    assert "\x1b[31m" not in sent
    assert "\x1b[32m" not in sent
    assert "✓ Resolving [red]" in sent


@pytest.mark.slow
@pytest.mark.parametrize("environ", [{"CI": "true"}, {"TERM": "dumb"}], ids=str)
def test_ci_and_dumb_terminals_get_plain_lines(environ):
    sent = on_a_terminal(STORY, **environ)
    assert "\x1b" not in sent
    assert "Resolving [red] ... " in sent


TRANSFER = """
import time
from lambdify.cli.console import Console
with Console().transfer("Download 2 packages", 3 << 20) as bar:
    bar.advance(1 << 20)
    time.sleep(0.5)
    bar.expect(1 << 20)
    bar.advance(1 << 20)
    time.sleep(0.5)
"""


@pytest.mark.slow
def test_a_transfer_is_told_in_bytes_and_may_turn_out_to_be_larger():
    sent = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", on_a_terminal(TRANSFER))
    assert "1.0/3.0 MiB" in sent
    assert "2.0/4.0 MiB" in sent


WATCHING = """
import time
from lambdify.cli.console import Console, Line
console = Console()
with console.step("Updating the stack"):
    console.show_pending(["Function", "Role"])
    time.sleep(0.5)
    console.note("Role  UPDATE_COMPLETE")
    console.show_pending(["Function"])
    time.sleep(0.5)
console.lines([Line("! What Orders holds is deleted with it", "danger"), Line("  plain")])
console.answer([Line("~ Function", "changed"), Line("    MemorySize  512 → 1024")])
"""


@pytest.mark.slow
def test_what_a_step_waits_for_is_shown_with_its_time_while_it_lasts():
    sent = on_a_terminal(WATCHING)
    assert re.search(r"Function  0\.\d s.*\n.*Role  0\.\d s", sent)
    last = sent.rindex("Function  0.")
    assert "Role  0." not in sent[last - 200 : last]


@pytest.mark.slow
def test_lines_have_their_colours_on_a_terminal_alone():
    sent = on_a_terminal(WATCHING)
    assert "\x1b[1;31m  ! What Orders holds" in sent
    assert "\x1b[33m~ Function\x1b[0m" in sent
    piped = subprocess.run([sys.executable, "-c", WATCHING], capture_output=True, text=True, check=True)
    assert piped.stdout == "~ Function\n    MemorySize  512 → 1024\n"
    assert "  ! What Orders holds is deleted with it\n    plain\n" in piped.stderr
    assert "\x1b" not in piped.stderr


@pytest.mark.slow
def test_rich_is_imported_only_when_something_is_drawn():
    code = STORY + "import sys; console.answer(str('rich' in sys.modules))"
    piped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert piped.stdout.splitlines()[-1] == "False"
    assert on_a_terminal(code).splitlines()[-1] == "True"


def test_json_lines_are_each_a_value(make):
    console, stdout, _ = make(json=True)
    for number in range(3):
        console.answer(str(number), {"number": number})
    assert [json.loads(line)["number"] for line in stdout().splitlines()] == [0, 1, 2]


def test_what_a_program_elsewhere_writes_is_passed_on_as_it_is_to_each_stream():
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    console = Console(stdin=io.StringIO(), stdout=out, stderr=err, environ={})
    with console.step("Running"):
        console.pass_on(b"\xff\x1b[1m", to_stderr=False)
        console.pass_on(b"no line break", to_stderr=True)
    assert out.buffer.getvalue() == b"\xff\x1b[1m"
    assert err.buffer.getvalue().startswith(b"Running ... \nno line break")
