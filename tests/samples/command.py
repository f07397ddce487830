"""The installed `lambdify` executable, as a user runs it from a project's folder.

Needs nothing but lambdify and what that depends on, because `make demo` runs where nothing else is installed.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from waiting import eventually

if TYPE_CHECKING:
    import pytest  # the demo runs without it

EXECUTABLE = Path(sys.executable).with_name("lambdify")
PATIENCE = 300.0
"""Seconds for one command; the first of all fetches wheels and the local cloud."""


SEND = """
import sys, boto3
stack, output, body = sys.argv[1:]
(found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
url = next(each["OutputValue"] for each in found["Outputs"] if each["OutputKey"] == output)
boto3.client("sqs").send_message(QueueUrl=url, MessageBody=body)
"""
"""What somebody runs who has AWS's SDK and the stage's credentials."""


class CommandFailed(AssertionError):
    """A command ended with another exit code than the one expected."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    answer: str
    """What went to stdout."""
    story: str
    """What went to stderr; "" when it was shown instead."""

    @property
    def value(self) -> Any:
        """The answer of a command that was run with --json."""
        return json.loads(self.answer)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project's folder, and the local cloud that its commands use."""

    folder: Path
    home: Path
    """LAMBDIFY_HOME: one folder, one local cloud."""
    environ: dict[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str, code: int | None = 0, story: IO[str] | None = None, typed: str | None = None
    ) -> Done:
        """Run `lambdify ARGUMENTS` here. Raises CommandFailed if it ends with another exit code."""
        done = subprocess.run(
            [EXECUTABLE, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environ, "LAMBDIFY_HOME": str(self.home), "CI": "true"},
            **({"stdin": subprocess.DEVNULL} if typed is None else {"input": typed}),
            stdout=subprocess.PIPE,
            stderr=story or subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if code is not None and done.returncode != code:
            raise CommandFailed(
                f"lambdify {' '.join(arguments)} ended with {done.returncode} instead of {code}.\n"
                f"{done.stdout}{done.stderr or ''}"
            )
        return Done(answer=done.stdout.strip(), story=done.stderr or "")


def copy_project(source: Path, to: Path, home: Path) -> Project:
    """A copy of the project, so that it can be changed."""
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", ".lambdify"))
    return Project(folder=to, home=home)


def read_account(project: Project) -> dict[str, str]:
    """What `lambdify local env` says to programs that talk to the local cloud, such as AWS's command line."""
    lines = project.run("local", "env").answer.splitlines()
    words = [shlex.split(line) for line in lines if line.startswith("export ")]
    return dict(word.split("=", 1) for _, word in words)


def send_message(project: Project, stack: str, output: str, body: str) -> None:
    """Send a message to the queue whose URL is that output of the stack."""
    account = read_account(project)
    program = [sys.executable, "-c", SEND, stack, output, body]
    subprocess.run(program, env={**os.environ, **account}, check=True, timeout=PATIENCE)


def wait_for_log(project: Project, text: str, *, function: str = "") -> list[str]:
    """The lines of the log, once the text is in one of them: a line needs a moment to get there."""
    of = ("--function", function) if function else ()
    lines: list[str] = []

    def is_there() -> bool:
        lines[:] = project.run("logs", "--local", *of).answer.splitlines()
        return any(text in line for line in lines)

    if not eventually(is_there):
        raise AssertionError(f"{text!r} is not in the log:\n" + "\n".join(lines))
    return lines


def wait_until_closed(site: str) -> None:
    """Return once nobody listens there; the local cloud looks every second which stages are gone."""
    address = urlsplit(site)

    def is_closed() -> bool:
        try:
            socket.create_connection((address.hostname, address.port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    if not eventually(is_closed, every=0.1):
        raise AssertionError(f"{site} is still listened at")


def change_line(file: Path, old: str, new: str) -> None:
    """Replace what is in one line of the file."""
    text = file.read_text()
    if text.count(old) != 1:
        raise AssertionError(f"{file} does not hold {old!r} once")
    file.write_text(text.replace(old, new))


def find_processes(home: Path) -> list[str]:
    """The command lines of all processes that belong to the local cloud of that folder (Linux)."""
    mark = str(home).encode()
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes()
            environ = (process / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
        if mark in command or mark in environ:
            found.append(f"{process.name}: {command.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def keep_home(tmp_path_factory: "pytest.TempPathFactory") -> Iterator[Path]:
    """Yield the home of a local cloud of a module's own; at the end nothing of it may be left."""
    home = tmp_path_factory.mktemp("cloud")
    yield home
    Project(folder=home, home=home).run("local", "stop")
    assert find_processes(home) == []
    shutil.rmtree(home, ignore_errors=True)
