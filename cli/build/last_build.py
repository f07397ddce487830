"""What came of the last build, given back without work as long as nothing that it was made from has changed.

    settings · lambdify itself · dependency files · the project's files      all as they were? the same bundle

Rules:
- Nothing is resolved, installed, compiled or read for it, no process is started, and no library is imported.
- When in doubt, all is done again: a build that cannot be repeated from its inputs alone is not noted.
- A note that is broken, or of another version of lambdify, is as good as none.
"""

import dataclasses
import functools
import hashlib
import json
import os
import time
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from lambdify.cli import folders
from lambdify.cli.build import app, fingerprint, uv
from lambdify.cli.build.files import IGNORE_FILE
from lambdify.cli.build.fingerprint import Fingerprint, Stamp
from lambdify.cli.detection import launch
from lambdify.cli.settings import Settings
from lambdify.cli.version import VERSION

if TYPE_CHECKING:
    from lambdify.cli.build.files import Selection

FORMAT = 1
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


def find(settings: Settings, out: Path, shape: type[Value]) -> Value | None:
    """Return the result of the last build into `out` if nothing has changed since."""
    path = settings.root / folders.WORKSPACE / FOLDER / _name(settings, out)
    moment = time.time_ns()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        note = _reader(_Note)(content["note"])
        result: Value = _reader(cast(Any, shape))(content["result"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if note.format != FORMAT or note.itself != _itself() or note.launches != _launches(settings.root):
        return None
    same = all(fingerprint.digest(Path(name)) == known for name, known in note.inputs.items())
    if not (same and note.project.holds()):
        return None
    if note.project.young:
        # They were read and found the same; those that are old enough by now need not be read again.
        aged = dataclasses.replace(note, project=note.project.aged(moment))
        text = json.dumps({"note": _plain(aged), "result": content["result"]})
        folders.write(settings.root, f"{FOLDER}/{path.name}", text)
    return result


def begin(root: Path) -> Beginning:
    """Note what there is before a build begins."""
    return Beginning(moment=time.time_ns(), itself=_itself(), launches=_launches(root))


def keep(
    settings: Settings,
    out: Path,
    begun: Beginning,
    selection: "Selection",
    contents: Mapping[str, bytes],
    inputs: Iterable[tuple[str, str]],
    result: object,
) -> None:
    """Write down what came of a build: `contents` is what was packed, by its name in the bundle."""
    note = _Note(
        format=FORMAT,
        itself=begun.itself,
        inputs=dict(inputs),
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
    )
    text = json.dumps({"note": _plain(note), "result": _plain(result)})
    folders.write(settings.root, f"{FOLDER}/{_name(settings, out)}", text)


def _name(settings: Settings, out: Path) -> str:
    """The name of the note: one for all settings that can make a difference."""
    parts = [dataclasses.asdict(part) for part in (settings.function, settings.build, settings.http)]
    given = [str(settings.root), str(out.absolute()), settings.app, parts, uv.settings_in_environment()]
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


# -------------------------------------------------------------------- frozen values as JSON, and back


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


Reader = Callable[[Any], Any]
"""Makes a value of what JSON has. Raises TypeError, ValueError or KeyError if it is none of that type."""


@functools.cache
def _reader(hint: Any) -> Reader:
    """What reads values of the type that `hint` says: found once for a type, since there are thousands."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Path:
        return Path
    if hint is Stamp:
        return lambda value: Stamp(*map(_reader(int), value))
    if dataclasses.is_dataclass(hint):
        return functools.partial(_fields, hint)
    if origin is typing.Literal:
        return _reader(cast(Any, type(inner[0])))
    if origin in (Union, types.UnionType):
        (reader,) = (_reader(each) for each in inner if each is not type(None))
        return lambda value: None if value is None else reader(value)
    if origin is tuple:
        return functools.partial(_items, inner)
    if origin is not None and issubclass(origin, Mapping):
        return lambda value: dict(zip(value, map(_reader(inner[1]), value.values()), strict=True))
    return functools.partial(_exactly, hint)


def _fields(shape: Any, value: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(shape)
    return shape(**{name: _reader(hints[name])(each) for name, each in value.items()})


def _items(inner: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    if inner[-1] is Ellipsis:
        return tuple(map(_reader(inner[0]), values))
    return tuple(_reader(hint)(value) for hint, value in zip(inner, values, strict=True))


def _exactly(kind: type, value: object) -> object:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
