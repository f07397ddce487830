"""Commands in hints and notes, with the flags that say where: what is copied has to do what was meant.

Rooms write `lambdify logs dev` in backquotes and know nothing of --local, --region or --profile. The console,
which writes it all, adds what this run was given.
"""

import re
from collections.abc import Sequence

COMMAND = re.compile(r"`lambdify ([a-z]+)([^`]*)`")
NOT_ON_ACCOUNT = frozenset({"init", "package", "local", "cache", "template", "policy"})
"""Commands that do not take those flags."""


def add_flags(text: str, flags: Sequence[str]) -> str:
    """The text, with the flags ("--local", "--profile work") in each command that takes and lacks them."""

    def add(found: "re.Match[str]") -> str:
        command, rest = found.groups()
        missing = [flag for flag in flags if flag.split()[0] not in rest.split()]
        if command in NOT_ON_ACCOUNT or "--help" in rest.split() or not missing:
            return found[0]
        return f"`lambdify {command}{rest} {' '.join(missing)}`"

    return COMMAND.sub(add, text)
