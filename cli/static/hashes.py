"""Names that change with the content of their files, so that browsers may keep those for good.

Such are
    - what a manifest of Django says, and one of Vite, where the name has a hash,
    - what is below `_next/static/`, `_astro/` and `_app/immutable/`,
    - what a pattern of [static] immutable matches,
    - names with 8 to 64 hexadecimal digits before their end, letters and figures: app.3f2a91bc.js.
`index-DiwrgTda.js` without a manifest is none: `my-holidays.jpg` would be one, too.
"""

import fnmatch
import json
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from pathlib import PurePosixPath

VITE = (".vite/manifest.json", "manifest.json")
"""https://vite.dev/guide/backend-integration"""
OF_VITE = re.compile(r".+[-.][\w-]{8,}\.\w+(\.\w+)?")
"""A name as Rollup makes it by default: a manifest names files without a hash, too."""
FOLDERS = re.compile(r"(^|/)(_next/static|_astro|_app/immutable)/.")
_DIGITS = re.compile(r"(?:^|[._-])(?P<hash>[0-9a-f]{8,64}|[0-9A-F]{8,64})(?:\.\w+){1,3}$")


def is_hashed(name: str) -> bool:
    """Return whether a name shows its hash."""
    found = _DIGITS.search(PurePosixPath(name).name)
    digits = found["hash"] if found else "0"
    return bool(FOLDERS.search(name)) or not (digits.isdecimal() or digits.isalpha())


def matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    """Return whether one of a file's names is matched by a pattern, in which "*" stands for any text."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def read_vite(contents: Mapping[str, bytes]) -> Collection[str]:
    """Return the names with a hash that Vite's manifest has; `contents` are files of a folder by name."""
    found: set[str] = set()
    for name in VITE:
        try:
            chunks = json.loads(contents.get(name, b"{}"))
        except ValueError:
            continue
        for chunk in chunks.values() if isinstance(chunks, dict) else ():
            if isinstance(chunk, dict) and isinstance(chunk.get("file"), str):
                lists = [each for key in ("css", "assets") if isinstance(each := chunk.get(key), list)]
                found |= {chunk["file"], *map(str, chain.from_iterable(lists))}
    return {name for name in found if OF_VITE.fullmatch(PurePosixPath(name).name)}
