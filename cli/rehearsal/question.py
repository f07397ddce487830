"""An app that is not packed yet is asked for its static files, once it has started as in a rehearsal.

Nothing that it does can reach anybody, or be left behind: see start.py. Django's files are collected into a
folder that is gone afterwards, so its own STATIC_ROOT is not written to.
"""

import errno
import os
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from lambdify.cli.errors import StaticFilesUnknown
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import sizes
from lambdify.cli.packing.bundle.bundle import TASK_ROOT
from lambdify.cli.programs import pythons
from lambdify.cli.rehearsal import place as places
from lambdify.cli.rehearsal import start
from lambdify.cli.rehearsal.outcome import Outcome, Raised
from lambdify.cli.rehearsal.place import Place
from lambdify.cli.settings import Settings
from lambdify.cli.static import asking, worker
from lambdify.cli.static.answer import COLLECTED, Answer, Asked, Source, Subject
from lambdify.cli.storage import caches

WORKER = Path(worker.__file__)
MANIFEST = "staticfiles.json"
"""Django looks names up there: https://docs.djangoproject.com/en/stable/ref/contrib/staticfiles/"""
ZIPPED = (".gz", ".br")
"""Ends of copies that some storages of Django make beside a file, for WhiteNoise; the adapter has its own."""
TO_SET = "Declare it in [secrets], or set it in [static.environment]."
NOT_THERE_EITHER = "Lambda could not write there either: log to stdout, and write files below /tmp."
SQLITE_REFUSES = ("unable to open database file", "attempt to write a readonly database")
"""What SQLite says of a place that cannot be written to: its C code is refused by the kernel, unseen by us.
https://www.sqlite.org/rescode.html#cantopen"""
OF_SQLITE = (
    "Lambda could not write there either: put the database below /tmp, or open it when a request needs it. "
    "If a variable names its place, [static.environment] can set another one for this moment."
)
IN_PROJECT = 'Write STATIC_ROOT = BASE_DIR / "staticfiles"'
LEFT_TO_IT = '`serve = "app"` in [static] asks nothing, and leaves the files to the app.'
COLLECT_FIRST = (
    "Run `python manage.py collectstatic` before a deployment: what lies in STATIC_ROOT is packed. With "
    '`serve = "app"` in [static] this is no warning any more.'
)
"""What to do if WhiteNoise serves the files."""


def ask(
    settings: Settings,
    subject: Subject,
    *,
    limit: float = start.LIMIT,
    environ: Mapping[str, str] = os.environ,
) -> Asked:
    """Return what the app says of its static files. Raises StaticFilesUnknown, DiskFull, FileRefused."""
    serve = settings.static.serve
    otherwise = COLLECT_FIRST if serve != "function" and asking.names_server(subject) else LEFT_TO_IT
    layer = subject.make_layer() if subject.layer else ()
    names = [*(entry.name for entry in layer), *(member.name for member in subject.members)]
    if any(sizes.kind(name) == "native" for name in names) and (obstacle := subject.target.obstacle()):
        raise _unknown(obstacle, otherwise)
    minor = subject.target.python
    python = pythons.find_interpreter(minor, environ)
    if python is None:
        reason = f"this machine has no Python {minor}; `uv python install {minor}` changes that"
        raise _unknown(reason, otherwise)
    given = settings.static.environment
    known = {name: place for name, place in settings.secrets.items() if name not in given}
    asked = replace(settings, environment={**settings.environment, **given}, secrets=known)
    with caches.in_use(), places.lay_out(subject) as place:
        outcome, said = start.run(place, asked, python, limit=limit, question=WORKER)
        if not said:
            raise _unknown(*_explain(outcome, otherwise))
        return _read(said, place, serve)


def _unknown(reason: str, hint: str) -> StaticFilesUnknown:
    return StaticFilesUnknown(f"The app could not be asked for its static files: {reason}.", hint=hint)


def _explain(outcome: Outcome, otherwise: str) -> tuple[str, str]:
    """Return why there is no answer, and what to do: `otherwise` where nothing else helps."""
    raised = outcome.raised
    if raised is None:
        return outcome.reason or "it said nothing", otherwise
    written = next((each for each in outcome.blocked if each.what == "write"), None)
    read_only = any(each.fields.get("errno") == str(errno.EROFS) for each in raised.chain())
    if written and read_only:
        return f"it writes to {written.target.removeprefix(f'{TASK_ROOT}/')}", NOT_THERE_EITHER
    said = _summarize(raised)
    if missing := [name for name in outcome.unset if _misses(raised, name)]:
        named = "" if any(name in said for name in missing) else f" ({missing[-1]} is not set)"
        return said + named, TO_SET
    if outcome.kind == "untold":
        return outcome.reason, TO_SET if "secret" in outcome.reason else otherwise
    if raised.cause and raised.cause.message not in said:
        said += f" ({_summarize(raised.cause)})"
    if any(text in each.message for each in raised.chain() for text in SQLITE_REFUSES):
        return said, OF_SQLITE
    return said, IN_PROJECT if "STATIC_ROOT" in said else ""


def _summarize(raised: Raised) -> str:
    """Return an exception on one line, without a full stop."""
    return f"{raised.name}: {raised.message}".splitlines()[0].partition(" with <")[0].rstrip(".")


