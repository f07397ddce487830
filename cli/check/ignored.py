"""What [check] ignore leaves out: a rule, or a rule in some files: "threads:app/email.py", "files:jobs/*"."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from lambdify.cli import hints
from lambdify.cli.check.rules.finding import Finding, catalogue
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import Settings, config_file


class Pattern(NamedTuple):
    """One entry of the list."""

    rule: str
    path: str
    """A file, a folder, or a pattern with * and ?; "" for all files."""


def read(settings: Settings) -> tuple[Pattern, ...]:
    """Return the entries of the list. Raises SettingsError for a rule that there is not."""
    patterns = tuple(
        Pattern(rule, path) for rule, _, path in (each.partition(":") for each in settings.check.ignore)
    )
    for each in patterns:
        if each.rule not in catalogue():
            file = config_file.find(settings.root)
            place = file.locate(("check", "ignore")) if file else "[check] ignore"
            raise SettingsError(
                f'{place}: there is no rule "{each.rule}".',
                hint=hints.nearest(each.rule, catalogue()) or f"Rules: {', '.join(catalogue())}.",
            )
    return patterns


def matches(finding: Finding, patterns: Sequence[Pattern]) -> bool:
    """Whether an entry of the list leaves a finding out."""
    return any(
        each.rule == finding.rule
        and (
            not each.path
            or fnmatchcase(finding.file, each.path)
            or finding.file.startswith(f"{each.path.rstrip('/')}/")
        )
        for each in patterns
    )
