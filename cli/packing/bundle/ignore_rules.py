"""Filters for the project's paths, made from ignore_rules.toml and the user's own patterns.

A filter takes a path relative to the project, which ends in "/" for a folder. It returns the reason to leave
the path out, or "".
"""

import fnmatch
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

Filter = Callable[[str], str]
OWN_FILES = "lambdify's own"
"""The reason for files that an earlier run has written."""

_BACKUP = re.compile(r"(\.(bak|backup|old|orig|save|copy|\d{1,2})|~)+$", re.IGNORECASE)


def secrets() -> Filter:
    """Return the filter for secrets. It checks every part of a path: a link can lead into any folder."""
    lists = _built_in()
    secret, shared = _by_name(lists["secrets"]), _by_name(lists["shared"])

    def check(path: str) -> str:
        names = [f"{part}/" for part in path.split("/")[:-1]]
        if not path.endswith("/"):
            names.append(_last(path))
        # A backup copy of a secret is a secret.
        names += [original for name in names if (original := _BACKUP.sub("", name)) != name]
        return next((reason for name in names if (reason := secret(name)) and not shared(name)), "")

    return check


def junk() -> Filter:
    """Return the filter for junk. It checks only the last part of a path: junk folders are not scanned."""
    by_name = _by_name(_built_in()["junk"])
    return lambda path: by_name(_last(path))


def from_patterns(patterns: Mapping[str, Sequence[str]], default: Filter) -> Filter:
    """Return the filter for the user's patterns, which are given by their source; `default` is for the rest.

    Patterns have gitignore's syntax. If several match, the last one decides.
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
    """Return a function that says whether a path is ignored; None if no line matches."""
    # The import takes 40 ms, and is needed only for the user's own patterns.
    import pathspec

    patterns = pathspec.GitIgnoreSpec.from_lines(lines)
    return lambda path: patterns.check_file(path).include


def _by_name(lists: Mapping[str, list[str]]) -> Filter:
    """Return a filter with one regular expression for all patterns, which is much faster than pathspec."""
    reasons = list(lists)
    expression = re.compile(
        "|".join(
            f"(?P<reason{number}>{'|'.join(map(fnmatch.translate, lists[reason]))})"
            for number, reason in enumerate(reasons)
        ),
        # Some file systems ignore case, so .ENV is .env.
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