def _misses(raised: Raised, name: str) -> bool:
    """Whether an exception, or one before it, tells of a variable, or of None on a line that reads it."""
    for each in raised.chain():
        line = each.own_frame.source if each.own_frame and "None" in each.message else ""
        if name.lower() in each.message.lower() or name in line:
            return True
    return False


def _read(said: Mapping[str, Any], place: Place, serve: str) -> Asked:
    """Return what was said; the files that the bundle gets depend on who is to serve them."""
    django = said["django"]
    read = [_inside(each, place.task_root) for each in said["read"]]
    answer = Answer(
        read=tuple(each for each in read if not f"{each}/".startswith((".lambdify/", "lambdify/"))),
        hosts=tuple(said["hosts"]),
    )
    sources, files = [], list[Member]()
    if django:
        server = _find_server(django, place)
        by_app = bool(server) and serve != "function"
        answer = replace(answer, served_by=server, elsewhere=_elsewhere(django, by_app=by_app))
        if not answer.elsewhere and (server or serve != "app"):
            source, collected = _read_django(django, place, by_app=by_app)
            sources.append(source)
            files += collected
    mounts = said["mounts"] if serve != "app" and not (answer.served_by and serve == "auto") else ()
    for number, (url, folder, pages) in enumerate(mounts):
        below = _inside(folder, place.task_root)
        if below:
            sources.append(Source(url=url, folder=below, own=True, pages=pages))
        elif _is_below(folder, place.layers):
            inner = f"{COLLECTED}/{number}"
            sources.append(Source(url=url, folder=inner, pages=pages))
            files += _files(Path(folder), inner)
    ran = {_inside(file, place.task_root): places for file, places in said["ran"].items()}
    own = {name: frozenset((line, of) for line, of in ran[name]) for name in answer.read if name in ran}
    return Asked(replace(answer, sources=tuple(sources)), tuple(files), own)


def _inside(path: str, root: Path) -> str:
    """Return a path below the app's folder, relative to it; "" for that folder, and any other."""
    return PurePosixPath(path).relative_to(root).as_posix() if path.startswith(f"{root}/") else ""


def _is_below(folder: str, root: Path) -> bool:
    """Return whether a folder is below another one, links or not."""
    return Path(folder).resolve().is_relative_to(root.resolve())


def _find_server(django: Mapping[str, Any], place: Place) -> str:
    """Return what of the app serves Django's files; "" if nothing does, or it will not find them."""
    finds = django["finders"] or _inside(_root(django, place), place.task_root)
    known = [worker.SERVERS[each] for each in django["packages"] if each in worker.SERVERS]
    return known[0] if known and finds else ""


def _root(django: Mapping[str, Any], place: Place) -> str:
    """Return STATIC_ROOT as an absolute path; "" if it is not set."""
    return os.path.normpath(place.task_root / django["root"]) if django["root"] else ""


def _elsewhere(django: Mapping[str, Any], *, by_app: bool) -> str:
    if not django["local"]:
        return f"{django['storage']} keeps Django's static files, and not the bundle."
    if "//" in django["url"] and not by_app:
        return f"Django's static files are at {django['url']}, and not in the bundle."
    return ""


def _read_django(django: Mapping[str, Any], place: Place, *, by_app: bool) -> tuple[Source, list[Member]]:
    """Return Django's files, in its STATIC_ROOT where that is in the project. Raises StaticFilesUnknown.

    `by_app`: those that WhiteNoise needs. It serves the copies that its storage has zipped, too; what it
    looks for in the folders of apps is there.
    """
    collected = place.tmp / worker.FOLDER
    root = _root(django, place)
    folder = _inside(root, place.task_root) or f"{COLLECTED}/django"
    if root and folder.startswith(COLLECTED) and (collected / MANIFEST).is_file():
        beside = root.startswith(f"{place.task_root.parent}/")
        shown = os.path.relpath(root, place.task_root) if beside else root
        raise StaticFilesUnknown(
            f"STATIC_ROOT is {shown}, outside of the project.",
            hint=f"The app looks for {MANIFEST} there. {IN_PROJECT}",
        )
    files = _files(collected, folder) if _is_below(str(collected), place.tmp) else []
    names = {each.name for each in files}
    if by_app and django["finders"] and f"{folder}/{MANIFEST}" not in names:
        files = []
    if not by_app:
        files = [each for each in files if not (each.name.endswith(ZIPPED) and each.name[:-3] in names)]
    return Source(url=django["url"], folder=folder, hashed=tuple(django["hashed"])), files


def _files(folder: Path, inner: str) -> list[Member]:
    """Return the files of a folder, under their names in the bundle.

    The app's code has written there, perhaps: no link is followed, which could lead to what it may not read.
    """
    found: list[Member] = []
    for place, below, names in os.walk(folder):
        below.sort()
        for path in (Path(place, name) for name in sorted(names)):
            if stat.S_ISREG(path.lstat().st_mode):
                name = f"{inner}/{path.relative_to(folder).as_posix()}"
                found.append(Member(unicodedata.normalize("NFC", name), path.read_bytes()))
    return found
