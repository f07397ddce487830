"""Terminals that the documents show: what was typed, what was said, and whether that is still so."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

LEFT_OUT = "  ..."
"""A line that stands for any number of lines."""
VARIES = (
    (re.compile(r"\d+(\.\d+)? s\b"), "N s"),
    (re.compile(r"[\d,]+ ms\b"), "N ms"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"/\S*/(?=(books/lambdify\.toml|shop)$)"), "/home/anna/"),
)
"""What is another thing each time, and on each machine."""


def blocks(page: Path, heading: str) -> list[str]:
    """Return the blocks of a page below a heading."""
    below = page.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(?:toml)?\n(.*?)^```", below, re.DOTALL | re.MULTILINE)


def steps(block: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block, and the lines that it says."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *said = step.splitlines()
        yield line, said


def holds(recorded: Sequence[str], said: Sequence[str]) -> bool:
    """Return whether the lines are those that were recorded."""
    if not recorded:
        return not said
    if recorded[0] == LEFT_OUT:
        return any(holds(recorded[1:], said[start:]) for start in range(len(said) + 1))
    return bool(said) and _settle(recorded[0]) == _settle(said[0]) and holds(recorded[1:], said[1:])


def _settle(line: str) -> str:
    for pattern, name in VARIES:
        line = pattern.sub(name, line)
    return re.sub(r" {2,}(?=N ms)", "  ", line.rstrip())
