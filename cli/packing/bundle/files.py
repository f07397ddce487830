"""The selection of the project's files: those that are packed, and the reasons why others are not.

Rules:
- ignore_rules.toml lists the names that are left out: junk, and secrets.
- A secret is packed only if [build] include names its exact path. Secrets that are left out are listed.
- .lambdifyignore and [build] exclude have gitignore's syntax, and are read in this order: the last line that
  matches decides, and a `!` line includes junk again. https://git-scm.com/docs/gitignore
- A virtual environment is detected by its pyvenv.cfg (PEP 405), whatever its name is.
- A link is followed if it leads to a path inside the project, or inside the git repository that the project
  is in. One that leads further is followed if [build] include names it. A link to a secret is a secret.
- A folder that is left out is not scanned, so its files are not listed.
- A folder without packed files is packed as an empty folder, since an app may need it. But it is not packed
  if a secret or a folder was left out of it, such as a __pycache__ of a removed package.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lambdify.cli.errors import BundleRefused, SettingsError
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.bundle import ignore_rules
from lambdify.cli.packing.fingerprint import Stamp
from lambdify.cli.storage import folders, links, texts

IGNORE_FILE = ".lambdifyignore"
ENVIRONMENT_FILE = "environment file"
"""The reason to leave out what [environment] file names, as of the usual names in ignore_rules.toml."""


@dataclass(frozen=True, kw_only=True)
class ProjectFile:
    """A file to pack, or an empty folder."""

    name: str
    """The name in the bundle: relative, with "/", in composed Unicode. A folder's name ends in "/"."""
    path: Path
    stamp: Stamp
    executable: bool

    @property
    def size(self) -> int:
        """The size in bytes."""
        return 0 if self.is_folder else self.stamp.size

    @property
    def is_folder(self) -> bool:
        """Whether it is an empty folder."""
        return self.name.endswith("/")


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file, or a folder with all its files (the path ends in "/"), that is not packed."""

    path: str
    reason: str
    secret: bool = False
    target: str = ""
    """What a link says that it leads to."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A scanned folder, and descriptions of its entries (see `fingerprint`), sorted."""

    path: Path
    entries: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The result of a scan."""

    files: tuple[ProjectFile, ...]
    left_out: tuple[LeftOut, ...]
    listings: tuple[Listing, ...]


_Found = ProjectFile | LeftOut | Listing


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """The filters of a scan; they return the reason to leave a path out, or ""."""

    root: Path
    within: tuple[Path, ...]
    """The folders that links may lead into."""
    secret: ignore_rules.Filter
    junk: ignore_rules.Filter


def scan(
    root: Path, *, include: Iterable[str] = (), exclude: Iterable[str] = (), environment_file: str = ""
) -> Selection:
    """Scan the project; return the files to pack and those that are left out, each sorted by name.

    `environment_file` is that of [environment] file, which is a secret whatever its name is. Raises
    SettingsError for an `include` that does not exist, BundleRefused for a file that cannot be packed.
    """
    root = root.resolve()
    own = {IGNORE_FILE: _ignore_lines(root), "[build] exclude": tuple(exclude)}
    strict = _Rules(
        root=root,
        within=(root, folders.repository(root)),
        secret=_secrets(environment_file),
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


def add_secrets(left_out: Sequence[LeftOut], secrets: Iterable[tuple[str, str]]) -> tuple[LeftOut, ...]:
    """Return what is left out, with other secrets; these are given as paths with reasons."""
    known = {item.path: item for item in left_out}
    known |= {path: LeftOut(path=path, reason=reason, secret=True) for path, reason in secrets}
    return tuple(known[path] for path in sorted(known))


def _secrets(environment_file: str) -> ignore_rules.Filter:
    """Return the filter for secrets, one of which is the environment file."""
    by_name = ignore_rules.secrets()
    own = os.path.normpath(environment_file) if environment_file else ""
    return lambda path: by_name(path) or (ENVIRONMENT_FILE if own and path == own else "")


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn an OSError in the block into a BundleRefused that names the file."""
    try:
        yield
    except OSError as error:
        raise BundleRefused(
            f"{name} cannot be read: {error.strerror or error}.",
            hint=f"Make it readable, or leave it out by a line in {IGNORE_FILE}.",
        ) from error


def _folder(rules: _Rules, path: Path, prefix: str, above: frozenset[Path]) -> Iterator[_Found]:
    """Yield the contents of a folder; `above` are its parents, since links can be circular."""
    above |= {path.resolve()}
    with readable(prefix or "The project's folder"), os.scandir(path) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    # Our own folder is not part of the project, so it is not reported as left out.
    listed = [entry for entry in listed if prefix + entry.name != folders.WORKSPACE]
    yield Listing(path=path, entries=tuple(sorted(map(fingerprint.describe_entry, listed))))
    found = [item for entry in listed for item in _entry(rules, entry, prefix, above)]
    yield from found
    bare = not any(isinstance(item, ProjectFile) or _shows_use(item) for item in found)
    if bare and prefix:
        yield _project_file(path, prefix)


