"""Package indexes and their passwords."""

import pytest

from lambdify.cli.packing.requirements.credentials import (
    Login,
    basic_authorization,
    find_login,
    with_login,
    with_netrc,
)
from lambdify.cli.redaction import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fetching https://user:pa55@host/simple failed", "fetching https://***@host/simple failed"),
        ("git+ssh://token@host/x.git", "git+ssh://***@host/x.git"),
        ("a https://u:p@one/ and http://u:p@two/", "a https://***@one/ and http://***@two/"),
        ("https://host/simple/@scope", "https://host/simple/@scope"),
        ("mail me@host", "mail me@host"),
    ],
)
def test_no_text_keeps_the_credentials_of_a_url(text, shown):
    assert redact(text) == shown


def test_credentials_go_to_the_place_they_were_given_for_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    known = ["https://user:p%40ss@host/simple"]
    assert find_login("https://host/files/x.tar.gz", known) == ("user", "p@ss")
    for elsewhere in ("http://host/x", "https://host:8443/x", "https://other/x"):
        assert find_login(elsewhere, known) is None


def test_netrc_knows_the_rest(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine host login user password p@ss\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert find_login("https://host/x", ()) == ("user", "p@ss")
    assert with_netrc("https://host:8443/simple") == "https://user:p%40ss@host:8443/simple"
    for known in ("https://other/simple", "https://me:own@host/simple", "/a/folder"):
        assert with_netrc(known) == known


def test_an_index_with_a_name_has_variables_of_its_own():
    environ = {"UV_INDEX_INNER_ONE_USERNAME": "user", "UV_INDEX_INNER_ONE_PASSWORD": "a/word"}
    assert with_login("https://host/simple", "inner-one", environ) == "https://user:a%2Fword@host/simple"
    assert with_login("https://host/simple", "other", environ) == "https://host/simple"
    assert with_login("https://host/simple", "", {"UV_INDEX__USERNAME": "user"}) == "https://host/simple"


def test_a_header_says_who_asks():
    assert basic_authorization(Login("user", "p@ss")) == "Basic dXNlcjpwQHNz"
