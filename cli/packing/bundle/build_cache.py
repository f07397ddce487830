"""What came of the last build, given back without work as long as nothing that it was made from has changed.

    settings · lambdify itself · dependency files · the project's files, and required folders
    all as they were? the same bundle

Rules:
- Nothing is resolved, compiled or read for it, no process is started, and no library is imported.
- Where only the project has changed, the next build may start from what there was; see `previous`.
- What was built in a container is asked for, since a tag can have moved. That alone needs a library.
- When in doubt, all is done again: a build that cannot be repeated from its inputs alone is not noted.
- A note that is broken, of another version of lambdify, or not under our seal, is as good as none.
"""

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lambdify.cli.detection import launch
from lambdify.cli.packing import fingerprint, serialization
from lambdify.cli.packing.bundle import app
from lambdify.cli.packing.bundle.files import IGNORE_FILE
from lambdify.cli.packing.fingerprint import Fingerprint
from lambdify.cli.packing.resolution import uv
from lambdify.cli.settings import Settings
from lambdify.cli.storage import seal
from lambdify.cli.version import VERSION

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.files import Selection
    from lambdify.cli.packing.wheels.distributions import Dependencies

FORMAT = 4
"""Raise it when notes are written in another way."""
FOLDER = "last-builds"
Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Beginning:
    """What is noted before a build reads anything, so that what changes meanwhile is seen as a change."""

    moment: int
    """Nanoseconds."""
    itself: str
    launches: Mapping[str, str]
    """Digests of the files that say which app is meant, and of .lambdifyignore."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Note:
    """What a file holds beside the result."""

    format: int
    itself: str
    inputs: Mapping[str, str]
    launches: Mapping[str, str]
    project: Fingerprint
    local: Fingerprint
    """Required folders and files of this machine."""


def find(settings: Settings, out: Path, shape: type[Value]) -> Value | None:
    """Return the result of the last build into `out` if nothing has changed since."""
    moment = time.time_ns()
    noted = _read(settings, out, shape)
    if noted is None:
        return None
    note, result = noted
    if note.launches != _launches(settings.root) or not (_same_inputs(note) and note.project.holds()):
        return None
    if note.project.young or note.local.young:
        # They were read and found the same; those that are old enough by now need not be read again.
        aged = dataclasses.replace(note, project=note.project.aged(moment), local=note.local.aged(moment))
        _write(settings, out, aged, result)
    return result


def recall(settings: Settings, out: Path, shape: type[Value]) -> tuple[Value, bool] | None:
    """Return the result of the last build into `out`, whatever has become of the project since.

    It is of the same lambdify, with the same settings. The second value says whether the dependency files are
    the same too.
    """
    noted = _read(settings, out, shape)
    return (noted[1], _same_inputs(noted[0])) if noted else None


def begin(root: Path) -> Beginning:
    """Note what there is before a build begins."""
    return Beginning(moment=time.time_ns(), itself=_itself(), launches=_launches(root))


def keep(
    settings: Settings,
    out: Path,
    begun: Beginning,
    selection: "Selection",
    contents: Mapping[str, bytes],
    dependencies: "Dependencies",
    result: object,
) -> None:
    """Write down what came of a build: `contents` is what was packed, by its name in the bundle."""
    note = _Note(
        format=FORMAT,
        itself=begun.itself,
        inputs=dict(dependencies.inputs),
        launches=begun.launches,
        project=Fingerprint(
            root=str(settings.root),
            files={str(file.path): file.stamp for file in selection.files},
            folders={str(listing.path): listing.words for listing in selection.listings},
            young={
                str(file.path): hashlib.sha256(contents[file.name]).hexdigest()
                for file in selection.files
                if fingerprint.is_young(file.stamp, begun.moment)
            },
        ),
        local=dependencies.local,
    )
    _write(settings, out, note, result)


def _read(settings: Settings, out: Path, shape: type[Value]) -> tuple[_Note, Value] | None:
    text = seal.read(settings.root, f"{FOLDER}/{_name(settings, out)}")
    if text is None:
        return None
    try:
        content = json.loads(text)
        note: _Note = serialization.reader(_Note)(content["note"])
        result: Value = serialization.reader(cast(Any, shape))(content["result"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (note, result) if note.format == FORMAT and note.itself == _itself() else None


def _write(settings: Settings, out: Path, note: _Note, result: object) -> None:
    text = json.dumps({"note": serialization.plain(note), "result": serialization.plain(result)})
    seal.write(settings.root, f"{FOLDER}/{_name(settings, out)}", text)


def _same_inputs(note: _Note) -> bool:
    same = all(fingerprint.digest(Path(name)) == known for name, known in note.inputs.items())
    return same and note.local.holds()


def _name(settings: Settings, out: Path) -> str:
    """The name of the note: one for all settings that can make a difference."""
    parts = [dataclasses.asdict(part) for part in (settings.function, settings.build, settings.http)]
    warm = [settings.warm.every, settings.warm.concurrency]
    packed = [settings.app, dict(settings.secrets), settings.release.command, warm]
    given = [str(settings.root), str(out.absolute()), packed, parts, uv.settings_in_environment()]
    return f"{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}.json"


def _itself() -> str:
    """Identifies this lambdify: its version, and each of its files, which a developer of it may change."""
    stamps = [
        (path, fingerprint.stamp(os.stat(path)))  # noqa: PTH116 as in fingerprint
        for top in (app.adapter_folder(), Path(__file__).parents[1])
        for folder, _, names in os.walk(top)
        for path in (f"{folder}/{name}" for name in sorted(names))
        if not path.endswith(".pyc")
    ]
    return hashlib.sha256(json.dumps([VERSION, sorted(stamps)]).encode()).hexdigest()


def _launches(root: Path) -> dict[str, str]:
    found = {path for pattern in launch.FILES for path in root.glob(pattern) if path.is_file()}
    return {str(path): fingerprint.digest(path) for path in sorted({*found, root / IGNORE_FILE})}
