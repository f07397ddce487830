"""Tracebacks as a person reads them: the project's frames, and the others folded.

    main.py:37 in books
      1 / 0
    … 14 frames in starlette, fastapi and Python
    ZeroDivisionError: division by zero

Frames come as values, or are read from the text that Python and AWS's runtime client write. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from lambdify.cli.failures import places
from lambdify.cli.failures.places import Owns
from lambdify.cli.failures.raised import Frame, Raised

MAX_FRAMES = 20
"""The most lines of frames that are shown of one exception; an endless recursion has a thousand."""
MAX_NAMES = 3
"""The most packages that a line of folded frames names."""
MAX_MESSAGE_LINES = 60

BEGIN = "Traceback (most recent call last):"
# AWS's client writes no-break spaces, which `\s` matches. Bars are the margin of an exception group.
_FRAME = re.compile(
    r'(?P<margin>[\s|+-]*?)\s\sFile "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?'
)
_CARETS = re.compile(r"[\s|~^]+")
_RAISED = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?")
_REPEATED = re.compile(r"[\s|]*\[Previous line repeated (\d+) more times?\]")
_CHAINED = re.compile(
    r"(The above exception was the direct cause|During handling of the above exception)\b.*"
)
_VALUES = re.compile(
    r" \[type=\w+, input_value=.*\]|\n +For further information visit https://errors\.pydantic\S+"
)
"""What pydantic adds to each line: all values of the environment's variables, and an address for each."""
_PLATFORM = re.compile(r"(START|END|REPORT|INIT_START|INIT_REPORT|EXTENSION)\b|\[[A-Z]+\]|\{")


def show(raised: Raised) -> list[str]:
    """Return the lines of an exception and of what it was raised from, in the order that it happened.

    An exception below is left out if the one above says the same, and is told without its frames if none of
    them is the project's.
    """
    told = [raised]
    for step in raised.chain():
        if step is not raised and not _repeats(step, told[-1]):
            told.append(step)
    *below, first = reversed(told)
    lines: list[str] = []
    for step in below:
        lines += [*(fold(step.frames) if step.own_frames else ()), summarize(step)]
    return [*lines, *fold(_with_broken_line(first)), summarize(first)]


def summarize(raised: Raised) -> str:
    """Return the exception's type and message, as Python's last line of a traceback has them."""
    shown = raised.type.removeprefix("builtins.")
    message = "\n".join(line.rstrip() for line in _VALUES.sub("", raised.message).strip().splitlines())
    return f"{shown}: {message}" if message else shown


def _with_broken_line(raised: Raised) -> tuple[Frame, ...]:
    """Return the frames, with the line that is no valid Python: only a traceback's text has it as a frame."""
    path, line = raised.fields.get("filename", ""), raised.fields.get("lineno", "")
    if not raised.is_a("builtins.SyntaxError") or not path or not line.isdecimal():
        return raised.frames
    located, own = places.locate(path, lambda _: True)
    broken = Frame(path=located, line=int(line), function="", source=raised.fields.get("text", ""), own=own)
    known = any((frame.path, frame.line) == (located, broken.line) for frame in raised.frames)
    return raised.frames if known else (*raised.frames, replace(broken, source=broken.source.strip()))


def fold(frames: Sequence[Frame]) -> list[str]:
    """Return the lines of the frames: the project's with their source, the others counted by package.

    Frames of the import system and of lambdify are left out. If none is the project's, the last one is shown.
    """
    told = [frame for frame in frames if frame.own or places.owner(frame.path) != places.MACHINERY]
    if told and not any(frame.own for frame in told):
        told[-1] = replace(told[-1], own=True)
    runs = [(own, list(run)) for own, run in groupby(told, key=lambda frame: frame.own)]
    groups = [group for own, run in runs for group in (_without_repeats(run) if own else [_count(run)])]
    if len(groups) > MAX_FRAMES:
        left_out = len(groups) - MAX_FRAMES
        half = MAX_FRAMES // 2
        groups = [*groups[:half], [f"  … {left_out} more"], *groups[-half:]]
    return [line for group in groups for line in group]


def fold_text(lines: Iterable[str], owns: Owns) -> Iterator[str]:
    """Yield the lines of a log with the frames of every traceback in it folded; other lines as they are."""
    frames: list[Frame] = []
    margin = ""
    for line in lines:
        if found := _FRAME.match(line):
            margin = margin if frames else found["margin"]
            frames.append(_read_frame(found, owns))
        elif frames and _belongs(line, margin):
            frames[-1:] = _extend(frames[-1], line)
        else:
            yield from (margin + folded for folded in fold(frames))
            frames = []
            yield line
    yield from (margin + folded for folded in fold(frames))


