"""Zips for Lambda, whose bytes depend on nothing but what is in them.

Not the machine's umask, clock, folder or order of files: every member has a date made from its content, has
mode 0644 or 0755 (Lambda's user has to be able to read what root unpacks), no folder but an empty one has a
member of its own, and names are composed Unicode, marked as UTF-8.

The standard library's zipfile reads our zips. It cannot write them: it deflates by itself, one member at a
time, and has no way to take a member that is deflated already. Here members are deflated in threads (zlib
lets go of the interpreter), and those of an earlier zip, or of a wheel, are taken over as they are.

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
"""What is compressed already."""
MAX_MEMBERS = 65_535
MAX_SIZE = 2**32 - 1
"""Beyond these two a zip needs the Zip64 extension; Lambda's own limits are far below."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_FILE, _EXECUTABLE, _FOLDER = 0o100644 << 16, 0o100755 << 16, 0o040755 << 16 | 0x10
"""Modes, as Unix has them; of a folder as MS-DOS does, too."""
_VERSION = 20
_MADE_ON_UNIX = 3 << 8 | _VERSION
_UTF8 = 1 << 11


class Member(NamedTuple):
    """A file that is to be packed, or an empty folder, whose name ends in "/"."""

    name: str
    content: bytes
    executable: bool = False


class Entry(NamedTuple):
    """A file as it lies in a zip."""

    name: str
    data: bytes | memoryview
    """Deflated or not."""
    deflated: bool
    executable: bool
    crc: int
    unzipped: int

    @property
    def zipped(self) -> int:
        """Bytes that it takes in a zip, with both of its headers."""
        return _LOCAL.size + _CENTRAL.size + 2 * len(self.name.encode()) + len(self.data)


def deflate(members: Iterable[Member]) -> tuple[Entry, ...]:
    """The members as they will lie in a zip, in the same order."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return tuple(threads.map(deflate_one, members))


def deflate_stored(entry: Entry) -> Entry:
    """The same file, deflated if somebody has stored it who could have; some build wheels like that."""
    if entry.deflated or PurePosixPath(entry.name).suffix.lower() in STORED:
        return entry
    return deflate_one(Member(entry.name, bytes(entry.data), entry.executable))


def deflate_one(member: Member, level: int = LEVEL) -> Entry:
    """The member as it will lie in a zip."""
    name = unicodedata.normalize("NFC", member.name)
    data, deflated = member.content, False
    if PurePosixPath(name).suffix.lower() not in STORED:
        # Negative: without zlib's own header, as zip has it.
        deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        smaller = deflater.compress(member.content) + deflater.flush()
        if len(smaller) < len(data):
            data, deflated = smaller, True
    return Entry(name, data, deflated, member.executable, zlib.crc32(member.content), len(member.content))


def rename(entry: Entry, name: str, *, executable: bool) -> Entry:
    """The same file under another name."""
    return entry._replace(name=unicodedata.normalize("NFC", name), executable=executable)


def inflate(entry: Entry) -> bytes:
    """The file itself."""
    return zlib.decompress(entry.data, -zlib.MAX_WBITS) if entry.deflated else bytes(entry.data)


def write(path: Path, entries: Sequence[Entry]) -> None:
    """Write a zip, which is there whole or not at all. Raises BundleRefused if there is too much in it."""
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
    """What is in a zip, not inflated; None if there is none, or a broken one, or one of another digest."""
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
    """A time and a date for a file with that checksum, as zip writes them; between 1980 and 2019.

    One date for all files would be simpler, and wrong for static ones: Werkzeug, Starlette and WhiteNoise
    make the ETag from date and size, and a browser would keep the style sheet in which a colour changed.
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
        # Somebody else's, by bzip2 or LZMA.
        return deflate_one(Member(info.filename, listed.read(info), executable))
    # The local header may be longer than the central one says: only its own lengths count.
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