def _entry(rules: _Rules, entry: "os.DirEntry[str]", prefix: str, above: frozenset[Path]) -> Iterator[_Found]:
    """Yield an entry of a folder, and its contents if it is a folder, too."""
    path, name = Path(entry.path), prefix + entry.name
    if entry.is_symlink() and (reason := links.refusal(path, rules.root, rules.within, above)):
        yield LeftOut(path=name, reason=reason, target=str(path.readlink()))
    elif entry.name == folders.WORKSPACE and entry.is_dir():
        yield LeftOut(path=f"{name}/", reason=ignore_rules.OWN_FILES)
    elif entry.is_dir():
        verdict = _find_exclusion(rules, path, f"{name}/")
        yield from [verdict] if verdict else _folder(rules, path, f"{name}/", above)
    elif entry.is_file():
        yield _find_exclusion(rules, path, name) or _project_file(path, name)


def _shows_use(item: _Found) -> bool:
    """Whether a left out item forbids to pack its folder as an empty one."""
    return isinstance(item, LeftOut) and (
        item.secret or item.path.endswith("/") or item.reason == ignore_rules.OWN_FILES
    )


def _find_exclusion(rules: _Rules, path: Path, name: str) -> LeftOut | None:
    """Return the path as left out, with the reason; None if it is packed."""
    leads_to = _describe_target(rules, path.resolve()) if path.is_symlink() else ""
    if reason := rules.secret(name) or rules.secret(leads_to if name.endswith("/") else leads_to[:-1]):
        return LeftOut(path=name, reason=reason, secret=True)
    reason = rules.junk(name)
    if not reason and leads_to and not path.resolve().is_relative_to(rules.root):
        # A link to the repository's .git/ is version control under another name.
        reason = ignore_rules.junk()(leads_to if name.endswith("/") else leads_to[:-1])
    if not reason and name.endswith("/") and fingerprint.is_environment(str(path)):
        reason = "a virtual environment"
    return LeftOut(path=name, reason=reason) if reason else None


def _describe_target(rules: _Rules, target: Path) -> str:
    """Return where a link leads, relative to the folder that it may lead into, with "/" behind it."""
    base = next((each for each in rules.within if target.is_relative_to(each)), Path(target.anchor))
    return f"{target.relative_to(base).as_posix()}/"


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
        # macOS may return decomposed names, and Linux compares names by bytes.
        name=unicodedata.normalize("NFC", name),
        path=path,
        stamp=fingerprint.stamp(status),
        executable=bool(status.st_mode & 0o100) and not name.endswith("/"),
    )


def _included(strict: _Rules, wanted: str) -> Iterator[_Found]:
    """Yield the file of an entry of [build] include, or the folder's files without secrets and junk."""
    path = strict.root / wanted
    inside = Path(os.path.normpath(path)).is_relative_to(strict.root)
    if not wanted or not inside or not path.exists():
        where = "is not in the project" if inside else "lies outside of the project"
        raise SettingsError(
            f'[build] include names "{wanted}", which {where}.',
            hint="It takes exact paths, relative to the project's folder, and no patterns.",
        )
    name = Path(os.path.normpath(path)).relative_to(strict.root).as_posix()
    target = path.resolve()
    _refuse_far_secret(strict, wanted, target)
    if path.is_dir():
        within = (*strict.within, target)
        lenient = replace(strict, within=within, junk=ignore_rules.junk())
        yield from _folder(lenient, path, f"{name}/", frozenset())
    else:
        yield _project_file(path, name)


def _refuse_far_secret(rules: _Rules, wanted: str, target: Path) -> None:
    """Raise SettingsError if [build] include names a link to a secret out of the project's repository.

    A project from elsewhere can bring such a link, and the settings that name it.
    """
    if any(target.is_relative_to(each) for each in rules.within):
        return
    name = target.as_posix().lstrip("/")
    if reason := rules.secret(f"{name}/") or rules.secret(name):
        raise SettingsError(
            f'[build] include names "{wanted}", a link to {target}, which is left out ({reason}).',
            hint="Copy what the app needs into the project.",
        )


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
            return tuple(texts.read(own).splitlines())
    except UnicodeDecodeError as error:
        raise BundleRefused(f"{IGNORE_FILE} is not UTF-8.", hint="Save it as UTF-8.") from error
