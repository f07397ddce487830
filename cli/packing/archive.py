"""Zips for Lambda, whose bytes depend only on their content.

The machine's umask, clock, folder and order of files have no influence. Every member has a date made from its
content, and mode 0644 or 0755 (Lambda's user has to be able to read what root unpacks). Only an empty folder
has a member of its own. Names are composed Unicode, marked as UTF-8.

The standard library's zipfile reads our zips, but cannot write them: it deflates one member after the other,
and cannot take a member that is deflated already. This module deflates members in threads (zlib releases the
GIL), and copies deflated members from an earlier zip or from a wheel.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import hashlib
import io
import os
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lambdify.cli.errors import BundleRefused

LEVEL = 6
"""Level 9 makes zips 1 % smaller and takes three times as long."""
LEVEL_OF_BYTECODE = 4
"""Level 6 makes it 2 % smaller and takes half as long again."""
STORED = frozenset(
    {".br", ".bz2", ".gif", ".gz", ".jpeg", ".jpg", ".mp4", ".png", ".webp", ".woff", ".woff2"}
)
"""Suffixes of files that are compressed already, and are stored."""
MAX_MEMBERS = 65_535
MAX_SIZE = 2**32 - 1
"""A larger zip needs the Zip64 extension. Lambda's own limits are far lower."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_FILE, _EXECUTABLE, _FOLDER = 0o100644 << 16, 0o100755 << 16, 0o040755 << 16 | 0x10
"""Unix modes; the folder's has MS-DOS's attribute, too."""
_VERSION = 20
_MADE_ON_UNIX = 3 << 8 | _VERSION
_UTF8 = 1 << 11


class Member(NamedTuple):
    """A file to pack, or an empty folder, whose name ends in "/"."""

    name: str
    content: bytes
    executable: bool = False


class Entry(NamedTuple):
    """A file as a zip stores it."""

    name: str
    data: bytes | memoryview
    """Deflated or not."""
    deflated: bool
    executable: bool
    crc: int
    unzipped: int

    @property
    def zipped(self) -> int:
        """The bytes that it takes in a zip, including both of its headers."""
        return _LOCAL.size + _CENTRAL.size + 2 * len(self.name.encode()) + len(self.data)


def deflate(members: Iterable[Member]) -> tuple[Entry, ...]:
    """Return the members as a zip stores them, in the same order."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return tuple(threads.map(deflate_one, members))


def deflate_stored(entry: Entry) -> Entry:
    """Return the entry, deflated if it is stored but compressible: some wheels are not compressed."""
    if entry.deflated or PurePosixPath(entry.name).suffix.lower() in STORED:
        return entry
    return deflate_one(Member(entry.name, bytes(entry.data), entry.executable))


def deflate_one(member: Member, level: int = LEVEL) -> Entry:
    """Return the member as a zip stores it."""
    name = unicodedata.normalize("NFC", member.name)
    data, deflated = member.content, False
    if PurePosixPath(name).suffix.lower() not in STORED:
        # A negative number leaves out zlib's header, as the zip format wants it.
        deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        smaller = deflater.compress(member.content) + deflater.flush()
        if len(smaller) < len(data):
            data, deflated = smaller, True
    return Entry(name, data, deflated, member.executable, zlib.crc32(member.content), len(member.content))


def describe(members: Iterable[Member]) -> list[tuple[str, bool, str]]:
    """Return name, mode and digest of each member, which say all that a zip of them depends on."""
    return [(each.name, each.executable, hashlib.sha256(each.content).hexdigest()) for each in members]


def rename(entry: Entry, name: str, *, executable: bool) -> Entry:
    """Return the entry with another name and mode."""
    return entry._replace(name=unicodedata.normalize("NFC", name), executable=executable)


def inflate(entry: Entry) -> bytes:
    """Return the file's content. Raises zlib.error for broken data."""
    return zlib.decompress(entry.data, -zlib.MAX_WBITS) if entry.deflated else bytes(entry.data)


def write(path: Path, entries: Sequence[Entry]) -> None:
    """Write a zip atomically. Raises BundleRefused if it would be too large for the plain format."""
    central, at = [], 0
    # The name is there before the file: a Ctrl-C between making a file and learning its name would leave it.
    unfinished = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with unfinished.open("xb") as file:
            for entry in entries:
                name = entry.name.encode()
                method = zipfile.ZIP_DEFLATED if entry.deflated else zipfile.ZIP_STORED
                sizes = (len(entry.data), entry.unzipped, len(name), 0)
                facts = (_UTF8, method, *_date(entry.crc), entry.crc, *sizes)
                mode = _FOLDER if entry.name.endswith("/") else _EXECUTABLE if entry.executable else _FILE
                file.write(_LOCAL.pack(b"PK\3\4", _VERSION, *facts) + name)
                file.write(entry.data)
                central.append(
                    _CENTRAL.pack(b"PK\1\2", _MADE_ON_UNIX, _VERSION, *facts, 0, 0, 0, mode, at) + name
                )
                at = file.tell()
            directory = b"".join(central)
            _refuse_zip64(path, len(entries), at + len(directory))
            count = len(entries)
            file.write(directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at, 0))
        unfinished.chmod(0o644)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def find(path: Path, sha256: str = "") -> tuple[Entry, ...] | None:
    """Return the entries of a zip, not inflated; None if it is missing, broken, or has another digest."""
    try:
        content = path.read_bytes()
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            return None
        with zipfile.ZipFile(io.BytesIO(content)) as listed:
            whole = memoryview(content)
            return tuple(_entry(whole, info, listed) for info in listed.infolist())
    except (FileNotFoundError, zipfile.BadZipFile):
        return None


def _date(crc: int) -> tuple[int, int]:
    """Return a time and a date, as zip writes them, made from a checksum; between 1980 and 2019.

    The same date for all files would break static files: Werkzeug, Starlette and WhiteNoise make the ETag
    from date and size, so a browser would keep an old style sheet if only a colour changed in it.
    """
    rest, second = divmod(crc, 30)
    rest, minute = divmod(rest, 60)
    rest, hour = divmod(rest, 24)
    rest, day = divmod(rest, 28)
    rest, month = divmod(rest, 12)
    return hour << 11 | minute << 5 | second, rest % 40 << 9 | month + 1 << 5 | day + 1


def _entry(whole: memoryview, info: zipfile.ZipInfo, listed: zipfile.ZipFile) -> Entry:
    executable = bool(info.external_attr >> 16 & 0o100)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # A wheel of somebody else may use bzip2 or LZMA.
        return deflate_one(Member(info.filename, listed.read(info), executable))
    # The local header may be longer than the central one says, so its own lengths are read.
    name_length, extra_length = struct.unpack_from("<2H", whole, info.header_offset + _LOCAL.size - 4)
    start = info.header_offset + _LOCAL.size + name_length + extra_length
    return Entry(
        name=info.filename,
        data=whole[start : start + info.compress_size],
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
        executable=executable,
        crc=info.CRC,
        unzipped=info.file_size,
    )


def _refuse_zip64(path: Path, count: int, size: int) -> None:
    if count > MAX_MEMBERS or size > MAX_SIZE:
        raise BundleRefused(
            f"{path.name} would hold {count:,} files and {size:,} bytes; a plain zip holds {MAX_MEMBERS:,} "
            f"files and {MAX_SIZE:,} bytes.",
            hint="Leave files out by .lambdifyignore.",
        )
