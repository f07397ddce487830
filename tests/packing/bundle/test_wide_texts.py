"""Text that PowerShell wrote as UTF-16 is searched for secrets as any other."""

import pytest

from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle import index_logins, secret_scan

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
LINES = "--index-url https://bob:s3cr3t@pypi.corp.net/simple\r\nflask\r\n"
NOTE = "first\r\nhttps://bob:Kc9-reilly@db.shop.de/\r\n"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_login_of_an_index_is_removed_and_the_encoding_stays(encoding):
    given = Member("requirements.txt", LINES.encode(encoding), False)
    (cleaned,), changed = index_logins.remove_logins([given])
    assert cleaned.content == LINES.replace("bob:s3cr3t@", "***@").encode(encoding)
    assert changed == ("requirements.txt",)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_password_is_told_with_its_line(encoding):
    (leak,) = secret_scan.scan("note.txt", NOTE.encode(encoding))
    assert (leak.line, leak.what) == (2, "a URL with a password")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_without_logins_stays_as_it_is(encoding):
    given = Member("requirements.txt", "flask  # ask me@work\r\n".encode(encoding), False)
    assert index_logins.remove_logins([given]) == ((given,), ())


def test_what_only_begins_so_is_data():
    data = b"\xff\xfe\0"
    assert list(secret_scan.scan("data.bin", data)) == []
    assert index_logins.remove_logins([Member("requirements.txt", data, False)])[1] == ()
