"""Bytecode for the function's Python, so that a cold start does not compile every module again.

Lambda mounts code read-only, and unpacks it with dates of its own: a .pyc that is checked against its
source's date is thrown away at each start. These are hash-based and unchecked (PEP 552), and imports take a
third of the time. The sources stay beside them, for tracebacks, `inspect` and Django's migrations.

A .pyc holds the path that the module has on Lambda: tracebacks read right, and no folder of this machine
leaks. It fits one minor version of Python only, so a worker process of that version makes it.
"""

import os
import struct
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lambdify.cli.errors import BuildError
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member

MAX_WORKERS = 8
BYTES_PER_WORKER = 250_000
"""Bytes of source; a process costs as much time as compiling about half of this."""
WORKER = Path(__file__).with_name("bytecode_worker.py")


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """Who compiles, and for where."""

    python: Path
    minor: str
    mount: str
    """Where Lambda unpacks the zip: "/opt" for a layer, "/var/task" for the function's own."""


def build(compiler: Compiler | None, members: Sequence[Member]) -> dict[str, Entry]:
    """The bytecode of those members that are modules and compile, deflated, by the module's name.

    Empty without a compiler. Raises BuildError if the interpreter dies over it.
    """
    modules = {member.name: member.content for member in members if member.name.endswith(".py")}
    if compiler is None or not modules:
        return {}
    worthwhile = sum(map(len, modules.values())) // BYTES_PER_WORKER
    count = max(1, min(MAX_WORKERS, os.cpu_count() or 1, worthwhile))
    # The largest first, so that the shares are about alike.
    ordered = sorted(modules.items(), key=lambda module: -len(module[1]))
    shares = [dict(ordered[number::count]) for number in range(count)]
    with ThreadPoolExecutor(count) as threads:
        answers = threads.map(lambda share: _deflated(_run_worker(compiler, share), compiler.minor), shares)
        return {name: entry for answer in answers for name, entry in answer.items()}


def _deflated(compiled: Mapping[str, bytes], minor: str) -> dict[str, Entry]:
    return {
        name: archive.deflate_one(Member(cache_path(name, minor), pyc), archive.LEVEL_OF_BYTECODE)
        for name, pyc in compiled.items()
        if pyc
    }


def cache_path(name: str, minor: str) -> str:
    """Where the import system of that Python looks for a module's bytecode (PEP 3147)."""
    module = PurePosixPath(name)
    return str(module.parent / "__pycache__" / f"{module.stem}.cpython-{minor.replace('.', '')}.pyc")


def source_path(name: str) -> str:
    """The module whose bytecode this is; the name itself if it is no bytecode."""
    bytecode = PurePosixPath(name)
    if bytecode.parent.name != "__pycache__":
        return name
    return str(bytecode.parent.parent / f"{bytecode.name.rsplit('.', 2)[0]}.py")


def _run_worker(compiler: Compiler, modules: Mapping[str, bytes]) -> dict[str, bytes]:
    """What one worker makes of its share: a .pyc, or nothing, for each module."""
    jobs = b"".join(
        struct.pack("<II", len(path), len(source)) + path + source
        for name, source in modules.items()
        for path in [f"{compiler.mount}/{name}".encode()]
    )
    # -I and -S: neither the environment nor site-packages may have a say in what is compiled.
    command = [str(compiler.python), "-I", "-S", str(WORKER)]
    done = subprocess.run(command, input=jobs, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines() or ["no output"]
        raise BuildError(
            f"{compiler.python} died while compiling bytecode (exit code {done.returncode}): {lines[-1]}",
            hint="[build] bytecode = false does without it; a cold start then compiles all that it imports.",
        )
    return dict(zip(modules, _split_output(done.stdout), strict=True))


def _split_output(output: bytes) -> list[bytes]:
    answers, at = [], 0
    while at < len(output):
        (length,) = struct.unpack_from("<I", output, at)
        answers.append(output[at + 4 : at + 4 + length])
        at += 4 + length
    return answers
