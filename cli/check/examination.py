"""The examination of an app: its code, the rules, and what is left of their findings."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from lambdify.cli.check import ignored
from lambdify.cli.check.code import app_code
from lambdify.cli.check.rules import (
    background,
    databases,
    django_settings,
    exposure,
    files,
    processes,
    responses,
    stores,
    surroundings,
    variables,
    websockets,
)
from lambdify.cli.check.rules.finding import LEVELS, Finding
from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.settings import Settings

FAMILIES = (
    websockets, django_settings, exposure, variables, files, databases, stores, background, processes,
    responses, surroundings,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found in an app."""

    app: str
    files: int
    """How many files were read."""
    findings: tuple[Finding, ...]
    """Those that count, the gravest first."""
    ignored: int
    """How many [check] ignore left out."""

    def count(self, *levels: str) -> int:
        """Return how many findings are of these levels."""
        return sum(each.level in levels for each in self.findings)


def examine(settings: Settings, app: Candidate) -> Examination:
    """Return what reading the app's code tells. Raises SettingsError for an unknown rule in [check]."""
    patterns = ignored.read(settings)
    with _no_collection():
        code = app_code.read(settings, app)
        found = set(chain.from_iterable(family.find(code) for family in FAMILIES))
    counted = {each for each in found if not ignored.matches(each, patterns)}
    return Examination(
        app=app.app,
        files=len(code.files),
        findings=tuple(sorted(counted, key=_order)),
        ignored=len(found) - len(counted),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage in the block: trees have none, and to look for it takes as long as the rest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _order(finding: Finding) -> tuple[int, str, str, int, str]:
    return LEVELS.index(finding.level), finding.rule, finding.file, finding.line, finding.what
