"""The releases that a command has shown or made, kept so that a shell can complete their numbers.

They are in the project's `.lambdify/releases/`, a file for each stage: `production.json`, and with --local
`production.local.json`, under our seal as all that is kept there. The truth is in the bucket: what is here
may be old, and decides nothing.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from lambdify.cli.errors import FileRefused
from lambdify.cli.storage import folders, seal

FOLDER = "releases"
MOST = 50
"""Releases that are kept of a stage."""


def recall(root: Path, stage: str, *, local: bool) -> Mapping[int, str]:
    """Return the releases of a stage that are known, newest first: what each is, by number."""
    try:
        kept = json.loads(seal.read(root, _name(stage, local=local)) or "")
        found = {int(number): str(said) for number, said in kept.items()}
    except (ValueError, AttributeError):
        return {}
    return dict(sorted(found.items(), reverse=True))


def stages(root: Path) -> Iterator[str]:
    """Yield the stages of which something is known."""
    for path in sorted((root / folders.WORKSPACE / FOLDER).glob("*.json")):
        yield path.name.removesuffix(".json").removesuffix(".local")


def remember(root: Path, stage: str, releases: Mapping[int, str], *, local: bool) -> None:
    """Keep what is known of a stage's releases, in place of what was; with none the file goes.

    A project that we may not write to is left as it is.
    """
    name = _name(stage, local=local)
    path = root / folders.WORKSPACE / name
    newest = dict(sorted(releases.items(), reverse=True)[:MOST])
    if not folders.may_write(root) or not (newest or path.exists()):
        return
    try:
        folders.workspace(root)
        if newest:
            seal.write(root, name, json.dumps(newest))
        else:
            path.unlink(missing_ok=True)
    except (OSError, FileRefused):
        return


def _name(stage: str, *, local: bool) -> str:
    return f"{FOLDER}/{stage}{'.local' if local else ''}.json"
