"""Judges: why a path of the project is left out, as ignore_rules.toml and the user's own patterns say.

A judge takes a path relative to the project, with "/" at the end of a folder's, and gives the reason to leave
it out, or "".
"""

import fnmatch
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

Filter = Callable[[str], str]
OWN_FILES = "lambdify's own"
"""The reason for what an earlier run has written."""

_BACKUP = re.compile(r"(\.(bak|backup|old|orig|save|copy|\d{1,2})|~)+$", re.IGNORECASE)


def secrets() -> Filter:
    """Asks every part of the path: a link may lead into a folder that would never have been entered."""
    lists = _built_in()
    secret, shared = _by_name(lists["secrets"]), _by_name(lists["shared"])

    def check(path: str) -> str:
        names = [f"{part}/" for part in path.split("/")[:-1]]
        if not path.endswith("/"):
            names.append(_last(path))
        # A copy that an editor or a careful person has made of a secret is one.
        names += [original for name in names if (original := _BACKUP.sub("", name)) != name]
        return next((reason for name in names if (reason := secret(name)) and not shared(name)), "")

    return check


def junk() -> Filter:
    """Asks the last part of the path only: what is left out is not entered."""
    by_name = _by_name(_built_in()["junk"])
    return lambda path: by_name(_last(path))


def from_patterns(patterns: Mapping[str, Sequence[str]], default: Filter) -> Filter:
    """Asks the user's patterns, listed by where they stand; where none matches, `otherwise`.

    They have gitignore's syntax, and its last word: of all that match, the last decides.
    """
    filters = [
        (source, _gitignore(patterns[source])) for source in reversed(list(patterns)) if patterns[source]
    ]

    def check(path: str) -> str:
        for source, verdict in ((source, ask(path)) for source, ask in filters):
            if verdict is not None:
                return source if verdict else ""
        return default(path)

    return check


def _gitignore(lines: Sequence[str]) -> Callable[[str], bool | None]:
    """Whether a path is ignored; None where no line says."""
    # 40 ms, which only those pay who have patterns of their own.
    import pathspec

    patterns = pathspec.GitIgnoreSpec.from_lines(lines)
    return lambda path: patterns.check_file(path).include


def _by_name(lists: Mapping[str, list[str]]) -> Filter:
    """One expression for a whole list: several times faster than asking pattern by pattern, or pathspec."""
    reasons = list(lists)
    expression = re.compile(
        "|".join(
            f"(?P<reason{number}>{'|'.join(map(fnmatch.translate, lists[reason]))})"
            for number, reason in enumerate(reasons)
        ),
        # Some file systems do not tell .ENV from .env.
        re.IGNORECASE,
    )

    def check(name: str) -> str:
        match = expression.match(name)
        return reasons[int((match.lastgroup or "").removeprefix("reason"))] if match else ""

    return check


def _last(path: str) -> str:
    return path[path.rstrip("/").rfind("/") + 1 :]


def _built_in() -> Mapping[str, Mapping[str, list[str]]]:
    text = resources.files(__package__).joinpath("ignore_rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
