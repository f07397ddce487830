"""What is typed while a command runs, and signals: an object that grows behind a signed URL."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdify.adapter.commands import process, signed_url, stdin, typed
from lambdify.adapter.commands.frames import SIGNAL, STDERR, STDOUT, TYPED, TYPED_OUT, Reader, write
from lambdify.adapter.commands.process import End, Running

from .command_task import Bucket, Task

pytestmark = pytest.mark.slow

ECHO = "while read line; do echo got $line; done; echo end"


def follow(
    bucket: Bucket, root: Path, *words: str, on: Any = lambda *_: None, typing: bool = True, **how: Any
) -> tuple[End, list[tuple[int, bytes]]]:
    """Run a command that is typed to, and return how it ended and what it wrote."""
    stdin = subprocess.PIPE if typing else subprocess.DEVNULL
    running = Running(words, root=str(root), environ=os.environ, stdin=stdin)
    written: list[tuple[int, bytes]] = []

    def note(kind: int, data: bytes) -> None:
        written.append((kind, data))
        on(running, kind, data)

    import threading

    arguments = {"stdin": running.process.stdin, "pause": 0.01, **how}
    threading.Thread(target=typed.follow, args=(bucket.url, running, note), kwargs=arguments).start()
    return process.run(running, note, seconds=60), written


@pytest.mark.parametrize("honours_ranges", [True, False])
def test_lines_come_as_they_are_typed(bucket, tmp_path, honours_ranges):
    bucket.honours_ranges = honours_ranges
    bucket.type(TYPED, b"one\n")

    def answer(_: Any, __: int, data: bytes) -> None:
        if b"one" in data:
            bucket.type(TYPED, b"two\n")
        if b"two" in data:
            bucket.type(TYPED_OUT)

    end, written = follow(bucket, tmp_path, "sh", "-c", ECHO, on=answer)
    assert b"".join(data for _, data in written) == b"got one\ngot two\nend\n"
    assert end == End(0)


def test_until_something_is_typed_there_is_no_object(bucket, tmp_path):
    def type_late() -> None:
        for _ in range(3):
            assert bucket.asked.acquire(timeout=60)
        bucket.type(TYPED_OUT)

    import threading

    threading.Thread(target=type_late).start()
    assert follow(bucket, tmp_path, "sh", "-c", ECHO)[1] == [(STDOUT, b"end\n")]


@pytest.mark.parametrize("typing", [True, False])
def test_a_signal_is_passed_on(bucket, tmp_path, typing):
    def press(_: Any, __: int, data: bytes) -> None:
        if b"ready" in data:
            bucket.type(SIGNAL, b"2")

    end, _ = follow(bucket, tmp_path, "sh", "-c", "echo ready; exec sleep 60", on=press, typing=typing)
    assert end == End(128 + signal.SIGINT)


def test_where_only_signals_come_what_is_typed_goes_nowhere(bucket, tmp_path):
    bucket.type(TYPED, b"x")
    bucket.type(SIGNAL, b"15")
    assert follow(bucket, tmp_path, "sleep", "60", typing=False)[0] == End(128 + signal.SIGTERM)


def test_a_command_that_has_closed_its_stdin_hears_no_more(bucket, tmp_path):
    bucket.type(TYPED, b"x" * 200_000)
    bucket.type(TYPED, b"y")
    bucket.type(SIGNAL, b"15")
    assert follow(bucket, tmp_path, "sh", "-c", "exec <&-; exec sleep 60")[0] == End(128 + signal.SIGTERM)


def test_where_the_function_cannot_reach_s3_the_caller_is_told_once(bucket, tmp_path):
    bucket.status = 503

    def end(running: Running, kind: int, _: bytes) -> None:
        if kind == STDERR:
            bucket.status = 0
            bucket.type(TYPED_OUT)

    _, written = follow(bucket, tmp_path, "sh", "-c", ECHO, on=end, patience=0.0)
    said = b"lambdify: what is typed does not come here: the function cannot reach S3.\n"
    assert sorted(written) == [(STDOUT, b"end\n"), (STDERR, said)]


def test_where_nobody_types_that_is_not_told(bucket, tmp_path):
    bucket.close()
    end, written = follow(bucket, tmp_path, "sleep", "0.2", typing=False, patience=0.0)
    assert (end, written) == (End(0), [])


def test_a_beginning_of_a_frame_waits_for_the_rest():
    frame, reader = write(TYPED, b"hello"), Reader()
    assert [list(reader.feed(frame[at : at + 1])) for at in range(len(frame))][-1] == [(TYPED, b"hello")]
    assert list(reader.feed(b'{"errorType": "Runtime.ExitError"}')) == []
    assert reader.rest == b'{"errorType": "Runtime.ExitError"}'


PROMPT = ("python", "-i", "-c", "from lambdify.adapter.commands.shell import load_app; app = load_app()")
FLASK = "from flask import Flask, current_app\napp = Flask('shop')"


def test_a_prompt_keeps_variables_and_begins_with_the_app(task: Task, bucket: Bucket):
    task.note(app="main:app")
    (task.root / "main.py").write_text(FLASK)
    bucket.type(TYPED, b"x = 41\nx + 1\nimport flask; flask.current_app.name, app.name\n")
    bucket.type(TYPED_OUT)
    answer = task.run(*PROMPT, typed=True, typed_url=bucket.url)
    assert answer.of(STDOUT) == b"42\n('shop', 'shop')\n"
    assert b"app is main:app" in answer.of(STDERR)
    assert answer.end["code"] == 0


def test_a_prompt_comes_where_the_app_does_not_start(task: Task, bucket: Bucket):
    task.note(app="main:app")
    (task.root / "main.py").write_text("import no_such_module")
    bucket.type(TYPED, b"1 + 1\nexit(4)\n")
    answer = task.run(*PROMPT, typed=True, typed_url=bucket.url)
    assert answer.of(STDOUT) == b"2\n"
    assert b"No module named 'no_such_module'" in answer.of(STDERR)
    assert answer.end["code"] == 4


def test_code_runs_without_a_prompt_and_without_an_app(task: Task, bucket: Bucket):
    answer = task.run("python", "-c", f"{PROMPT[-1]}; print(app)", typed_url=bucket.url)
    assert (answer.of(STDOUT), answer.of(STDERR)) == (b"None\n", b"")


def test_a_function_in_a_container_reaches_what_was_signed_for_this_machine(bucket, tmp_path, monkeypatch):
    """There 127.0.0.1 is the container. The host that was signed is the one that is named."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url.rpartition("/")[0])
    bucket.type(TYPED, b"one\n")
    bucket.type(TYPED_OUT)
    signed = SimpleNamespace(url="http://127.0.0.1:1/object?X-Amz-Signature=1")
    _, written = follow(signed, tmp_path, "sh", "-c", ECHO)
    assert b"got one" in b"".join(data for _, data in written)
    assert bucket.hosts == {"127.0.0.1:1"}

    with stdin.open_stdin({"stdin_url": signed.url}) as file:
        assert file.read() == bucket.content


def test_the_hosts_of_aws_are_left_alone(monkeypatch):
    url = "https://bucket.s3.eu-central-1.amazonaws.com/key?X-Amz-Signature=1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://host.docker.internal:4566")
    assert signed_url.request(url).full_url == url
    assert signed_url.request(url, Range="bytes=0-").headers == {"Range": "bytes=0-"}
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert signed_url.request("http://127.0.0.1:4566/key").full_url == "http://127.0.0.1:4566/key"
