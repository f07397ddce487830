"""lambdify init: write a lambdify.toml with the app that was found, and every option with its default.

The file is made from defaults.toml, so it has every option with its explanation. All options are commented
out: a project sets only those that it wants to change, and keeps following our defaults in the others.
"""

import json
import re
from pathlib import Path

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate, explain_absence, find_apps
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import config_file, edit, options

COMMAND_TIMEOUT = 900
"""Seconds of [commands] in the file of a Django project."""
HEAD = """\
# Settings of lambdify. What is commented out is the default; `lambdify deploy` puts the app on AWS Lambda.
"""


def init(root: Path, console: Console, *, force: bool = False) -> Path:
    """Write lambdify.toml into `root` and return its path. Raises SettingsError if settings exist already."""
    path = root / config_file.LAMBDIFY_TOML
    if path.is_file() and not force:
        raise SettingsError(f"{path} is there already.", hint="`lambdify init --force` replaces it.")
    if config_file.find_pyproject_toml(root):
        raise SettingsError(
            f"{root / config_file.PYPROJECT_TOML} has settings already.",
            hint="Go on there, under [tool.lambdify].",
        )
    apps = [each for each in find_apps(root) if each.score > 0]
    name = settings.slug(config_file.project_name(root) or settings.name_of_folder(root))
    edit.save(path, write(name, apps))
    if apps:
        console.note(f"Found {apps[0].app}: {'; '.join(apps[0].evidence)}")
        if apps[0].framework == "django":
            console.note("Once it is deployed, `lambdify manage STAGE migrate` runs its manage.py there.")
        console.note(
            "Next: `lambdify deploy --local` runs it on this machine, `lambdify deploy` puts it on AWS."
        )
    else:
        absent = explain_absence(root)
        console.warn(f"{path.name} names no app. {absent.message} {absent.hint}")
    return path


def write(name: str, apps: list[Candidate]) -> str:
    """Return the text of the file: the app that was found, then every option."""
    text = options.DEFAULTS.read_text(encoding="utf-8").split("\n\n", 1)[1]
    # An option, "key = value" at the start of a line, becomes "#key = value"; "# text" explains it.
    text = re.sub(r"(?m)^(\w+ = )", r"#\1", text)
    # Tables without options are left out: the comment above them has an example.
    tables = (
        r"static\.folders|static\.environment|environment|secrets|functions|tags|resources|outputs|stages"
    )
    text = re.sub(rf"(?m)^\[({tables})\]\n", "", text)
    text = text.replace('#name = ""', f"name = {json.dumps(name)}", 1)
    if apps:
        text = text.replace('#app = ""', _app_lines(apps), 1)
    if apps and apps[0].framework == "django":
        # Migrations have to run somewhere: `lambdify manage` needs the Lambda for commands.
        text = re.sub(
            r"(?s)(\[commands\]\n.*?)#timeout = 0", rf"\1timeout = {COMMAND_TIMEOUT}", text, count=1
        )
    return f"{HEAD}\n{text}"


def _app_lines(apps: list[Candidate]) -> str:
    best, *others = apps
    lines = [f"# Found by {evidence}" for evidence in best.evidence]
    lines += [f"# Also found: {other.app}" for other in others[:5]]
    return "\n".join([*lines, f"app = {json.dumps(best.app)}"])
