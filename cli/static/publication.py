"""What of a release's files a CDN serves, and at which paths: a value, and a zip of it with the files.

    files ─▶ Publication ─▶ static-DIGEST.zip: publication.json, and each content under its digest

Rules:
- The paths are what the CDN asks for files; all others are the app's. A folder with a page of the function in
  it is no such path, nor is the whole site.
- A name that changes with its content is `lasting`: it is put once. Any other is one release's.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote

from lambdify.cli.errors import BundleRefused
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member
from lambdify.cli.static.files import PUBLIC, SAFE, StaticFile

NAME = "publication.json"
FORMAT = 1
"""The version of the zip; increase it when the same publication gives another one."""
MOST_PATHS = 75
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""
_NO_PATTERN = re.compile(r"[^A-Za-z0-9_.$/~\"'@:+&-]")
"""What a path pattern cannot have; "?" stands for one character.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html"""


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file as the bucket has it."""

    name: str
    """Its path without the slash at the beginning, not encoded."""
    sha256: str
    md5: str
    """What S3 calls its ETag."""
    size: int
    type: str
    cache_control: str
    lasting: bool


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The files of a release that a CDN serves."""

    paths: tuple[str, ...]
    """Path patterns, the longest first."""
    files: tuple[PublishedFile, ...]

    @cached_property
    def text(self) -> str:
        """The publication as JSON."""
        return json.dumps({"paths": self.paths, "files": [vars(each) for each in self.files]})

    @property
    def digest(self) -> str:
        """What its name is made of: another one whenever anything in it is another one."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def passing(self) -> tuple[PublishedFile, ...]:
        """The files that another release may have under the same name."""
        return tuple(each for each in self.files if not each.lasting)


def describe(file: StaticFile, content: bytes) -> PublishedFile:
    """Return the file as the bucket is to have it."""
    return PublishedFile(
        name=unquote(file.path).lstrip("/"),
        sha256=file.sha256,
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        size=file.size,
        type=file.type,
        cache_control=file.cache_control,
        lasting=file.lasting,
    )


def find_paths(files: Collection[str], whole: Iterable[str], pages: Collection[str]) -> tuple[str, ...]:
    """Return the path patterns for these encoded paths.

    Everything below the paths of `whole` is files; elsewhere a folder is that has none of the `pages`, which
    the function has. Raises BundleRefused for more than a distribution takes.
    """
    roots = tuple(quote(each, safe=SAFE) for each in whole if each != "/")
    rest = [each for each in files if not each.startswith(roots)]
    found = {f"{_pattern(each)}*" for each in roots if any(file.startswith(each) for file in files)}
    found |= set(_cover("/", rest, pages))
    if len(found) > MOST_PATHS:
        raise BundleRefused(
            f"The static files lie at {len(found)} paths; CloudFront tells {MOST_PATHS} from the app's.",
            hint="Put files into folders.",
        )
    return tuple(sorted(found, key=lambda each: (-len(each), each)))


def _cover(folder: str, files: Iterable[str], pages: Collection[str]) -> Iterator[str]:
    """Yield the patterns for files of a folder: of whole folders, where they have nothing else."""
    inner: dict[str, list[str]] = {}
    for file in files:
        name, slash, _ = file.removeprefix(folder).partition("/")
        inner.setdefault(f"{folder}{name}{slash}", []).append(file)
    for path, below in inner.items():
        if not path.endswith("/"):
            yield _pattern(path)
        elif path == f"/{PUBLIC}/" or any(page.startswith(path) for page in pages):
            yield from _cover(path, below, pages)
        else:
            yield f"{_pattern(path)}*"


def _pattern(path: str) -> str:
    return _NO_PATTERN.sub("?", path)


def pack(publication: Publication, contents: Mapping[str, bytes]) -> tuple[Entry, ...]:
    """Return the zip's entries; `contents` are by digest."""
    members = [Member(NAME, publication.text.encode())]
    members += [Member(digest, contents[digest]) for digest in sorted(contents)]
    return archive.deflate(members)


def read(text: bytes | str) -> Publication:
    """Return the publication that `text` gave."""
    said = json.loads(text)
    files = tuple(PublishedFile(**each) for each in said["files"])
    return Publication(paths=tuple(said["paths"]), files=files)


def unpack(path: Path) -> tuple[Publication, Mapping[str, Entry]]:
    """Return the publication of a zip, and the contents by digest. Raises BundleRefused if it is broken."""
    entries = {entry.name: entry for entry in archive.find(path) or ()}
    if NAME not in entries:
        raise BundleRefused(f"{path.name} is broken.", hint="Remove it: it is made anew.")
    return read(archive.inflate(entries[NAME])), entries
