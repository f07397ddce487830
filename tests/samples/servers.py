"""The apps under the servers that their authors would start: in a process of their own, on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

REPOSITORY = Path(__file__).parents[2]
START = 20.0
"""Seconds that a server may take until it answers."""


@contextmanager
def run_flask(data: Path) -> Iterator[str]:
    """sample_flask under `flask run`; the address it answers at."""
    port = find_free_port()
    command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    with _serve(command, port, REPOSITORY / "sample_flask", RECEIPTS_DIR=str(data)) as site:
        yield site


@contextmanager
def run_django(data: Path, **environment: str) -> Iterator[str]:
    """sample_django under `manage.py runserver`, with its static files; the address it answers at."""
    port = find_free_port()
    command = [sys.executable, "manage.py", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}"]
    folder = REPOSITORY / "sample_django"
    with _serve(command, port, folder, BOOKSHELF_DATA=str(data), **environment) as site:
        yield site


@contextmanager
def run_fastapi() -> Iterator[str]:
    """sample_fastapi under uvicorn; the address it answers at."""
    port = find_free_port()
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
    with _serve(command, port, REPOSITORY / "sample_fastapi") as site:
        yield site


def find_free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _serve(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[str]:
    site = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_until_it_answers(site, process)
        yield site
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait_until_it_answers(site: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            urlopen(site + "/no/such/page", timeout=START).close()
        except HTTPError as answer:
            answer.close()
            return
        except URLError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                output = process.communicate()[0].decode()
                raise AssertionError(f"the server does not answer. It wrote:\n{output}") from None
            time.sleep(0.05)