def read_frames(trace: Iterable[str], owns: Owns) -> tuple[Frame, ...]:
    """Return the frames of a traceback's text, such as the items of AWS's "stackTrace"."""
    frames: list[Frame] = []
    for line in (line for text in trace for line in text.splitlines()):
        if found := _FRAME.match(line):
            frames.append(_read_frame(found, owns))
        elif frames:
            frames[-1:] = _extend(frames[-1], line)
    return tuple(frames)


def read(text: str, owns: Owns) -> Raised | None:
    """Return the last exception of which the text has a traceback, with its causes; None if it has none."""
    lines = [line.replace("\xa0", " ") for line in text.splitlines()]
    raised: Raised | None = None
    chained = False
    at = 0
    while at < len(lines):
        if BEGIN in lines[at]:
            found, at = _read_one(lines, at + 1, owns)
            if found:
                raised = replace(found, cause=raised if chained else None)
                chained = False
        else:
            chained = chained or bool(_CHAINED.match(lines[at]))
            at += 1
    return raised


def unwrap(raised: Raised, owns: Owns) -> Raised:
    """Return the exception whose traceback is the message of this one; else this one.

    That is how an ASGI app says why its lifespan has failed:
    https://asgi.readthedocs.io/en/stable/specs/lifespan.html#startup-failed-send-event
    """
    return (read(raised.message, owns) if BEGIN in raised.message else None) or raised


def _read_one(lines: Sequence[str], at: int, owns: Owns) -> tuple[Raised | None, int]:
    """Return the exception of the traceback that begins there, and the number of the line after it."""
    begin = at
    while at < len(lines) and (lines[at].startswith("  ") or not lines[at].strip()):
        at += 1
    frames = read_frames(lines[begin:at], owns)
    found = _RAISED.fullmatch(lines[at]) if at < len(lines) else None
    if not found:
        return None, at
    message = [found["message"] or ""]
    at += 1
    while at < len(lines) and lines[at].strip() and not _ends_message(lines[at], len(message)):
        message.append(lines[at])
        at += 1
    return Raised(type=found["type"], message="\n".join(message).rstrip(), frames=frames), at


def _ends_message(line: str, length: int) -> bool:
    return bool(_PLATFORM.match(line) or BEGIN in line or _CHAINED.match(line)) or length >= MAX_MESSAGE_LINES


def _read_frame(found: "re.Match[str]", owns: Owns) -> Frame:
    path, own = places.locate(found["path"], owns)
    return Frame(path=path, line=int(found["line"]), function=found["function"] or "", own=own)


def _belongs(line: str, margin: str) -> bool:
    """Whether a line after a frame is its source, or marks under it."""
    rest = line[len(margin) :].replace("\xa0", " ")
    return line.startswith(margin) and (rest.startswith("    ") or bool(_REPEATED.match(line)))


def _extend(frame: Frame, line: str) -> list[Frame]:
    """Return the frame with a line that follows it: its source, or once more for each time it is repeated."""
    if found := _REPEATED.match(line):
        return [frame, *[frame] * min(int(found[1]), 1000)]
    if frame.source or _CARETS.fullmatch(line):
        return [frame]
    return [replace(frame, source=line.replace("\xa0", " ").strip(" |"))]


def _without_repeats(frames: Sequence[Frame]) -> list[list[str]]:
    """Return the lines of each of the project's frames; one that calls itself is shown once, and counted."""
    shown = []
    for _, run in groupby(frames, key=lambda frame: (frame.path, frame.line, frame.function)):
        frame, *others = run
        inside = f" in {frame.function}" if frame.function else ""
        lines = [f"  {frame.place}{inside}", *([f"    {frame.source}"] if frame.source else [])]
        shown.append([*lines, *([f"  … the same {len(others)} more times"] if others else [])])
    return shown


def _count(frames: Sequence[Frame]) -> list[str]:
    names = list(dict.fromkeys(places.owner(frame.path) for frame in frames))
    shown = (
        names
        if len(names) <= MAX_NAMES
        else [*names[: MAX_NAMES - 1], f"{len(names) - MAX_NAMES + 1} others"]
    )
    *first, last = shown
    text = f"{', '.join(first)} and {last}" if first else last
    return [f"  … {len(frames)} {'frame' if len(frames) == 1 else 'frames'} in {text}"]


def _repeats(below: Raised, above: Raised) -> bool:
    """Whether an exception says nothing that the one that was raised from it does not say."""
    message = below.message.strip("\"'")
    if message and re.search(rf"(?<!\w){re.escape(message)}(?!\w)", above.message):
        return True
    return not message and not below.own_frames
