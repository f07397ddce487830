"""[hooks] template: a function of the project that takes the template and returns the one to apply.

    Template ──JSON──▶ the function, guarded (template_worker.py) ──JSON──▶ checked (needs.py) ──▶ Template

Rules:
- It is pure: nothing but the template and the stage's name goes in, nothing but a template comes out. It can
  write nothing and reach nobody, and is called twice: what comes out has to be the same.
- It may change what is ours, but for what lambdify itself needs, and may not remove it.
- A Lambda that it changes gets another version, or the change would reach no traffic.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lambdify.cli.console import Console
from lambdify.cli.errors import HookFailed
from lambdify.cli.hooks import needs, versions
from lambdify.cli.hooks.commands import Machine, this_machine
from lambdify.cli.programs import guarded, pythons
from lambdify.cli.programs.guarded import Ending
from lambdify.cli.programs.pythons import Interpreter
from lambdify.cli.settings import Settings
from lambdify.cli.stacks import changes
from lambdify.cli.template import Template

WORKER = Path(__file__).with_name("template_worker.py")
INPUT = "template.json"
"""The file in which the function's process gets the template."""
LIMIT = 30.0
"""Seconds that the function has."""
NOT_CHANGED = "Nothing was uploaded or changed."


def amend(
    written: Template, settings: Settings, console: Console, machine: Machine | None = None
) -> Template:
    """Return the template as the project's function returns it; as it is where there is none.

    Raises HookFailed for a function that fails, or takes away what lambdify itself needs.
    """
    named, machine = settings.hooks.template, machine or this_machine()
    if not named:
        return written
    file, _, function = named.partition(":")
    if not (settings.root / file).is_file():
        raise HookFailed(
            f"[hooks] template: there is no {file} in {settings.root}.",
            hint=f"Write it, with `def {function}(body, stage): return body`, or leave template out.",
        )
    environ = machine.environ
    # A template is no app: where the function's Python is not here, ours will do.
    python = pythons.find_interpreter(settings.function.python, environ) or pythons.locate(
        Path(sys.executable)
    )
    with console.step(f"Running {named} over the template on {machine.name}"):
        ending = _run(written.text, file, function, settings, python)
    body = _read(ending, named, console)
    needs.check(written.body, body, settings)
    amended = versions.renew(written, body)
    _tell(written.body, amended.body, named, console)
    return amended


def _run(text: str, file: str, function: str, settings: Settings, python: Interpreter) -> Ending:
    with TemporaryDirectory(prefix="lambdify-template-") as folder:
        tmp = Path(folder).resolve()
        (tmp / INPUT).write_text(text, encoding="utf-8")
        wanted = {
            "file": str(settings.root / file),
            "function": function,
            "root": str(settings.root),
            "stage": settings.stage,
            "template": INPUT,
            "hook": str(guarded.AUDIT_HOOK),
            "readable": [*guarded.SYSTEM, *map(str, python.prefixes)],
        }
        # With -s, -S and -P nothing can be imported but the standard library and the project itself.
        return guarded.run(
            [str(python.file), "-s", "-S", "-P", "-B", "-u", str(WORKER), json.dumps(wanted)],
            cwd=settings.root,
            # A set of texts has the same order in every process.
            environment={"LANG": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"},
            tmp=tmp,
            readable=[*python.prefixes, WORKER.parent, guarded.AUDIT_HOOK.parent],
            limit=LIMIT,
        )


def _read(ending: Ending, named: str, console: Console) -> Mapping[str, Any]:
    """Return what the function returned. Raises HookFailed if it did not."""
    for line in ending.output.splitlines():
        console.note(line)
    said = {each["event"]: each for each in ending.report}
    if ending.code is None:
        why = f"it did not end within {LIMIT:.0f} seconds"
    elif "raised" in said:
        why = str(said["raised"]["what"])
    elif "refused" in said:
        why = str(said["refused"]["why"])
    elif isinstance(said.get("answer", {}).get("body"), dict):
        body: Mapping[str, Any] = said["answer"]["body"]
        return body
    else:
        why = f"it ended with {ending.code}, and returned nothing"
    blocked = said.get("blocked")
    wanted = f"It wanted to {blocked['what']}: {blocked['target']}. " if blocked else ""
    raise HookFailed(
        f"[hooks] template: {named} has failed: {why}.",
        hint=f"{wanted}It takes the template and the stage's name, and returns a template; it can reach "
        f"nothing else. {NOT_CHANGED}",
    )


def _tell(before: Mapping[str, Any], after: Mapping[str, Any], named: str, console: Console) -> None:
    """Say what the function has changed, in one line."""
    found = changes.compare_templates(before, after)
    words = {"Add": "added", "Modify": "changed", "Remove": "removed"}
    parts = [
        f"{word} {', '.join(each.resource for each in found if each.action == action)}"
        for action, word in words.items()
        if any(each.action == action for each in found)
    ]
    console.note(f"{named} {'; '.join(parts) or 'changed no resource'}.")
