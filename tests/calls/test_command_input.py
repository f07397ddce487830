"""What a command reads, and signals for it: with the call, as an object, or as somebody types."""

import base64
import io
import os
import pty
import signal
import threading

import pytest
from stages import stage_in
from waiting import eventually

from lambdify.adapter.commands import frames
from lambdify.cli.artifacts import objects
from lambdify.cli.calls import command_input


@pytest.fixture
def stage(moto, make_settings):
    stage = stage_in(moto, make_settings(overrides={"commands.timeout": 900}))
    stage.client("s3").create_bucket(
        Bucket=stage.bucket, CreateBucketConfiguration={"LocationConstraint": stage.region}
    )
    return stage


@pytest.fixture
def warnings():
    return []


def sent(stage):
    """The frames that were sent."""
    found = objects.find(stage, f"{stage.prefix}commands/")
    return [each for key in found for each in frames.Reader().feed(objects.fetch(stage, key))]


def test_where_nothing_is_read_or_typed_there_is_no_object(stage, warnings):
    with command_input.prepare(stage, warnings.append) as given:
        assert set(given) == {"typed_url"}
        assert "X-Amz-Expires=960" in given["typed_url"]
        assert sent(stage) == []
    assert warnings == []


def test_a_short_stdin_comes_with_the_call(stage, warnings):
    with command_input.prepare(stage, warnings.append, stdin=io.BytesIO(b"one\ntwo")) as given:
        assert base64.b64decode(given["stdin"]) == b"one\ntwo"
        assert "typed" not in given


def test_a_long_stdin_is_an_object_as_long_as_the_command_runs(stage, warnings):
    data = os.urandom(5_000_000)
    with command_input.prepare(stage, warnings.append, stdin=io.BytesIO(data)) as given:
        (key,) = objects.find(stage, stage.prefix)
        assert objects.fetch(stage, key) == data
        assert f"/{key}?X-Amz-Algorithm" in given["stdin_url"]
        assert "stdin" not in given
    assert objects.find(stage, stage.prefix) == ()


def test_a_stdin_whose_beginning_was_read_is_read_as_a_whole():
    rest = command_input._Rest(b"abc", io.BytesIO(b"defgh"))
    assert [rest.read(2), rest.read(2), rest.read(3), rest.read()] == [b"ab", b"c", b"def", b"gh"]
    assert command_input._Rest(b"abc", io.BytesIO(b"def")).read() == b"abcdef"


def test_lines_go_as_they_are_typed_and_ctrl_d_is_the_end(stage, warnings):
    master, terminal = pty.openpty()
    with command_input.prepare(stage, warnings.append, terminal=terminal) as given:
        assert given["typed"] is True
        os.write(master, b"one\n")
        assert eventually(lambda: sent(stage) == [(frames.TYPED, b"one\n")])
        os.write(master, b"two\n")
        assert eventually(lambda: len(sent(stage)) == 2)
        os.write(master, b"\x04")
        assert eventually(lambda: sent(stage)[2:] == [(frames.TYPED_OUT, b"")])
    os.close(master)
    os.close(terminal)
    assert objects.find(stage, stage.prefix) == ()


def test_a_command_that_ends_while_nobody_types_is_not_waited_for(stage, warnings):
    master, terminal = pty.openpty()
    with command_input.prepare(stage, warnings.append, terminal=terminal):
        pass
    os.close(master)
    os.close(terminal)
    assert "typed" not in {thread.name for thread in threading.enumerate()}


def test_a_terminal_that_is_closed_is_the_end(stage, warnings):
    master, terminal = pty.openpty()
    with command_input.prepare(stage, warnings.append, terminal=terminal):
        os.close(master)
        assert eventually(lambda: sent(stage) == [(frames.TYPED_OUT, b"")])
    os.close(terminal)


def test_ctrl_c_goes_to_the_command_and_a_second_one_ends_us(stage, warnings):
    before = signal.getsignal(signal.SIGINT)
    with command_input.prepare(stage, warnings.append):
        signal.raise_signal(signal.SIGINT)
        assert eventually(lambda: sent(stage) == [(frames.SIGNAL, b"2")])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert objects.find(stage, stage.prefix) == ()


def test_outside_of_the_main_thread_no_signal_is_caught(stage, warnings):
    def prepare():
        with command_input.prepare(stage, warnings.append):
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=prepare)
    thread.start()
    thread.join(60)
    assert handlers == [before]


def test_what_cannot_be_sent_is_told_once(stubbed, make_settings, warnings):
    stubbed.refuses("s3.put_object", "AccessDenied", "not authorized to perform: s3:PutObject")
    letters = command_input.Letters(stage_in(stubbed.account, make_settings()), warnings.append)
    assert letters.send(frames.TYPED, b"x") is False
    (warning,) = warnings
    assert warning.startswith("What is typed does not come to the command: AWS refused s3:PutObject")
    stubbed.refuses("s3.delete_object", "AccessDenied", "not authorized to perform: s3:DeleteObject")
    letters.close()
    assert "is still there" in warnings[1]


def test_nobody_types_at_what_is_no_terminal_or_in_the_background(tmp_path):
    master, terminal = pty.openpty()
    try:
        with os.fdopen(os.dup(terminal), "r") as stdin:
            # It is not the terminal that controls this process, so nobody may read from it.
            assert command_input.find_terminal(stdin) is None
        with (tmp_path / "file").open("w") as file:
            assert command_input.find_terminal(file) is None
        assert command_input.find_terminal(None) is None
        assert command_input.find_terminal(io.StringIO()) is None
    finally:
        os.close(master)
        os.close(terminal)
