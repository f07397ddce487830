"""The outlines of a project's Python files, as the function's Python reads them.

Another Python has another grammar, and perhaps no nodes for what is new in that one. So a process of the
function's Python draws them, where that is not the one that runs lambdify.
"""

import json
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lambdify.cli.packing.archive import Member
from lambdify.cli.programs import pythons, run
from lambdify.cli.static import outline
from lambdify.cli.static.outline import Place

SCRIPT = Path(outline.__file__)
LIMIT = 60.0
"""Seconds; a megabyte of code takes about half of one."""


class Outline(NamedTuple):
    """What counts of a file."""

    ran: tuple[int, ...]
    """The numbers of the functions that ran."""
    digest: str


def draw(ran: Mapping[str, Collection[Place]], members: Sequence[Member], minor: str) -> dict[str, Outline]:
    """Return the outlines of files by name, with the functions that ran at these places.

    A file is missing that Python `minor` cannot read; all are if this machine has none.
    """
    contents = _contents(ran, members)
    jobs = [outline.Job(contents[name].hex(), sorted(ran[name]), []) for name in contents]
    return _draw([*contents], jobs, minor)


def redraw(known: Mapping[str, Outline], members: Sequence[Member], minor: str) -> dict[str, Outline]:
    """Return the outlines of files as they are now, if the same functions ran; as `draw` does."""
    contents = _contents(known, members)
    jobs = [outline.Job(contents[name].hex(), None, [*known[name].ran]) for name in contents]
    return _draw([*contents], jobs, minor)


def _contents(names: Collection[str], members: Sequence[Member]) -> dict[str, bytes]:
    return {member.name: member.content for member in members if member.name in names}


def _draw(names: Sequence[str], jobs: Sequence[outline.Job], minor: str) -> dict[str, Outline]:
    if not jobs:
        return {}
    said = outline.answer(jobs) if minor == pythons.RUNNING else _ask(jobs, minor)
    return {
        name: Outline(tuple(numbers), digest)
        for name, (numbers, digest) in zip(names, said, strict=bool(said))
        if digest
    }


def _ask(jobs: Sequence[outline.Job], minor: str) -> Sequence[tuple[list[int], str]]:
    """Return what that Python answers; nothing if it does not."""
    python = pythons.find(minor)
    if python is None:
        return ()
    with tempfile.TemporaryDirectory(prefix="lambdify-outlines-") as folder:
        path = Path(folder, "jobs.json")
        path.write_text(json.dumps(jobs), encoding="ascii")
        # With -I and -S, neither the environment nor site-packages decide what is imported.
        command = [str(python), "-I", "-S", "-B", str(SCRIPT), str(path)]
        done = run(command, cwd=Path("/"), environment=os.environ, limit=LIMIT)
    try:
        return [(numbers, digest) for numbers, digest in json.loads(done.output)] if done.succeeded else ()
    except ValueError:
        return ()
