"""Logins of package indexes in dependency files, which are removed from packed files.

A function installs nothing, and everybody who may read its code could read the password. `pip-compile` and
`pipenv requirements` write such lines by themselves, so the user may not know of them.

A login with variables is kept: `https://${NAME}:${WORD}@host` contains no secret.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from lambdify.cli.console import Console
from lambdify.cli.packing.archive import Member
from lambdify.cli.storage import texts

_FILES = re.compile(
    r"(.*requirements.*|.*constraints.*)\.(txt|in)|Pipfile(\.lock)?|pyproject\.toml|(uv|poetry|pdm)\.(lock|toml)"
    r"|pylock(\..+)?\.toml|setup\.(cfg|py)|(conda-)?environment\.ya?ml|tox\.ini",
    re.IGNORECASE,
)
_FOLDERS = re.compile(r"requirements?|constraints?|deps", re.IGNORECASE)
_OPTION = re.compile(rb"^\s*(-i|-f|--index-url|--extra-index-url|--find-links)[ =]", re.MULTILINE)
_LOGIN = re.compile(rb"(?i)(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<login>[^\s/@'\"<>]+)@")
_NOT_SECRET = re.compile(rb"\$\{?\w+\}?|git|hg")
"""Logins that are no secret: a variable, or a user name that all users share."""


def remove_logins(members: Sequence[Member]) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Return the members without logins, and the names of the changed ones."""
    cleaned = tuple(map(_clean, members))
    changed = tuple(
        after.name for before, after in zip(members, cleaned, strict=True) if after.content != before.content
    )
    return cleaned, changed


def remove_and_tell(members: Sequence[Member], console: Console) -> tuple[Member, ...]:
    """Return the members without logins, and tell of each that had one."""
    cleaned, changed = remove_logins(members)
    for name in changed:
        console.note(f"{name} is packed without the login of a package index.")
    return cleaned


def _clean(member: Member) -> Member:
    content = texts.to_utf8(member.content)
    if b"@" not in content or not _names_indexes(member, content):
        return member
    cleaned = _LOGIN.sub(_without_login, content)
    if cleaned == content:
        return member
    # What PowerShell wrote as UTF-16 stays UTF-16.
    wide = content is not member.content
    return member._replace(
        content=cleaned.decode().encode(texts.find_mark(member.content)) if wide else cleaned
    )


def _names_indexes(member: Member, content: bytes) -> bool:
    path = PurePosixPath(member.name)
    if _FILES.fullmatch(path.name):
        return True
    # Requirements files with other names are detected by their folder, or by an option for an index.
    lines = path.suffix in (".txt", ".in")
    return lines and bool(_FOLDERS.fullmatch(path.parent.name) or _OPTION.search(content))


def _without_login(match: re.Match[bytes]) -> bytes:
    user, colon, password = match["login"].partition(b":")
    if _NOT_SECRET.fullmatch(password if colon else user):
        return match.group()
    return match["scheme"] + b"***@"
