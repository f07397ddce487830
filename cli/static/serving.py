"""The files that lambdify serves: their list, the adapter's table, and what bundle and CDN get for them.

    the app's answer and [static.folders] ─▶ StaticFiles ─┬▶ before the app: a table, files, and zipped copies
                                                          └▶ a CDN: a Publication

Rules:
- What the app says is served if the settings say so, or if nobody else would serve it. What WhiteNoise serves
  is packed where it looks, and is in no table.
- A file with the name of a secret is never served, nor one whose name, or a folder of it, begins with a dot.
- A response of a function has its limits. A file beyond them is an error where the settings name it, and left
  out with a warning where the app alone does.
- A name that stays while the file changes has no hash.
- A CDN gets all files but pages: those of a built front end are in the function, so that a part of the
  traffic has the page of its own version, and the app's own are the app's.
"""

import gzip
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from lambdify.cli.console import Console
from lambdify.cli.errors import BundleRefused, SettingsError
from lambdify.cli.formatting import size
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.static import allowed_hosts, asking, content_types, files, hashes, publication
from lambdify.cli.static import kept as records
from lambdify.cli.static.answer import Answer, Ask, Source, Subject
from lambdify.cli.static.asking import uses_cdn
from lambdify.cli.static.files import INDEX, StaticFile
from lambdify.cli.static.kept import Kept
from lambdify.cli.static.publication import Publication

if TYPE_CHECKING:
    from lambdify.cli.settings import Settings

