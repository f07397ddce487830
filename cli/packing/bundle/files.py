"""Which files of the project are packed, and why the others are not.

Rules:
- ignore_rules.toml lists what is left out by name: junk, and secrets.
- A secret is packed only if [build] include names its exact path; nothing else brings it back, and the run
  lists it.
- .lambdifyignore, then [build] exclude, have gitignore's syntax and its last word: the last line that matches
  decides, and a `!` line brings junk back. https://git-scm.com/docs/gitignore
- A virtual environment is known by its pyvenv.cfg (PEP 405), whatever its name.
- A link is followed inside the project and never out of it; one that leads to a secret is one.
- A folder that is left out is not entered, so what lies in it is not listed.
- A folder of which nothing is packed is packed by itself: an app may count on it. Not so where a secret or a
  folder was left out of it, such as a __pycache__ that a removed package has left.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.errors import BundleRefused, SettingsError
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.bundle import ignore_rules
from lambdify.cli.packing.fingerprint import Stamp
from lambdify.cli.storage import folders

IGNORE_FILE = ".lambdifyignore"


@dataclass(frozen=True, kw_only=True)
class ProjectFile:
    """A file that is packed, or an empty folder."""

    name: str
    """Its name in the bundle: relative, with "/", in Unicode's composed form. A folder's ends in "/"."""
    path: Path
    stamp: Stamp
    executable: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return 0 if self.is_folder else self.stamp.size

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, without anything in it."""
        return self.name.endswith("/")


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file, or a folder with all that is in it (its path ends in "/"), that is not packed."""

    path: str
    reason: str
    secret: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A folder that was entered, and a word for everything that was in it; sorted."""

    path: Path
    entries: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the project gives to the bundle."""

    files: tuple[ProjectFile, ...]
    left_out: tuple[LeftOut, ...]
    listings: tuple[Listing, ...]


_Found = ProjectFile | LeftOut | Listing


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """What holds on a walk."""

    root: Path
    secret: ignore_rules.Filter
    junk: ignore_rules.Filter


def scan(root: Path, *, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Selection:
    """Walk the project: what is packed and what is left out, each sorted by name.

    Raises SettingsError for an `include` that names nothing, BundleRefused for a name no zip can hold.
    """
    root = root.resolve()
    own = {IGNORE_FILE: _ignore_lines(root), "[build] exclude": tuple(exclude)}
    strict = _Rules(
        root=root,
        secret=ignore_rules.secrets(),
        junk=ignore_rules.from_patterns(own, default=ignore_rules.junk()),
    )
    found = list(_folder(strict, root, "", frozenset()))
    included = [path.strip() for path in include]
    for path in included:
        found += _included(strict, path)
    packed = _by_distinct_name(item for item in found if isinstance(item, ProjectFile))
    brought_back = {name for path in included for name in (path.rstrip("/"), f"{path.rstrip('/')}/")}
    left_out = {item.path: item for item in found if isinstance(item, LeftOut)}
    return Selection(
        files=tuple(packed[name] for name in sorted(packed)),
        left_out=tuple(left_out[path] for path in sorted(left_out) if path not in brought_back),
        listings=tuple(item for item in found if isinstance(item, Listing)),
    )


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Say which file of the project cannot be read, where one cannot."""
    try:
        yield
    except OSError as error:
        raise BundleRefused(
            f"{name} cannot be read: {error.strerror or error}.",
            hint=f"Make it readable, or leave it out by a line in {IGNORE_FILE}.",
        ) from error


def _folder(rules: _Rules, path: Path, prefix: str, above: frozenset[Path]) -> Iterator[_Found]:
    """What is in one folder; `above` are the folders on the way here, since links can go in circles."""
    above |= {path.resolve()}
    with readable(prefix or "The project's folder"), os.scandir(path) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    # Ours is no part of the project that there would be anything to say about.
    listed = [entry for entry in listed if prefix + entry.name != folders.WORKSPACE]
    yield Listing(path=path, entries=tuple(sorted(map(fingerprint.describe_entry, listed))))
    found = [item for entry in listed for item in _entry(rules, entry, prefix, above)]
    yield from found
    bare = not any(isinstance(item, ProjectFile) or _shows_use(item) for item in found)
    if bare and prefix:
        yield _project_file(path, prefix)


