"""What the function's machine does not have: a library, a program, a time zone, semaphores. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Raised
from lambdify.cli.failures.told import Told

_LIBRARY = re.compile(
    r"(?P<library>lib[\w.+-]+\.so[\w.]*): (?:cannot open shared object|wrong ELF class|invalid ELF header)"
    r"|cannot load library '?(?P<loaded>[\w.+-]+)|no library called \"(?P<called>[\w.+-]+)\""
    r"|(?P<glibc>GLIBC(?:XX)?_[\d.]+)' not found|failed to find (?P<found>libmagic)"
    r"|Could not find the (?P<gdal>GDAL|GEOS) library"
)
_PROGRAM = re.compile(r"No such file or directory: b?'(?P<name>[^']+)'")
_ZONE = re.compile(r"Incorrect timezone setting: (?P<zone>.*)")
_NO_ZONE = re.compile(r"No time zone found with key (?P<zone>\S+)")
_LACKING = ("[Errno 38]", "[Errno 13]", "lacks a functioning sem_open")
_SEMAPHORES = ("multiprocessing/", "concurrent/futures/process.py")


def explain(raised: Raised, project: Project) -> Told | None:
    """Return what is told of something that the machine lacks; None if the exception is about the app."""
    if found := _LIBRARY.search(raised.message):
        return _tell_library(next(filter(None, found.groups())), raised, project)
    if found := _ZONE.search(raised.message):
        return _tell_zone(found["zone"], project)
    if found := _NO_ZONE.search(raised.message):
        return _tell_unknown_zone(found["zone"].strip("\"'"), raised, project)
    if raised.passed("subprocess.py") and (found := _PROGRAM.search(raised.message)):
        return _tell_program(raised.fields.get("filename") or found["name"], raised)
    if _lacks_semaphores(raised):
        return Told(
            message=f"{raised.where} makes a lock, a queue or a pool of multiprocessing: these need shared "
            "memory, and Lambda has none.",
            hint="Use threads, such as those of concurrent.futures, or multiprocessing's Process and Pipe.",
        )
    return None


def _tell_library(library: str, raised: Raised, project: Project) -> Told:
    package = next((frame.path.partition("/")[0] for frame in reversed(raised.frames) if not frame.own), "")
    user = project.packed.get(package, "") or raised.where
    return Told(
        message=f"{user} needs {library}, which the function does not have.",
        hint=_advise("library", raised.message),
    )


def _tell_program(name: str, raised: Raised) -> Told:
    program = name.rpartition("/")[2]
    return Told(
        message=f"{raised.where} starts {name}, and the function has no such program.",
        hint=_advise("program", program),
    )


def _tell_zone(zone: str, project: Project) -> Told:
    return Told(
        message=f"The time zone {zone!r} is none that Python knows.",
        hint=project.write("environment", 'TZ = "UTC"'),
    )


def _tell_unknown_zone(zone: str, raised: Raised, project: Project) -> Told:
    return Told(
        message=f"{raised.where} needs the time zone {zone}, which the function does not have.",
        hint=f"If that is its name, add tzdata to {project.requirements or 'the dependencies'}: the "
        "function's machine has no time zones of its own.",
    )


def _lacks_semaphores(raised: Raised) -> bool:
    """Whether there is no shared memory, or none that may be used, as in a rehearsal."""
    lacking = any(each in raised.message for each in _LACKING)
    return lacking and not raised.fields.get("filename") and raised.passed(*_SEMAPHORES)


def _advise(kind: str, message: str) -> str:
    for pattern, text in _table()[kind]:
        if found := pattern.search(message):
            return text.format(found[0])
    return ""


@cache
def _table() -> Mapping[str, list[tuple["re.Pattern[str]", str]]]:
    text = resources.files(__package__).joinpath("machine.toml").read_text(encoding="utf-8")
    return {
        kind: [(re.compile(row["pattern"]), row["text"]) for row in rows]
        for kind, rows in tomllib.loads(text).items()
    }
