"""The build cache: the result of the last build, which is used again if no input has changed.

The inputs are the settings, lambdify itself, the dependency files, the project's files and required folders.

Rules:
- A cached result needs no resolution, no compilation, no process and no import of a library.
- If only the project has changed, the next build starts from the last one; see `incremental`.
- After a build in a container, the image's id is compared, since a tag can move. Only this needs a library.
- A build whose result depends on more than its inputs is not cached.
- A record that is broken, of another version of lambdify, or without our seal, is ignored.
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
from lambdify.cli.settings import Settings, names
from lambdify.cli.storage import folders, seal
from lambdify.cli.version import VERSION

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.files import Selection
    from lambdify.cli.packing.wheels.distributions import Dependencies

FORMAT = 6
"""The version of the file format; increase it when the format changes."""
FOLDER = "last-builds"
Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildStart:
    """The state before a build reads its inputs, so that the next run notices a change meanwhile."""

    moment: int
    """Nanoseconds since 1970."""
    itself: str
    """The digest of lambdify itself."""
    launches: Mapping[str, str]
    """Digests of the files that start the app, which may name it, and of .lambdifyignore."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _BuildRecord:
    """The inputs of a build, which are stored with the result."""

    format: int
    itself: str
    inputs: Mapping[str, str]
    launches: Mapping[str, str]
    project: Fingerprint
    local: Fingerprint
    """The fingerprint of required folders and files of this machine."""


def find(settings: Settings, out: Path, shape: type[Value]) -> Value | None:
    """Return the result of the last build into `out` if no input has changed; else None."""
    moment = time.time_ns()
    stored = _read(settings, out, shape)
    if stored is None:
        return None
    record, result = stored
    if record.launches != _digest_launch_files(settings.root) or not (
        _same_inputs(record) and record.project.is_unchanged()
    ):
        return None
    if record.project.young or record.local.young:
        # Young files were compared by content. The next run need not read those that are no longer young.
        aged = dataclasses.replace(
            record, project=record.project.as_of(moment), local=record.local.as_of(moment)
        )
        _write(settings, out, aged, result)
    return result


def find_previous(settings: Settings, out: Path, shape: type[Value]) -> tuple[Value, bool] | None:
    """Return the result of the last build into `out`, even if the project has changed; None if there is none.

    lambdify and the settings are the same. The second value says whether the dependency files are, too.
    """
    stored = _read(settings, out, shape)
    return (stored[1], _same_inputs(stored[0])) if stored else None


def start(root: Path) -> BuildStart:
    """Return the state before a build."""
    return BuildStart(moment=time.time_ns(), itself=digest_lambdify(), launches=_digest_launch_files(root))


def store(
    settings: Settings,
    out: Path,
    start: BuildStart,
    selection: "Selection",
    contents: Mapping[str, bytes],
    dependencies: "Dependencies",
    result: object,
) -> None:
    """Store the result of a build; `contents` are the packed files by their names in the bundle."""
    record = _BuildRecord(
        format=FORMAT,
        itself=start.itself,
        inputs=dict(dependencies.inputs),
        launches=start.launches,
        project=Fingerprint(
            root=str(settings.root),
            files={str(file.path): file.stamp for file in selection.files},
            folders={str(listing.path): listing.entries for listing in selection.listings},
            young={
                str(file.path): hashlib.sha256(contents[file.name]).hexdigest()
                for file in selection.files
                if fingerprint.is_young(file.stamp, start.moment)
            },
        ),
        local=dependencies.local,
    )
    _write(settings, out, record, result)


def _read(settings: Settings, out: Path, shape: type[Value]) -> tuple[_BuildRecord, Value] | None:
    text = seal.read(settings.root, f"{FOLDER}/{_file_name(settings, out)}")
    if text is None:
        return None
    try:
        content = json.loads(text)
        record: _BuildRecord = serialization.deserializer(_BuildRecord)(content["note"])
        result: Value = serialization.deserializer(cast(Any, shape))(content["result"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (record, result) if record.format == FORMAT and record.itself == digest_lambdify() else None


def _write(settings: Settings, out: Path, record: _BuildRecord, result: object) -> None:
    text = json.dumps({"note": serialization.serialize(record), "result": serialization.serialize(result)})
    seal.write(settings.root, f"{FOLDER}/{_file_name(settings, out)}", text)


def _same_inputs(record: _BuildRecord) -> bool:
    same = all(fingerprint.digest(Path(name)) == known for name, known in record.inputs.items())
    return same and record.local.is_unchanged()


def _file_name(settings: Settings, out: Path) -> str:
    """Return the name of the record's file, a digest of all settings that influence a build."""
    parts = [dataclasses.asdict(part) for part in (settings.function, settings.build, settings.http)]
    warm = [settings.warm.every, settings.warm.most, settings.telemetry.flush]
    logged = [settings.logs.requests]
    packed = [settings.app, dict(settings.secrets), warm, settings.environment_file]
    packed.append(settings.environment.get("DJANGO_SETTINGS_MODULE", ""))  # its apps decide what is packed
    static = settings.static  # but for its variables, see Bundle.variables
    packed += [static.serve, static.fallback, static.immutable, sorted(static.folders.items())]
    functions = [
        [name, each.handler, names.origins(settings, each)] for name, each in settings.functions.items()
    ]
    packed += [functions, logged, [settings.tasks.workers and settings.tasks.attempts]]
    places = [str(settings.root), str(folders.repository(settings.root)), str(out.absolute())]
    given = [*places, packed, parts, uv.settings_in_environment()]
    return f"{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}.json"


def digest_lambdify() -> str:
    """Return a digest of lambdify's version and of its files' stamps, since its developers change them."""
    stamps = [
        (path, fingerprint.stamp(os.stat(path)))  # noqa: PTH116 as in fingerprint
        for top in (app.adapter_folder(), Path(__file__).parents[1])
        for folder, _, names in os.walk(top)
        for path in (f"{folder}/{name}" for name in sorted(names))
        if not path.endswith(".pyc")
    ]
    return hashlib.sha256(json.dumps([VERSION, sorted(stamps)]).encode()).hexdigest()


def _digest_launch_files(root: Path) -> dict[str, str]:
    found = {path for pattern in launch.FILES for path in root.glob(pattern) if path.is_file()}
    return {str(path): fingerprint.digest(path) for path in sorted({*found, root / IGNORE_FILE})}
