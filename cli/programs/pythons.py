"""Interpreters of a given minor version on this machine, for bytecode and for the local cloud.

The interpreter is looked for in this order: the one that runs lambdify, PATH, pyenv, uv. It has to run and
print its version: pyenv puts a shim for every version on PATH, and those of inactive versions fail.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.console import Console
from lambdify.cli.errors import PythonNotFound
from lambdify.cli.programs import Outcome, run

RUNNING = "{}.{}".format(*sys.version_info)
"""The minor version of the interpreter that runs lambdify."""
PLACES = 4
"""The number of places that an interpreter tells of itself."""
LIMIT = 300.0
"""Seconds for the installation of an interpreter, which is 30 MB."""


def find(minor: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return an interpreter of that minor version ("3.13") that runs; None if this machine has none."""
    if minor == RUNNING:
        return Path(sys.executable)
    return next(
        (python for python in _candidates(minor, environ) if _version(python, environ) == minor), None
    )


def fetch(minor: str, console: Console, environ: Mapping[str, str] = os.environ) -> Path:
    """Do as `find`, but let uv install an interpreter if there is none. Raises PythonNotFound."""
    if python := find(minor, environ):
        return python
    with console.step(f"Installing Python {minor} with uv"):
        done = _uv(["install", minor], environ, limit=LIMIT)
        python = find(minor, environ)
        if python is None:
            reason = (done.errors.strip().splitlines() or ["no reason given"])[0]
            raise PythonNotFound(
                f"This machine has no Python {minor}, and uv could not install it: {reason}",
                hint=f"Install it, so that python{minor} is on PATH or under pyenv; or set [function] python "
                f"to a version that this machine has: lambdify itself runs on {RUNNING}.",
            )
    return python


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """An interpreter's own program and folders, without the links and shims that lead to it."""

    file: Path
    prefixes: tuple[Path, ...]
    """The folders that it reads itself and its standard library from."""
    library: Path
    """The folder of the standard library."""


def locate(python: Path, environ: Mapping[str, str] = os.environ) -> Interpreter:
    """Return the interpreter that a shim of pyenv, or a link of a virtual environment, starts."""
    if python == Path(sys.executable):
        # Without a process: most functions have the version that runs lambdify.
        file = getattr(sys, "_base_executable", sys.executable)
        return _read_places([file, sys.base_prefix, sys.base_exec_prefix, os.__file__])
    return _read_places(_ask(python, environ)[1:])


def find_interpreter(minor: str, environ: Mapping[str, str] = os.environ) -> Interpreter | None:
    """Return what `find` finds, as `locate` returns it."""
    if minor == RUNNING:
        return locate(Path(sys.executable), environ)
    told = (_ask(python, environ) for python in _candidates(minor, environ))
    found = (places for version, *places in told if version == minor and len(places) == PLACES)
    return next(map(_read_places, found), None)


def _read_places(places: Sequence[str]) -> Interpreter:
    file, prefix, exec_prefix, library = (Path(each).resolve() for each in places)
    return Interpreter(file=file, prefixes=(prefix, exec_prefix, file.parents[1]), library=library.parent)


def attempt(minor: str, console: Console, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Do as `fetch`, but return None, with a note, if there is no interpreter and none can be installed."""
    try:
        return fetch(minor, console, environ)
    except PythonNotFound as error:
        console.note(error.message)
        return None


def _candidates(minor: str, environ: Mapping[str, str]) -> Iterator[Path]:
    pyenv = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in environ.get("PATH", "").split(os.pathsep):
        # pyenv's shims are scripts that take 0.2 s; the interpreters behind them are looked at below.
        if folder and Path(folder) == pyenv / "shims":
            continue
        # An empty entry means the working directory, which may hold a file of the project with that name.
        if folder and (python := Path(folder, f"python{minor}")).is_file():
            yield python
    yield from sorted(pyenv.glob(f"versions/{minor}.*/bin/python{minor}"))
    found = _uv(["find", "--managed-python", "--no-python-downloads", "--no-project", minor], environ)
    if found.succeeded:
        yield Path(found.output.strip())


def _version(python: Path, environ: Mapping[str, str]) -> str:
    """Return the minor version that the interpreter prints; "" if it does not run."""
    return _ask(python, environ)[0]


def _ask(python: Path, environ: Mapping[str, str]) -> list[str]:
    """Return an interpreter's minor version, program, prefixes and a file of its library; [""] for none."""
    program = (
        "import os, sys; print('%d.%d' % sys.version_info[:2], sys.executable, sys.base_prefix, "
        "sys.base_exec_prefix, os.__file__, sep='\\n')"
    )
    try:
        done = run([str(python), "-I", "-S", "-c", program], cwd=Path("/"), environment=environ)
    except OSError:
        # The file is no program, or one for another CPU.
        return [""]
    return done.output.splitlines() or [""]


def _uv(arguments: list[str], environ: Mapping[str, str], limit: float | None = None) -> Outcome:
    # Not at the top: it is not needed if the interpreter that runs lambdify is the right one.
    from uv import find_uv_bin

    # uv runs in "/", so that no project's uv.toml or .python-version is read.
    environment = {**environ, "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    command = [find_uv_bin(), "python", *arguments]
    return run(command, cwd=Path("/"), environment=environment, limit=limit)
