"""What another tool's settings become, once our own loader has judged them.

Each value is one that `load` takes, alone and beside the others; what it refuses becomes the user's to do,
with the loader's reason. Where that kept strangers out, the endpoint is closed until its counterpart is
written.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lambdify.cli import settings
from lambdify.cli.errors import LambdifyError, PythonRefused, SettingsError
from lambdify.cli.moving import draft
from lambdify.cli.moving.draft import Values
from lambdify.cli.moving.reading.setting import Keys, Setting, Verdict
from lambdify.cli.runtime import asked, choice
from lambdify.cli.settings import config_file
from lambdify.cli.settings.config_file import ConfigFile

GUARDS: frozenset[Keys] = frozenset(
    {("http", "auth"), ("http", "api_key"), ("http", "allow_from"), ("http", "vpc_endpoints")}
)
"""Options that keep strangers out."""
CLOSED: Values = {("http", "auth"): "iam"}
"""What keeps them out instead, with any endpoint that lambdify makes by default."""
_PLACE = re.compile(r"^(lambdify\.toml(, line \d+)?|The command line): ")


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The settings of a stage, all of whose values load."""

    settings: tuple[Setting, ...]
    refused: tuple[str, ...]
    """What could not be carried, as comments."""


def settle(found: Sequence[Setting], root: Path, *, name: str, stage: str) -> Settled:
    """Return the settings of a stage as the loader takes them."""
    judge = Judge(root, name, stage)
    if not judge.complain(found):
        return Settled(settings=tuple(found), refused=())
    taken, given_up, reasons = _close(found, judge)
    waiting = [each for each in found if each.values and not GUARDS & each.values.keys()]
    # One may need another one, which comes later: [efs] needs [vpc].
    progress = True
    while waiting and progress:
        progress, left = False, []
        for each in waiting:
            if complaint := judge.complain([*taken, each]):
                left.append(each)
                reasons[id(each)] = complaint
            else:
                taken.append(each)
                progress = True
        waiting = left
    given_up |= {
        id(each): replace(each, verdict=Verdict.BY_HAND, why=reasons[id(each)], values={}) for each in waiting
    }
    return Settled(
        settings=tuple(given_up.get(id(each), each) for each in found),
        refused=tuple(f"{each.key}: {reasons[id(each)]}" for each in found if id(each) in given_up),
    )


def _close(
    found: Sequence[Setting], judge: "Judge"
) -> tuple[list[Setting], dict[int, Setting], dict[int, str]]:
    """Return the guards, which come before all else: what does not go with them is left out, and not they.

    The second value is what takes the place of those that do not load, the third is why, both by their ids.
    """
    taken: list[Setting] = []
    given_up: dict[int, Setting] = {}
    reasons: dict[int, str] = {}
    for each in found:
        if GUARDS & each.values.keys():
            complaint = judge.complain([*taken, each])
            kept = each
            if complaint:
                reasons[id(each)] = complaint
                why = f"{complaint} Until then nobody gets in without a signature."
                kept = replace(each, verdict=Verdict.BY_HAND, why=why, values=CLOSED)
                given_up[id(each)] = kept
            taken.append(kept)
    return taken, given_up, reasons


class Judge:
    """The loader of settings, asked about files that are not written."""

    def __init__(self, root: Path, name: str, stage: str) -> None:
        self._root, self._name, self._stage = root, name, stage
        self._asked = asked.find(root)

    def complain(self, found: Sequence[Setting]) -> str:
        """Return why these settings do not load together; "" if they do."""
        values = draft.with_secrets(draft.merge(found), self._name)
        nested = draft.nest({("name",): self._name, ("stage",): self._stage or draft.USUAL, **values})
        path = self._root / config_file.LAMBDIFY_TOML
        file = ConfigFile(path=path, table=(), values=nested, text="")
        try:
            loaded = settings.interpret(file, self._root, stage=self._stage or draft.USUAL)
            choice.choose(loaded, self._asked)
        except SettingsError as error:
            return _reason(error)
        except PythonRefused as error:
            # Without the setting, the project's own files say which one.
            return _reason(error) if loaded.names_python else ""
        return ""


def _reason(error: LambdifyError) -> str:
    return " ".join(filter(None, (_PLACE.sub("", error.message), error.hint)))
