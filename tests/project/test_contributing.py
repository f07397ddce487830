"""The lists of CONTRIBUTING.md, held against the example that each of them names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
KINDS = re.findall(
    r"^### (.+?)\n\nExample: `([\w-]+)`.*?\n\n(.+?)(?=\n###|\Z)", TEXT, flags=re.MULTILINE | re.DOTALL
)
SOURCES = [
    path
    for room in ("adapter", "cli")
    for path in (ROOT / room).rglob("*")
    if path.suffix in {".py", ".toml"} and path.name != "version.py"
]
MENTIONED_ELSEWHERE = {"function-url": {"adapter/event_sources/http_api.py", "adapter/wire.py"}}
"""Files that name an example and need no change for another of its kind."""


def files_of(listed: str) -> set[str]:
    """The files that a list names."""
    return set(re.findall(r"`([\w./-]+\.\w+)`", listed))


def names(path: Path, example: str) -> bool:
    """Whether a file, or its name, has the word of the example in it, however it is spelled there."""
    words = "[-_ ]".join(re.split("[-_]", example))
    pattern = re.compile(rf"(?<![\w-]){words}(?![\w-])", re.IGNORECASE)
    return any(map(pattern.search, (path.read_text(encoding="utf-8"), path.stem)))


@pytest.mark.parametrize(("kind", "example", "listed"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_every_file_of_a_list_has_a_part_of_the_example(kind, example, listed):
    assert [name for name in sorted(files_of(listed)) if not names(ROOT / name, example)] == []


@pytest.mark.parametrize(
    ("kind", "example", "listed"),
    [each for each in KINDS if each[1] in {"vpc_lattice", "function-url"}],
    ids=["event source", "endpoint"],
)
def test_no_other_file_has(kind, example, listed):
    having = {path.relative_to(ROOT).as_posix() for path in SOURCES if names(path, example)}
    assert having - files_of(listed) - MENTIONED_ELSEWHERE.get(example, set()) == set()


def test_every_kind_is_read():
    assert [example for _, example, _ in KINDS] == ["storage", "open", "vpc_lattice", "function-url"]
