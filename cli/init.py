"""lambdify init: write a lambdify.toml with the app that was found, and what another tool's files say.

A few lines are written: what is not there follows our defaults. With every option asked for, the file is
made from defaults.toml, so it has each of them with its explanation, commented out.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lambdify.cli import settings
from lambdify.cli.console import Console, Line
from lambdify.cli.detection.choice import Candidate, explain_absence
from lambdify.cli.errors import SettingsError
from lambdify.cli.moving import draft, present, report, settlement, toml_text
from lambdify.cli.moving.draft import Draft
from lambdify.cli.moving.present import Present
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import Keys, Moved, Setting
from lambdify.cli.settings import config_file, edit, options

COMMAND_TIMEOUT = 900
"""Seconds of [commands] in the file of a Django project."""
HEAD = """\
# Settings of lambdify. What is not here is as `lambdify init --all` shows it.
"""
HEAD_OF_ALL = """\
# Settings of lambdify. What is commented out is the default; `lambdify deploy` puts the app on AWS Lambda.
"""


class Written(NamedTuple):
    """What is written, and what it was made of."""

    draft: Draft
    moved: tuple[Moved, ...]
    app: Candidate | None
    """The app that detection found, if it is the one in the draft."""


def init(
    root: Path,
    console: Console,
    *,
    force: bool = False,
    every_option: bool = False,
    only: str = "",
    verbose: bool = False,
) -> Path:
    """Write lambdify.toml into `root` and return its path. Raises SettingsError if settings exist already.

    `only` names the file of another tool that counts, where there are several.
    """
    path = root / config_file.LAMBDIFY_TOML
    if path.is_file() and not force:
        raise SettingsError(f"{path} is there already.", hint="`lambdify init --force` replaces it.")
    if config_file.find_pyproject_toml(root):
        raise SettingsError(
            f"{root / config_file.PYPROJECT_TOML} has settings already.",
            hint="Go on there, under [tool.lambdify].",
        )
    code = Code(root)
    found = present.read(root, code, only)
    written = compose(root, code, found)
    edit.save(path, write(written, code.apps, every_option=every_option))
    _tell(path, code, written, found.others, console, verbose=verbose)
    return path


def compose(root: Path, code: Code, found: Present) -> Written:
    """Return what is to be written for a project, and what became of the other tools' settings."""
    own = config_file.project_name(root) or settings.name_of_folder(root)
    name = next((each.name for each in found.moved if each.name), "") or own
    stages = list(dict.fromkeys(stage for each in found.moved for stage in each.stages)) or [""]
    deployed = [each for moved in found.moved for each in moved.deployed]
    name = draft.name_beside(name, [each for each in stages if each] or [draft.USUAL], deployed)
    values, remarks = {}, {}
    moved = list(found.moved)
    for stage in stages:
        said = [each for one in moved for each in one.stages.get(stage, ())]
        settled = settlement.settle(said, root, name=name, stage=stage)
        values[stage] = draft.merge(settled.settings)
        remarks[stage] = settled.refused
        moved = _put_back(moved, stage, settled.settings)
    app = code.apps[0] if code.apps else None
    for each in values.values():
        if app and ("app",) not in each:
            each["app",] = app.app
        if app and app.framework == "django" and ("commands", "timeout") not in each:
            # Migrations have to run somewhere: `lambdify manage` needs the Lambda for commands.
            each["commands", "timeout"] = COMMAND_TIMEOUT
    drafted = draft.write(name, values, remarks)
    named = drafted.common.get(("app",))
    return Written(drafted, tuple(moved), app if app and app.app == named else None)


def _put_back(moved: Sequence[Moved], stage: str, settled: Sequence[Setting]) -> list[Moved]:
    """Return the files with a stage's settings as they were settled, in the same order."""
    rest = list(settled)
    changed = []
    for each in moved:
        count = len(each.stages.get(stage, ()))
        changed.append(replace(each, stages={**each.stages, stage: tuple(rest[:count])}) if count else each)
        rest = rest[count:]
    return changed


def write(written: Written, apps: Sequence[Candidate], *, every_option: bool = False) -> str:
    """Return the text of the file."""
    drafted = written.draft
    sources = ", ".join(each.file for each in written.moved)
    origin = f"# Made from {sources}.\n" if sources else ""
    if every_option:
        text = f"{HEAD_OF_ALL}{origin}\n{toml_text.complete(_every_option(), drafted)}"
    else:
        text = f"{HEAD}{origin}{toml_text.write(drafted)}"
    if written.app is None:
        return text
    return re.sub(r"(?m)^app = ", lambda _: f"{_evidence(written.app, apps)}\napp = ", text, count=1)


def _every_option() -> str:
    """Return defaults.toml with every option commented out."""
    text = options.DEFAULTS.read_text(encoding="utf-8").split("\n\n", 1)[1]
    # An option, "key = value" at the start of a line, becomes "#key = value"; "# text" explains it.
    text = re.sub(r"(?m)^(\w+ = )", r"#\1", text)
    # Tables without options are left out: the comment above them has an example.
    tables = (
        r"static\.folders|static\.environment|environment|secrets|functions|tags|resources|outputs|stages"
    )
    return re.sub(rf"(?m)^\[({tables})\]\n", "", text)


def _evidence(best: Candidate | None, apps: Sequence[Candidate]) -> str:
    lines = [f"# Found by {evidence}" for evidence in best.evidence] if best else []
    lines += [f"# Also found: {other.app}" for other in apps[1:6]]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------ what is told


def _tell(
    path: Path, code: Code, written: Written, others: Sequence[str], console: Console, *, verbose: bool
) -> None:
    for moved in written.moved:
        console.lines(list(report.tell(moved, verbose=verbose)))
    if others:
        read = ", ".join(each.file for each in written.moved) or "it"
        console.note(
            f"Not read beside {read}: {', '.join(others)}. `lambdify init --from FILE` reads one of them."
        )
    if written.app:
        console.note(f"Found {written.app.app}: {'; '.join(written.app.evidence)}")
    elif not _is_said(written.draft):
        absent = explain_absence(path.parent)
        console.warn(f"{path.name} names no app. {absent.message} {absent.hint}")
    if code.apps and code.apps[0].framework == "django":
        console.note("Once it is deployed, `lambdify manage STAGE migrate` runs its manage.py there.")
    if written.moved:
        name = str(written.draft.common["name",])
        lines = report.next_steps(written.moved, name, secret_names(written.draft))
        console.lines([Line(each) for each in lines])
    elif written.app:
        console.note(
            "Next: `lambdify deploy --local` runs it on this machine, `lambdify deploy` puts it on AWS."
        )


def _is_said(drafted: Draft) -> bool:
    """Whether the draft names the app, or says that there is none."""
    stages = [drafted.common, *drafted.stages.values()]
    return any(("app",) in each or each.get(("http", "endpoint")) == "none" for each in stages)


def secret_names(drafted: Draft) -> list[tuple[str, str]]:
    """Return the secrets that have to be stored, each with its stage; "" for the only one."""
    for_all = _own_secrets(drafted.common)
    stages = list(drafted.stages) or [""]
    return [
        (name, stage) for stage in stages for name in [*for_all, *_own_secrets(drafted.stages.get(stage, {}))]
    ]


def _own_secrets(values: draft.Values) -> list[str]:
    def is_own(keys: Keys, value: object) -> bool:
        return keys[0] == "secrets" and "/{stage}/" in str(value)

    return [keys[1] for keys, value in values.items() if is_own(keys, value)]
