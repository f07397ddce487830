"""Package indexes and their passwords."""

import pytest

from lambdify.cli.build.credentials import Indexes, find_indexes, redact


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


def test_lines_name_indexes_and_fill_in_variables(monkeypatch):
    monkeypatch.setenv("INDEX_PASSWORD", "word")
    lines = (
        "flask",
        "--index-url https://u:${INDEX_PASSWORD}@one/simple",
        "--extra-index-url=https://two/simple",
    )
    indexes = find_indexes(lines, environ={})
    assert indexes.options == (
        "--index-url https://u:word@one/simple",
        "--extra-index-url https://two/simple",
    )


def test_the_environment_serves_pip_in_the_container_but_is_not_repeated_to_uv():
    environ = {"UV_DEFAULT_INDEX": "inner=https://one/simple", "UV_INDEX": "https://two/ file:///disk/simple"}
    indexes = find_indexes((), environ)
    assert indexes.options == ()
    assert indexes.uv_environment == {}
    assert indexes.pip_environment == {
        "PIP_INDEX_URL": "https://one/simple",
        "PIP_EXTRA_INDEX_URL": "https://two/",
    }


def test_what_the_requirements_say_goes_before_the_environment():
    indexes = find_indexes(("-i https://one/simple",), {"PIP_INDEX_URL": "https://two/simple"})
    assert indexes.pip_environment == {"PIP_INDEX_URL": "https://one/simple"}


def test_credentials_go_to_the_place_they_were_given_for_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    indexes = Indexes(default="https://user:p%40ss@host/simple")
    assert indexes.authorization("https://host/files/x.tar.gz") == {"Authorization": "Basic dXNlcjpwQHNz"}
    for elsewhere in ("http://host/x", "https://host:8443/x", "https://other/x"):
        assert indexes.authorization(elsewhere) == {}


def test_netrc_knows_the_rest(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine host login user password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert Indexes().authorization("https://host/x") == {"Authorization": "Basic dXNlcjp3b3Jk"}
