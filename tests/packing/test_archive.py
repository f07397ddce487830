"""Zips whose bytes depend on nothing but what is in them."""

import os
import random
import subprocess
import unicodedata
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lambdify.cli.errors import BundleRefused
from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Entry, Member

NOISE = random.Random(1).randbytes(5000)
MEMBERS = (
    Member("app.py", b"print('hello')\n" * 100),
    Member("bin/tool", b"#!/bin/sh\n", executable=True),
    Member("empty.txt", b""),
    Member("noise.bin", NOISE),
    Member("photo.png", b"\0" * 5000),
    Member("templates/Menü.html", b"<p>" * 50),
)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    archive.write(tmp_path / "a.zip", archive.deflate(MEMBERS))
    return tmp_path / "a.zip"


def test_the_standard_library_reads_back_what_was_packed(packed):
    with zipfile.ZipFile(packed) as read:
        assert read.testzip() is None
        assert [(info.filename, read.read(info)) for info in read.infolist()] == [
            (member.name, member.content) for member in MEMBERS
        ]


def test_a_date_follows_from_the_content_so_that_an_etag_made_from_it_does_too(tmp_path):
    styles = [b"a { color: #222 }", b"a { color: #333 }", b"a { color: #222 }"]
    members = [Member(f"{number}.css", style) for number, style in enumerate(styles)]
    archive.write(tmp_path / "a.zip", archive.deflate(members))
    with zipfile.ZipFile(tmp_path / "a.zip") as read:
        first, changed, same = (info.date_time for info in read.infolist())
    assert first == same
    assert first != changed


def test_every_date_there_can_be_is_a_real_one_in_the_past(tmp_path):
    entries = [
        Entry(f"{crc}", b"", False, False, crc, 0)
        for crc in (0, 1, 2**31, 2**32 - 1, *range(0, 2**32, 2**22))
    ]
    archive.write(tmp_path / "a.zip", entries)
    with zipfile.ZipFile(tmp_path / "a.zip") as read:
        dates = [datetime(*info.date_time, tzinfo=UTC) for info in read.infolist()]
    assert min(dates) >= datetime(1980, 1, 1, tzinfo=UTC)
    assert max(dates) < datetime(2020, 1, 1, tzinfo=UTC)
    assert len(set(dates)) > 1000


def test_every_member_is_readable_by_all(packed):
    with zipfile.ZipFile(packed) as read:
        modes = {info.filename: oct(info.external_attr >> 16) for info in read.infolist()}
    assert modes.pop("bin/tool") == "0o100755"
    assert set(modes.values()) == {"0o100644"}


def test_unzip_restores_names_and_the_executable_bit(packed, tmp_path):
    (tmp_path / "out").mkdir()
    subprocess.run(["python3", "-m", "zipfile", "-e", packed, tmp_path / "out"], check=True)
    assert (tmp_path / "out/templates/Menü.html").read_bytes() == b"<p>" * 50
    assert (tmp_path / "out/noise.bin").read_bytes() == NOISE


def test_what_does_not_get_smaller_is_stored(packed):
    with zipfile.ZipFile(packed) as read:
        stored = {info.filename for info in read.infolist() if info.compress_type == zipfile.ZIP_STORED}
    assert stored == {"bin/tool", "empty.txt", "noise.bin", "photo.png"}


def test_folders_have_no_members_of_their_own(packed):
    with zipfile.ZipFile(packed) as read:
        assert not any(info.is_dir() for info in read.infolist())


def test_a_name_is_composed_and_marked_as_utf8(tmp_path):
    decomposed = unicodedata.normalize("NFD", "Menü.html")
    archive.write(tmp_path / "a.zip", archive.deflate([Member(decomposed, b"")]))
    with zipfile.ZipFile(tmp_path / "a.zip") as read:
        (info,) = read.infolist()
    assert info.filename == unicodedata.normalize("NFC", decomposed)
    assert info.flag_bits & 0x800


def test_the_same_members_give_the_same_bytes_under_another_umask(packed, tmp_path):
    before = os.umask(0o077)
    try:
        archive.write(tmp_path / "b.zip", archive.deflate(MEMBERS))
    finally:
        os.umask(before)
    assert (tmp_path / "b.zip").read_bytes() == packed.read_bytes()
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o644


def test_entries_are_taken_from_a_zip_without_being_inflated(packed, tmp_path):
    entries = archive.find(packed)
    assert entries == archive.deflate(MEMBERS)
    archive.write(tmp_path / "again.zip", entries)
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_entries_are_found_in_zips_of_others_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "their.zip", "w", zipfile.ZIP_DEFLATED) as their:
        their.writestr("a.txt", "a" * 1000)
        info = zipfile.ZipInfo("b.txt")
        info.extra = b"\x99\x99\x04\x00abcd"
        their.writestr(info, "b" * 1000)
    archive.write(tmp_path / "ours.zip", archive.find(tmp_path / "their.zip"))
    with zipfile.ZipFile(tmp_path / "ours.zip") as ours:
        assert (ours.read("a.txt"), ours.read("b.txt")) == (b"a" * 1000, b"b" * 1000)


def test_a_zip_that_is_missing_or_cut_off_is_not_found(packed, tmp_path):
    assert archive.find(tmp_path / "missing.zip") is None
    packed.write_bytes(packed.read_bytes()[:-30])
    assert archive.find(packed) is None


def test_a_zip_is_there_whole_or_not_at_all(tmp_path):
    good = archive.deflate([Member("a.txt", b"")])
    bad = good[0]._replace(name="not utf-8 \udce9")
    with pytest.raises(UnicodeEncodeError):
        archive.write(tmp_path / "a.zip", [*good, bad])
    assert list(tmp_path.iterdir()) == []


def test_more_files_than_a_plain_zip_holds_are_refused(tmp_path):
    (entry,) = archive.deflate([Member("a", b"")])
    many = [entry._replace(name=f"f{number}") for number in range(archive.MAX_MEMBERS + 1)]
    with pytest.raises(BundleRefused, match="65,536 files"):
        archive.write(tmp_path / "a.zip", many)
    assert list(tmp_path.iterdir()) == []
