"""Following a program: its lines as they come, cleaned of credentials, and nothing that outlives it."""

import os
from pathlib import Path

from local.proc import is_alive
from waiting import eventually

from lambdify.cli.programs import follow


def run(script: str, folder: Path) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = follow(["/bin/sh", "-c", script], cwd=folder, environment=os.environ, show=lines.append)
    return code, lines


def test_lines_come_in_their_order_from_both_streams(tmp_path):
    code, lines = run("echo one; echo two >&2; printf 'half\\rmore\\r\\nend'; exit 3", tmp_path)
    assert (code, lines) == (3, ["one", "two", "half", "more", "end"])


def test_a_line_comes_while_the_program_runs(tmp_path):
    """The program waits for what the reader of its line does."""
    seen = []

    def answer(line: str) -> None:
        seen.append(line)
        (tmp_path / "answered").touch()

    script = "echo ready; until [ -e answered ]; do sleep 0.02; done; echo done"
    assert follow(["/bin/sh", "-c", script], cwd=tmp_path, environment=os.environ, show=answer) == 0
    assert seen == ["ready", "done"]


def test_what_it_leaves_is_ended_and_not_waited_for(tmp_path):
    code, lines = run("sleep 300 & echo $! > pid; echo started", tmp_path)
    pid = int((tmp_path / "pid").read_text())
    assert (code, lines) == (0, ["started"])
    assert eventually(lambda: not is_alive(pid))


def test_a_line_without_an_end_is_handed_on(tmp_path):
    code, lines = run("head -c 50000 /dev/zero | tr '\\0' x", tmp_path)
    assert code == 0
    assert "".join(lines) == "x" * 50000


def test_it_has_no_input_and_shows_no_credentials(tmp_path):
    code, lines = run("cat; echo https://user:word@host/x; kill -9 $$", tmp_path)
    assert (code, lines) == (-9, ["https://***@host/x"])