def _entry(rules: _Rules, entry: "os.DirEntry[str]", prefix: str, above: frozenset[Path]) -> Iterator[_Found]:
    """One thing in a folder, and all that is in it."""
    path, name = Path(entry.path), prefix + entry.name
    if entry.is_symlink() and (reason := _bad_link(rules.root, path, above)):
        yield LeftOut(path=name, reason=reason)
    elif entry.is_dir():
        verdict = _find_exclusion(rules, path, f"{name}/")
        yield from [verdict] if verdict else _folder(rules, path, f"{name}/", above)
    elif entry.is_file():
        yield _find_exclusion(rules, path, name) or _project_file(path, name)


def _shows_use(item: _Found) -> bool:
    """Whether what is left out says that its folder is no empty one."""
    return isinstance(item, LeftOut) and (
        item.secret or item.path.endswith("/") or item.reason == ignore_rules.OWN_FILES
    )


def _find_exclusion(rules: _Rules, path: Path, name: str) -> LeftOut | None:
    """Why one path is left out, if it is."""
    leads_to = f"{path.resolve().relative_to(rules.root).as_posix()}/" if path.is_symlink() else ""
    if reason := rules.secret(name) or rules.secret(leads_to if name.endswith("/") else leads_to[:-1]):
        return LeftOut(path=name, reason=reason, secret=True)
    reason = rules.junk(name)
    if not reason and name.endswith("/") and fingerprint.is_environment(str(path)):
        reason = "a virtual environment"
    return LeftOut(path=name, reason=reason) if reason else None


def _bad_link(root: Path, path: Path, above: frozenset[Path]) -> str:
    """Why a link is not followed; "" if it is."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not target.is_relative_to(root):
        return "a link out of the project"
    return "a link to a folder it lies in" if target in above else ""


def _project_file(path: Path, name: str) -> ProjectFile:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BundleRefused(
            f"The name {os.fsencode(name)!r} is not UTF-8, which is all that a zip for Lambda can hold.",
            hint="Rename the file, or put its folder into .lambdifyignore.",
        ) from None
    with readable(name):
        status = path.stat()
    return ProjectFile(
        # macOS hands out decomposed names, and Lambda's Linux compares bytes.
        name=unicodedata.normalize("NFC", name),
        path=path,
        stamp=fingerprint.stamp(status),
        executable=bool(status.st_mode & 0o100) and not name.endswith("/"),
    )


def _included(strict: _Rules, wanted: str) -> Iterator[_Found]:
    """What one entry of [build] include brings back: a file, or a folder without its secrets and junk."""
    path = strict.root / wanted
    inside = path.resolve().is_relative_to(strict.root)
    if not wanted or not inside or not path.exists():
        where = "is not in the project" if inside else "lies outside of the project"
        raise SettingsError(
            f'[build] include names "{wanted}", which {where}.',
            hint="It takes exact paths, relative to the project's folder, and no patterns.",
        )
    name = Path(os.path.normpath(path)).relative_to(strict.root).as_posix()
    if path.is_dir():
        lenient = _Rules(root=strict.root, secret=strict.secret, junk=ignore_rules.junk())
        yield from _folder(lenient, path, f"{name}/", frozenset())
    else:
        yield _project_file(path, name)


def _by_distinct_name(files: Iterable[ProjectFile]) -> dict[str, ProjectFile]:
    packed: dict[str, ProjectFile] = {}
    for file in files:
        if packed.setdefault(file.name, file).path != file.path:
            raise BundleRefused(
                f"Two files would be {file.name} in the bundle: their names differ in their encoding only.",
                hint="Rename one of them.",
            )
    return packed


def _ignore_lines(root: Path) -> tuple[str, ...]:
    own = root / IGNORE_FILE
    if not own.is_file():
        return ()
    try:
        with readable(IGNORE_FILE):
            return tuple(own.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise BundleRefused(f"{IGNORE_FILE} is not UTF-8.", hint="Save it as UTF-8.") from error
