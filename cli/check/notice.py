"""The notice before a deployment: what will fail or surprise on Lambda, told once.

It is told again when something is found that was not there before. What was told is in the project's
`.lambdify/`, sealed; where that cannot be written, it is told each time.
"""

import hashlib
import json

from lambdify.cli.check import examination, report
from lambdify.cli.check.examination import Examination
from lambdify.cli.console import Console
from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.settings import Settings
from lambdify.cli.storage import seal

MOST_LINES = 2
"""Places that are shown of a rule."""


def tell(settings: Settings, app: Candidate, console: Console) -> None:
    """Show what of the app will fail or surprise. Raises SettingsError for an unknown rule in [check]."""
    found = examination.examine(settings, app)
    told = _recall(settings)
    grave = [each for each in found.findings if each.level != "note"]
    known = {_sign(each) for each in grave}
    if known - told:
        console.warn(f"{_count(found)}. `lambdify check {settings.stage}` says more.")
        console.lines(report.groups(grave, most=MOST_LINES))
    elif found.count("stops"):
        console.note(f"{_count(found)}, as before: `lambdify check {settings.stage}` says what.")
    if known != told and seal.may_keep(settings.root):
        seal.write(settings.root, _name(settings), json.dumps({"told": sorted(known)}))


def _count(found: Examination) -> str:
    """Return "Of app:app, 2 things will fail and 1 will surprise on Lambda"."""
    counts = {"fail": found.count("stops"), "surprise": found.count("surprises")}
    parts = [f"{count} will {what}" for what, count in counts.items() if count]
    number, _, rest = " and ".join(parts).partition(" ")
    return f"Of {found.app}, {number} thing{'' if number == '1' else 's'} {rest} on Lambda"


def _sign(finding: tuple[object, ...]) -> str:
    """Return a digest of a finding without its line, which moves with every edit."""
    rule, level, file, _, what, *_ = finding
    return hashlib.sha256(json.dumps([rule, level, file, what]).encode()).hexdigest()[:16]


def _recall(settings: Settings) -> set[str]:
    text = seal.read(settings.root, _name(settings))
    return set(json.loads(text)["told"]) if text else set()


def _name(settings: Settings) -> str:
    return f"checked/{settings.stage}.json"
