"""Requirement lines: names, hashes, indexes and included files.

uv resolves a requirements file by itself. But `uv pip compile` ignores the user's `--hash` options, and its
result has the index's own hashes. So this module reads the user's hashes, and `plan` compares the result with
them.

The format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from lambdify.cli.errors import RequirementsError
from lambdify.cli.storage import texts

_CONTINUED = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_INCLUDE = re.compile(r"(?:-r|--requirement)[ =]?\s*(?P<path>\S+)$")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)[ =]?\s*(?P<path>\S+)$")
_EDITABLE = re.compile(r"(?:-e|--editable)[ =]?\s*(?P<path>.+)$")
_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_LINKS = re.compile(r"(?P<option>(?:-f|--find-links)[ =]?\s*)(?P<path>\S+)$")
_HASH = re.compile(r"--hash[= ]sha256:(?P<digest>[0-9a-fA-F]{64})\b")
_PIN = re.compile(r"===?\s*[\w.!+-]+(?![\w.*])")
# A path or URL can begin like a name. What follows tells them apart.
_NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?=$|[\s\[(<>=!~;@,])")


def read_lines(path: Path) -> tuple[str, ...]:
    """Return the logical lines of a requirements file and of the files that it includes with -r."""
    return tuple(_read(path, set()))


def read_own_lines(path: Path) -> tuple[str, ...]:
    """Return the logical lines of a requirements file alone."""
    try:
        return split_lines(texts.read(path))
    except UnicodeDecodeError as error:
        raise RequirementsError(
            f"{path} is not {error.encoding.upper()}: {error.reason} at byte {error.start}",
            hint="Save it as UTF-8.",
        ) from error
    except OSError as error:
        raise RequirementsError(
            f"{path} cannot be read: {error.strerror}",
            hint="Make it readable, or correct the line or the setting that names it.",
        ) from error


def find_files(path: Path) -> tuple[Path, ...]:
    """Return a requirements file, and all files that it includes with -r or -c, directly or indirectly."""
    found: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        for line in read_own_lines(file):
            include = _INCLUDE.match(line) or _CONSTRAINT.match(line)
            if include and "://" not in include["path"]:
                waiting.append((file.parent / include["path"]).resolve())
    return tuple(found)


def includes_remote_file(line: str) -> bool:
    """Whether the line includes a file by a URL."""
    include = _INCLUDE.match(line) or _CONSTRAINT.match(line)
    return include is not None and "://" in include["path"]


def find_path(line: str) -> str:
    """Return the path of the file or folder that a line may require, as written; "" if there is none."""
    if line.startswith("-"):
        editable = _EDITABLE.match(line)
        wanted = editable["path"] if editable else ""
    else:
        name, at, place = line.partition("@")
        wanted = place if at and find_name(name) else "" if find_name(line) else line
    path = re.sub(r"\s+;.*|#.*|\[[^]]*\]\s*$", "", wanted.strip()).strip()
    path = re.sub(r"\[[^]]*\]$", "", path)
    return unquote(path.removeprefix("file:").removeprefix("//")) if not _ADDRESS.match(path) else ""


def split_lines(text: str) -> tuple[str, ...]:
    """Return the logical lines of a text: continued lines are joined, comments and empty lines left out."""
    joined = _CONTINUED.sub(" ", text)
    lines = (_COMMENT.sub("", line).strip() for line in joined.splitlines())
    return tuple(line for line in lines if line)


def find_name(line: str) -> str | None:
    """Return the normalised name that a line requires; None for an option, a path or a bare URL."""
    match = _NAME.match(line)
    return canonicalize_name(match["name"]) if match else None


def read_pins(lines: Iterable[str]) -> frozenset[str]:
    """Return the names that are pinned to one version."""
    named = ((find_name(line), line) for line in lines)
    return frozenset(name for name, line in named if name and _PIN.search(line.partition(";")[0]))


def read_hashes(lines: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the sha256 digests, in hex, that packages are pinned to, by name. Raises RequirementsError."""
    pinned: dict[str, frozenset[str]] = {}
    for line in lines:
        name = find_name(line)
        digests = frozenset(match["digest"].lower() for match in _HASH.finditer(line))
        if "--hash" in line and not digests:
            raise RequirementsError(
                f"{name or line}: only sha256 hashes can be checked",
                hint="Pin it with --hash=sha256:..., the one kind that every index offers.",
            )
        if name and digests:
            pinned[name] = pinned.get(name, frozenset()) | digests
    return pinned


def _with_absolute_links(line: str, folder: Path) -> str:
    """Return the line with an absolute path after --find-links: uv reads the line in another folder."""
    links = _LINKS.match(line)
    if links is None or "://" in links["path"]:
        return line
    return f"{links['option']}{(folder / links['path']).resolve()}"


def _read(path: Path, seen: set[Path]) -> Iterator[str]:
    seen.add(path.resolve())
    for line in read_own_lines(path):
        include = _INCLUDE.match(line)
        if include is None:
            yield _with_absolute_links(line, path.parent)
            continue
        included = path.parent / include["path"]
        if "://" not in include["path"] and included.resolve() not in seen:
            yield from _read(included, seen)
