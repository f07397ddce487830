"""Texts of hints. Commands in them get the flags for the account, so that they work as they are copied.

Rooms write `lambdify logs dev` in backquotes, without --local, --region and --profile. The console adds those
that this run was given.
"""

import re
from collections.abc import Iterable, Sequence

COMMAND = re.compile(r"`lambdify ([a-z]+)([^`]*)`")
NOT_ON_ACCOUNT = frozenset(
    {
        "new",
        "init",
        "check",
        "package",
        "local",
        "cache",
        "template",
        "policy",
        "schema",
        "completion",
        "ci",
        "serve",
    }
)
"""Commands that do not take those flags."""
WITH_WORDS = frozenset({"flask", "manage", "run"})
"""Commands whose line ends with the words of another program."""


def add_flags(text: str, flags: Sequence[str]) -> str:
    """Return the text with the flags ("--local", "--profile work") added to each command that takes them."""

    def add(found: "re.Match[str]") -> str:
        command, rest = found.groups()
        missing = [flag for flag in flags if flag.split()[0] not in rest.split()]
        if command in NOT_ON_ACCOUNT or "--help" in rest.split() or not missing:
            return found[0]
        if command in WITH_WORDS:  # what comes after the stage is another program's
            stage = re.match(r" *[^ ]*", rest)
            end = stage.end() if stage else 0
            return f"`lambdify {command}{rest[:end]} {' '.join(missing)}{rest[end:]}`"
        return f"`lambdify {command}{rest} {' '.join(missing)}`"

    return COMMAND.sub(add, text)


def join(*hints: str) -> str:
    """Return the hints as one text; after lines to copy, the next one begins on a line of its own."""
    text = ""
    for hint in filter(None, hints):
        between = "\n" if "\n" in text else " "
        text = f"{text}{between}{hint}" if text else hint
    return text


def nearest(word: str, words: Iterable[str]) -> str:
    """Return 'Did you mean "this"?' for the most similar word; "" if there is none."""
    # Every command loads this module, and hardly one needs difflib.
    import difflib

    choices = list(words)
    # An abbreviation, such as "prod" for "production", is no close match for difflib.
    begun = [choice for choice in choices if len(word) > 1 and choice.startswith(word)]
    found = begun or difflib.get_close_matches(word, choices, n=1)
    return f'Did you mean "{found[0]}"?' if found else ""
