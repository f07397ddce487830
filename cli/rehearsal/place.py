"""The place of a rehearsal: the bundle unpacked as on Lambda, and Lambda's environment.

The layer is unpacked once, into the cache, by its digest. The app is unpacked for each rehearsal, since it
changes with each. The note in it (packing/bundle/app.py) loses the places of its secrets: their values are
not known here, and nobody is asked for them.
"""

import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from lambdify.cli.packing import archive, unpacked
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import app, sizes
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import Settings
from lambdify.cli.static.answer import Subject
from lambdify.cli.storage import caches, folders

LAYERS_KEPT = 5
"""Unpacked layers that stay in the cache, at least for a day."""
KEPT_FOR = 86_400
"""Seconds."""
PLACEHOLDERS = (
    ("DATABASE", "sqlite:///:memory:"),
    ("REDIS", "redis://localhost:6379/0"),
    ("MONGO", "mongodb://localhost:27017/placeholder"),
    ("AMQP", "amqp://localhost:5672//"),
    ("BROKER", "amqp://localhost:5672//"),
    ("DSN", "https://placeholder@localhost/1"),
    ("PORT", "8000"),
    ("URL", "https://localhost"),
)
"""Values for secrets by a part of their name, so that settings can be parsed. None is ever connected to."""
PLACEHOLDER = "placeholder"


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders of a rehearsal."""

    task_root: Path
    """The app: /var/task on Lambda."""
    layers: Path
    """The dependencies: /opt on Lambda."""
    tmp: Path
    """What /tmp is on Lambda."""
    owners: Mapping[str, str]
    """The distribution of each file of `task_root` that is not the project's, by its name."""


@contextmanager
def prepare(bundle: Bundle) -> Iterator[Place]:
    """Yield the bundle, unpacked; what is not in the cache is removed at the end."""
    with TemporaryDirectory(prefix="lambdify-rehearsal-") as folder:
        whole = Path(folder).resolve()
        task_root, tmp = whole / "task", whole / "tmp"
        tmp.mkdir()
        _extract(bundle.app.path, task_root)
        _forget_secrets(task_root / app.NOTE)
        layers = whole / "opt"
        if bundle.layer:
            layers = _unpack_layer(bundle.target, bundle.layer.digest, partial(_extract, bundle.layer.path))
        layers.mkdir(exist_ok=True)
        distributions = () if bundle.layer else bundle.dependencies.distributions
        yield Place(task_root=task_root, layers=layers, tmp=tmp, owners=sizes.owners(distributions, ""))


@contextmanager
def lay_out(subject: Subject) -> Iterator[Place]:
    """Yield an app that is not packed yet, as `prepare` yields a bundle."""
    with TemporaryDirectory(prefix="lambdify-question-") as folder:
        whole = Path(folder).resolve()
        task_root, tmp, layers = whole / "task", whole / "tmp", whole / "opt"
        tmp.mkdir()
        write(subject.members, task_root)
        _forget_secrets(task_root / app.NOTE)
        yield Place(task_root=task_root, layers=unpack(subject, layers), tmp=tmp, owners={})


def unpack(subject: Subject, nothing: Path) -> Path:
    """Return the app's layer, unpacked in the cache; the empty folder `nothing` if it has none."""

    def extract(to: Path) -> None:
        with TemporaryDirectory() as folder:
            archive.write(Path(folder) / "layer.zip", subject.make_layer())
            _extract(Path(folder) / "layer.zip", to)

    if subject.layer:
        return _unpack_layer(subject.target, subject.layer, extract)
    nothing.mkdir(exist_ok=True)
    return nothing


def write(members: Iterable[Member], root: Path) -> None:
    """Write the members of a zip as files, read-only as on Lambda."""
    for member in members:
        _write(member, root)


def environment(settings: Settings, place: Place) -> dict[str, str]:
    """Return the function's variables and Lambda's own, without keys.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    root, layers, region = place.task_root, place.layers, settings.region or "us-east-1"
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **{name: placeholder(name) for name in settings.secrets},
        **settings.environment,
        "_HANDLER": "lambdify.adapter.entry.handler",
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{settings.function.python}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": settings.full_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": settings.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": "rehearsal",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_REGION": region,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": str(root),
        "LD_LIBRARY_PATH": f"{root}:{root}/lib:{layers}/lib",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{layers}/bin",
    }


def placeholder(name: str) -> str:
    """Return a value that a variable of that name may have."""
    return next((value for part, value in PLACEHOLDERS if part in name.upper()), PLACEHOLDER)


def _forget_secrets(note: Path) -> None:
    said = json.loads(note.read_text(encoding="utf-8"))
    if said.pop("secrets", None):
        note.unlink()
        note.write_text(json.dumps(said), encoding="utf-8")


def _write(member: Member, root: Path) -> None:
    path = root / member.name
    if member.name.endswith("/"):
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(member.content)
    path.chmod(0o555 if member.executable else 0o444)


def _extract(path: Path, to: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        unpacked.extract(packed, to)


def _unpack_layer(target: Target, digest: str, extract: Callable[[Path], None]) -> Path:
    """Return the layer of that digest in the cache, where `extract` puts it if it is not there."""
    parent = folders.cache() / "unpacked"
    found = parent / f"{target.id}-{digest[:32]}"
    if found.is_dir():
        with suppress(OSError):  # it counts as used now
            os.utime(found)
        return found
    parent.mkdir(parents=True, exist_ok=True)
    for old in sorted(parent.iterdir(), key=lambda each: -each.stat().st_mtime)[LAYERS_KEPT - 1 :]:
        if old.stat().st_mtime < time.time() - KEPT_FOR:
            caches.remove(old)
    with TemporaryDirectory(dir=parent, prefix=f".{found.name}.") as fresh:
        extract(Path(fresh) / "opt")
        with suppress(OSError):  # another run was first
            (Path(fresh) / "opt").rename(found)
    return found
