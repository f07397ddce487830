"""Files that are called nearly like a requirements.txt, such as requirements/production.txt.

Those for development and tests never count. Of the others the one for production comes first, then the one
that the rest is built upon.
"""

import re
from pathlib import Path

_PATTERNS = ("requirements/*.txt", "*requirements*.txt", "requirements/*.in", "*requirements*.in")
_PRODUCTION = re.compile(
    r"(^|[^a-z])(prod|production|deploy|deployment|live|server|heroku|aws|lambda)([^a-z]|$)"
)
_MAIN = re.compile(r"(^|[^a-z])(main|app|web|base|common|core|default|runtime|requirements)([^a-z]|$)")
_ASIDE = re.compile(
    r"(^|[^a-z])(dev|devel|development|tests?|testing|lint|linting|docs?|ci|local|debug|typing|types|build|tools?"
    r"|benchmarks?|examples?|constraints?|optional|all|extras?|windows|win|mac|macos|gpu|old)([^a-z]|$)"
)


def find(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that may say what an app needs, the likeliest first."""
    found = [path for path in _find_all(folder) if not _ASIDE.search(path.stem.lower())]
    written = {path.with_suffix("") for path in found if path.suffix == ".txt"}
    # A .in beside its .txt is what that was compiled from.
    return tuple(path for path in found if path.suffix == ".txt" or path.with_suffix("") not in written)


def find_names(folder: Path) -> tuple[str, ...]:
    """Return the paths of all such files, relative to the folder, those for development too."""
    return tuple(path.relative_to(folder).as_posix() for path in sorted(_find_all(folder)))


def _find_all(folder: Path) -> list[Path]:
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return sorted(found - {folder / "requirements.txt"}, key=lambda path: (_rank(path), path))


def _rank(path: Path) -> int:
    stem = re.sub("requirements", "", path.stem.lower()) or "requirements"
    return 0 if _PRODUCTION.search(stem) else 1 if _MAIN.search(stem) else 2
