"""ELF files: the parts that decide whether the function's dynamic loader can load them.

The loader reads the program headers and the dynamic section, which stripped files have, too.
https://gabi.xinuos.com/, and for symbol versions
https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_MAGIC = b"\x7fELF"
_CLASS_64, _LITTLE_ENDIAN = 2, 1
_MACHINES = {3: "i686", 21: "ppc64", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5
_DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_SHT_NOBITS = 8
_SYMBOL_SECTIONS = (".debug_", ".zdebug_", ".symtab", ".strtab")
_NO_VERSION = (0, 0)
# The only name of a glibc feature without a version: compact relocations, which came with 2.36.
_FEATURES = {"GLIBC_ABI_DT_RELR": (2, 36)}


@dataclass(frozen=True, kw_only=True)
class Elf:
    """The requirements of a shared object on the machine that loads it."""

    machine: str
    needed: tuple[str, ...] = ()
    """The libraries that it needs, such as "libpq.so.5"."""
    glibc: tuple[int, int] = _NO_VERSION
    """The lowest version of glibc that has all symbols that it uses."""


def parse_elf(content: bytes) -> Elf | None:
    """Return the requirements of the ELF file with this content; None if it is none, or truncated."""
    if content[:4] != _MAGIC:
        return None
    try:
        (number,) = struct.unpack_from("<H" if content[5] == _LITTLE_ENDIAN else ">H", content, 18)
        machine = _MACHINES.get(number, f"machine {number}")
        if content[4] != _CLASS_64 or content[5] != _LITTLE_ENDIAN:
            # No Lambda function can load such a file, so the rest is not read.
            return Elf(machine=machine)
        segments = tuple(_segments(content))
        entries = tuple(_dynamic_entries(content, segments))
        table = dict(entries)
        if _DT_STRTAB not in table:
            return Elf(machine=machine)
        strings = _file_offset(table[_DT_STRTAB], segments)
        versions = _glibc_versions(content, table, strings, segments)
        return Elf(
            machine=machine,
            needed=tuple(_text(content, strings + value) for tag, value in entries if tag == _DT_NEEDED),
            glibc=max(versions, default=_NO_VERSION),
        )
    except (struct.error, IndexError):
        return None


def symbol_size(content: bytes) -> int:
    """Return the bytes of an ELF file that only debuggers and linkers read; 0 for any other file."""
    if content[:4] != _MAGIC or content[4:6] != bytes((_CLASS_64, _LITTLE_ENDIAN)):
        return 0
    try:
        (table,) = struct.unpack_from("<Q", content, 40)
        size, count, names = struct.unpack_from("<HHH", content, 58)
        # Each section has the offset of its name, its kind, its offset in the file and its size.
        sections = [struct.unpack_from("<II16xQQ", content, table + index * size) for index in range(count)]
        strings = sections[names][2]
        return sum(
            length
            for name, kind, _, length in sections
            if kind != _SHT_NOBITS and _text(content, strings + name).startswith(_SYMBOL_SECTIONS)
        )
    except (struct.error, IndexError):
        return 0


@dataclass(frozen=True, kw_only=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def _segments(content: bytes) -> Iterator[_Segment]:
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    for index in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", content, table + index * size)
        yield _Segment(kind=kind, offset=offset, address=address, size=length)


def _dynamic_entries(content: bytes, segments: tuple[_Segment, ...]) -> Iterator[tuple[int, int]]:
    for segment in segments:
        if segment.kind != _PT_DYNAMIC:
            continue
        for position in range(segment.offset, segment.offset + segment.size, 16):
            tag, value = struct.unpack_from("<QQ", content, position)
            if tag == _DT_NULL:
                return
            yield tag, value


def _file_offset(address: int, segments: tuple[_Segment, ...]) -> int:
    """Return the offset in the file of an address in memory. Raises IndexError if no segment contains it."""
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    raise IndexError(address)


def _glibc_versions(
    content: bytes, table: dict[int, int], strings: int, segments: tuple[_Segment, ...]
) -> Iterator[tuple[int, int]]:
    if _DT_VERNEED not in table:
        return
    position = _file_offset(table[_DT_VERNEED], segments)
    for _ in range(table.get(_DT_VERNEEDNUM, 0)):
        _, count, _, first, following = struct.unpack_from("<HHIII", content, position)
        entry = position + first
        for _ in range(count):
            _, _, _, name, step = struct.unpack_from("<IHHII", content, entry)
            if version := _glibc_version(_text(content, strings + name)):
                yield version
            entry += step
        position += following


def _glibc_version(name: str) -> tuple[int, int] | None:
    """Return the version in "GLIBC_2.17"; None for other names, such as GLIBC_PRIVATE and GLIBCXX_3.4."""
    if name in _FEATURES:
        return _FEATURES[name]
    prefix, _, version = name.partition("_")
    parts = version.split(".")
    if prefix != "GLIBC" or len(parts) < 2 or not all(part.isdecimal() for part in parts):
        return None
    return (int(parts[0]), int(parts[1]))


def _text(content: bytes, offset: int) -> str:
    end = content.find(b"\0", offset)
    if end < 0:
        raise IndexError(offset)
    return content[offset:end].decode("utf-8", "replace")