TABLE = ".lambdify/files.json"
"""The table that adapter/files.py reads."""
ZIPPED = ".lambdify/gzip"
STATIC = "static files"
"""The part of the bundle that they are."""
LEVEL = 9
MANIFEST = "/staticfiles.json"
"""Django looks names up there, whoever serves the files."""
LARGEST, LARGEST_OF_ALB, LARGEST_STREAMED = 4_400_000, 700_000, 200_000_000
"""Bytes of a file: what fits into 6 MB of a response as base64, and into 1 MB at a load balancer.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What is served, and what the app's zip gets for it."""

    files: tuple[StaticFile, ...] = ()
    entries: tuple[Entry, ...] = ()
    contents: tuple[tuple[str, bool, str], ...] = ()
    """Name, mode and digest of each entry that is not made of others."""
    publication: Publication | None = None
    """What a CDN serves; None for nothing."""
    published: Mapping[str, bytes] = field(default_factory=dict)
    """The contents of its files, by digest."""
    secrets: tuple[tuple[str, str], ...] = ()
    """Files that are left out as secrets, with reasons."""
    signed: str = ""
    """What an answer of the app depends on besides the project; "" if it was not asked."""
    settled: bool = True
    """Whether there is nothing to be asked again at the next run."""

    @property
    def static(self) -> tuple[tuple[object, Callable[[], tuple[Entry, ...]]], ...]:
        """What the zip of the files of a CDN is made from, and what makes it; () for none."""
        found = self.publication
        if found is None:
            return ()
        return (((publication.FORMAT, found.text), lambda: publication.pack(found, self.published)),)

    @property
    def owners(self) -> dict[str, str]:
        """What the files are weighed as, by name: those that are served, and what is there for them."""
        names = (*(file.name for file in self.files), *(entry.name for entry in self.entries))
        return dict.fromkeys(names, STATIC)

    def add_to(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Return the entries of the app's zip, sorted by name; these replace others of the same name."""
        named = {entry.name: entry for entry in (*entries, *self.entries)}
        return tuple(named[name] for name in sorted(named))


def without_cdn(settings: "Settings") -> "Settings":
    """Return the settings for a place where there is no CDN: lambdify, or the app, serves the files there."""
    serve = "function" if settings.static.serve == "cdn" else settings.static.serve
    static, http = replace(settings.static, serve=serve), replace(settings.http, cdn=False)
    return replace(settings, static=static, http=http)


class _Folder(NamedTuple):
    """Files of the bundle in one folder, and where they are served."""

    source: Source
    chosen: bool
    """Whether the settings name it, or all that the app says."""
    of_settings: bool = False


def serve(
    settings: "Settings",
    subject: Subject,
    ask: Ask | None,
    secret: Callable[[str], str],
    amend_note: Callable[[Sequence[Member], Mapping[str, str]], Member],
    console: Console,
    *,
    elsewhere_by_cdn: bool = False,
) -> Served:
    """Return what is served before the app; nothing for most apps, which are not asked then.

    `secret` returns the reason to leave a file out, `amend_note` the note for the adapter with
    more in it. `elsewhere_by_cdn`: what a response cannot hold is left out here, since a CDN serves it where
    the app is deployed. Raises StaticFilesUnknown, SettingsError, BundleRefused.
    """
    wanted = ask is not None and asking.is_wanted(settings, subject)
    if not (wanted or settings.static.folders or settings.static.fallback):
        return Served()
    known = asking.find(settings, subject, ask if wanted else None, console)
    secrets = {name: reason for name in known.kept.given if (reason := secret(name))}
    given = {name: known.kept.entries[name] for name in known.kept.given if name not in secrets}
    bundle = _Bundle({member.name: member for member in subject.members}, given)
    folders = list(_folders(settings, known.kept.answer, console))
    placed = [
        (each, file)
        for each in folders
        for file in _list(each, bundle, settings, console, by_cdn=elsewhere_by_cdn)
    ]
    listed = {file.path: file for _, file in placed}
    by_cdn = {file.path: _is_for_cdn(file, folder, settings) for folder, file in placed}
    judged = _judge_hashes(listed, known.kept, settings, console)
    at_cdn = {path: file for path, file in judged.items() if by_cdn[path]}
    found = {path: file for path, file in judged.items() if not by_cdn[path]}
    published = _publish(at_cdn, found, folders, bundle)
    zipped = _zip(found.values(), known.kept, bundle)
    table = Member(TABLE, _write_table(found, zipped, settings))
    told = {**({"files": TABLE} if found else {}), **({"static": published.digest} if published else {})}
    notes = (*((table,) if found else ()), amend_note(subject.members, told))
    if uses_cdn(settings):
        given = {name: entry for name, entry in given.items() if name.endswith(MANIFEST)}
    digests = [(name, False, known.kept.given[name]) for name in given]
    _keep(settings, known, judged, listed, zipped)
    _tell(settings, known, given, published, found, console)
    return Served(
        files=tuple(found.values()),
        entries=(*given.values(), *zipped.values(), *(archive.deflate(notes) if told else ())),
        contents=(*digests, *(archive.describe(notes) if told else ())),
        publication=published,
        published={file.sha256: bundle.content(file.name) for file in at_cdn.values()},
        secrets=tuple(secrets.items()),
        signed=asking.sign_variables(settings) if known.kept.signed else "",
        settled=known.settled,
    )


def _tell(
    settings: "Settings",
    known: asking.Known,
    given: Mapping[str, Entry],
    published: Publication | None,
    found: Mapping[str, StaticFile],
    console: Console,
) -> None:
    """Note how many files there are, and who serves them; warn if there are none."""
    if known.kept.answer.served_by and given and settings.static.serve != "function" and not published:
        total = size(sum(entry.unzipped for entry in given.values()))
        console.note(f"Static files collected for {known.kept.answer.served_by}: {len(given):,}, {total}.")
    if said := allowed_hosts.caution(known.kept.answer.hosts, *_find_hosts(settings)):
        console.warn(said)
    if published:
        total = size(sum(file.size for file in published.files))
        console.note(f"Static files that the CDN serves: {len(published.files):,}, {total}.")
    if found:
        total = size(sum(file.size for file in found.values()))
        console.note(f"Static files that lambdify serves: {len(found):,}, {total}.")
    elif not published and not settings.static.folders and settings.static.serve in ("function", "cdn"):
        console.warn(
            "The app has no static files that lambdify knows of: name their folders in [static.folders]."
        )


def _find_hosts(settings: "Settings") -> tuple[str, ...]:
    """Return the hosts by which visitors come to the app: other names lead to the first before that."""
    names = settings.domain.names
    if names:
        return (names[0], *(name for name in names[1:] if name.startswith("*.")))
    return (allowed_hosts.OF_CDN,) if settings.http.cdn else ()


class _Bundle(NamedTuple):
    """The files that the bundle will have: the project's, and those that the app has given."""

    own: Mapping[str, Member]
    given: Mapping[str, Entry]

    def names(self, source: Source) -> list[str]:
        """Return the names of a source's files, below its folder."""
        folder = f"{source.folder}/" if source.folder != "." else ""
        names = self.own if source.own else self.given
        return [
            name.removeprefix(folder) for name in names if name.startswith(folder) and not name.endswith("/")
        ]

    def content(self, name: str) -> bytes:
        """Return the content of a file."""
        given = self.given.get(name)
        return archive.inflate(given) if given else self.own[name].content


def _folders(settings: "Settings", answer: Answer, console: Console) -> Iterator[_Folder]:
    """Yield the folders that are served, those that win over the others last."""
    everything = settings.static.serve == "function"
    if (everything or uses_cdn(settings)) and answer.elsewhere:
        console.note(answer.elsewhere)
    if everything or uses_cdn(settings) or (settings.static.serve == "auto" and not answer.served_by):
        yield from (_Folder(source, everything) for source in answer.sources)
    for url, folder in settings.static.folders.items():
        yield _Folder(
            Source(url=f"{url}/", folder=folder, own=True, pages=True), chosen=True, of_settings=True
        )


def _is_for_cdn(file: StaticFile, folder: _Folder, settings: "Settings") -> bool:
    return uses_cdn(settings) and not (file.is_page and folder.source.pages)


def _publish(
    files: Mapping[str, StaticFile], pages: Collection[str], folders: Iterable[_Folder], bundle: _Bundle
) -> Publication | None:
    """Return what a CDN serves; None for nothing. `pages` are the paths that the function has."""
    if not files:
        return None
    whole = [each.source.url for each in folders if not each.source.pages]
    described = (publication.describe(each, bundle.content(each.name)) for each in files.values())
    return Publication(
        paths=publication.find_paths(files, whole, pages),
        files=tuple(sorted(described, key=lambda each: each.name)),
    )


def _list(
    folder: _Folder, bundle: _Bundle, settings: "Settings", console: Console, *, by_cdn: bool
) -> Iterator[StaticFile]:
    """Yield the files of a folder. Raises SettingsError if it has none, BundleRefused for one too big.

    `by_cdn`: where the app is deployed, a CDN serves what is too big.
    """
    source = folder.source
    names = bundle.names(source)
    if not names and source.own and folder.chosen:
        raise SettingsError(
            f"[static.folders]: {source.folder} has no files that are packed.",
            hint="Build the front end before, such as by `npm run build`. What .lambdifyignore or [build] "
            "exclude leaves out is not served.",
        )
    prefix = f"{source.folder}/" if source.folder != "." else ""
    manifests = {name: bundle.content(prefix + name) for name in names if name in hashes.VITE}
    known = {*source.hashed, *hashes.read_vite(manifests)}
    for name in names:
        if files.is_hidden(name):
            continue
        path = source.url + name
        content = bundle.content(prefix + name)
        shown = (name, path.lstrip("/"))
        hashed = name in known or hashes.is_hashed(name) or hashes.matches(shown, settings.static.immutable)
        file = files.describe(path, prefix + name, content, hashed=hashed)
        if _is_for_cdn(file, folder, settings):
            yield file
            continue
        if uses_cdn(settings) and not folder.of_settings:
            continue  # the app has its pages itself
        if not _fits(file, content, settings):
            _refuse(file, settings, console, chosen=folder.chosen, by_cdn=by_cdn)
            continue
        yield file
        if source.pages and PurePosixPath(name).name == INDEX:
            yield replace(file, path=file.path.removesuffix(INDEX))


def _fits(file: StaticFile, content: bytes, settings: "Settings") -> bool:
    """Return whether a response can hold the file, zipped or not."""
    limit = _limit(settings)
    return file.size <= limit or (
        content_types.pays_to_zip(file.name, file.size) and len(gzip.compress(content, LEVEL)) <= limit
    )


def _limit(settings: "Settings") -> int:
    if settings.http.streaming:
        return LARGEST_STREAMED
    return LARGEST_OF_ALB if settings.http.endpoint == "alb" else LARGEST


def _refuse(file: StaticFile, settings: "Settings", console: Console, *, chosen: bool, by_cdn: bool) -> None:
    """Warn of a file that is too big; raise BundleRefused if the settings want it served here."""
    message = f"{PurePosixPath(file.name).name} ({size(file.size)}) is too big for a function's response"
    if by_cdn:
        console.note(f"{message}, and not served here; the CDN serves it.")
        return
    elsewhere = "put it into a bucket, and link to it there"
    if settings.http.cdn:
        way = (
            "A CDN serves it unless it is a page; set [http] streaming = true, with an endpoint that streams."
        )
    elif settings.http.endpoint != "alb":
        way = f"Set [http] cdn = true; or {elsewhere}."
    else:
        way = f"{elsewhere.capitalize()}; or set another [http] endpoint, and cdn = true."
    hint = f"It takes {size(_limit(settings))}. {way}"
    if chosen:
        raise BundleRefused(f"{message}.", hint=hint)
    console.warn(f"{message}, and is not served. {hint}")


def _judge_hashes(
    listed: Mapping[str, StaticFile], kept: Kept, settings: "Settings", console: Console
) -> dict[str, StaticFile]:
    """Return the files; one that has changed under its name has no hash. Raises BundleRefused."""
    found = dict(listed)
    for path, file in listed.items():
        before = kept.hashed.get(path, file.sha256) if file.hashed else file.sha256
        if before == file.sha256:
            continue
        found[path] = replace(file, hashed=False)
        shown = path.lstrip("/")
        if hashes.matches((shown, PurePosixPath(file.name).name), settings.static.immutable) and before:
            raise BundleRefused(
                f"{shown} has changed and kept its name.",
                hint="Browsers keep it for a year: leave it out of immutable.",
            )
        if before:
            console.warn(
                f"{shown} has changed and kept its name, which only looks as if it had a hash. Browsers that "
                "have it keep it for a year, others ask each time from now on."
            )
    return found


def _zip(found: Iterable[StaticFile], kept: Kept, bundle: _Bundle) -> dict[str, Entry]:
    """Return the zipped copies of files that are worth one, by name."""
    wanted = {
        f"{ZIPPED}/{file.tag}.gz": file for file in found if content_types.pays_to_zip(file.name, file.size)
    }
    missing = [(name, bundle.content(file.name)) for name, file in wanted.items() if name not in kept.entries]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        made = threads.map(lambda each: Member(each[0], gzip.compress(each[1], LEVEL, mtime=0)), missing)
    fresh = {each.name: archive.deflate_one(each) for each in made}
    return {name: fresh.get(name) or kept.entries[name] for name in wanted}


def _write_table(found: Mapping[str, StaticFile], zipped: Mapping[str, Entry], settings: "Settings") -> bytes:
    """Return the table as the adapter reads it. Raises SettingsError if there is no fallback page in it."""
    fallback = settings.static.fallback
    page = f"/{quote(fallback, safe=files.SAFE)}" if fallback else ""
    if page and page not in found:
        pages = [path.lstrip("/") for path in sorted(found) if path.endswith(f"/{PurePosixPath(page).name}")]
        raise SettingsError(
            f'[static] fallback: there is no "{fallback}" among the static files.',
            hint=f'There is "{pages[0]}".'
            if pages
            else 'Name the folder that has it: [static.folders], and "/" = "frontend/dist" below it.',
        )
    rows = {}
    for path, file in sorted(found.items()):
        copy = f"{ZIPPED}/{file.tag}.gz"
        rows[path] = [file.name, file.tag, file.type, file.cache_control, copy if copy in zipped else ""]
    return json.dumps({"files": rows, "fallback": page}, ensure_ascii=False).encode()


def _keep(
    settings: "Settings",
    known: asking.Known,
    found: Mapping[str, StaticFile],
    listed: Mapping[str, StaticFile],
    zipped: Mapping[str, Entry],
) -> None:
    """Keep the answer and the zipped copies for the next build, if they are not the last one's."""
    hashed = {path: file.sha256 if found[path].hashed else "" for path, file in listed.items() if file.hashed}
    needed = {*known.kept.given, *zipped}
    entries = {name: entry for name, entry in {**known.kept.entries, **zipped}.items() if name in needed}
    kept = replace(known.kept, hashed=hashed, entries=entries)
    if known.fresh or kept.hashed != known.kept.hashed or entries.keys() != known.kept.entries.keys():
        records.store(settings.root, settings.stage, kept)
