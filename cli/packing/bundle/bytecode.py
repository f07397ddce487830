"""Bytecode for the function's Python, so that a cold start does not compile every module.

Lambda mounts code read-only, and unpacks it with other dates, so a .pyc that is checked by its source's date
would be ignored at each start. Ours are hash-based and unchecked (PEP 552), and imports take a third of the
time. The sources are packed, too, for tracebacks, `inspect` and Django's migrations.

A .pyc contains the module's path on Lambda, so tracebacks are right, and no folder of this machine is shown.
It fits only one minor version of Python, so a worker process of that version creates it.
"""

import os
import struct
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lambdify.cli.console import Console
from lambdify.cli.errors import BuildError
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.programs import pythons

MAX_WORKERS = 8
BYTES_PER_WORKER = 250_000
"""Bytes of source for each worker; to start a process takes as long as to compile about half of it."""
WORKER = Path(__file__).with_name("bytecode_worker.py")


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """The interpreter that compiles, and the folder that the modules have on Lambda."""

    python: Path
    minor: str
    mount: str
    """The folder that Lambda unpacks the zip to: "/opt" for a layer, "/var/task" for the function's own."""


def build(compiler: Compiler | None, members: Sequence[Member]) -> dict[str, Entry]:
    """Return the deflated bytecode of the modules that compile, by the module's name.

    The result is empty without a compiler. Raises BuildError if the interpreter fails.
    """
    modules = {member.name: member.content for member in members if member.name.endswith(".py")}
    if compiler is None or not modules:
        return {}
    worthwhile = sum(map(len, modules.values())) // BYTES_PER_WORKER
    count = max(1, min(MAX_WORKERS, os.cpu_count() or 1, worthwhile))
    # The modules are sorted by size, so that the shares have about the same size.
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


def find_python(minor: str, console: Console) -> Path | None:
    """Return the interpreter that compiles; None, with a note, if there is none."""
    python = pythons.attempt(minor, console)
    if python is None:
        console.note(
            f"Without Python {minor}, bytecode is left out: imports take about three times as long in a cold "
            "start."
        )
    return python


def cache_path(name: str, minor: str) -> str:
    """Return the path where the import system of that Python finds a module's bytecode (PEP 3147)."""
    module = PurePosixPath(name)
    return str(module.parent / "__pycache__" / f"{module.stem}.cpython-{minor.replace('.', '')}.pyc")


def source_path(name: str) -> str:
    """Return the name of the module whose bytecode this is; the name itself if it is no bytecode."""
    folder, _, file = name.rpartition("/")
    outer, _, last = folder.rpartition("/")
    if last != "__pycache__":
        return name
    module = f"{file.rsplit('.', 2)[0]}.py"
    return f"{outer}/{module}" if outer else module


def _run_worker(compiler: Compiler, modules: Mapping[str, bytes]) -> dict[str, bytes]:
    """Run a worker; return the .pyc of each module, empty if it does not compile. Raises BuildError."""
    jobs = b"".join(
        struct.pack("<II", len(path), len(source)) + path + source
        for name, source in modules.items()
        for path in [f"{compiler.mount}/{name}".encode()]
    )
    # With -I and -S, neither the environment nor site-packages influence the compilation.
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
