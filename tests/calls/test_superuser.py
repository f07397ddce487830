"""The questions of createsuperuser, which are asked here."""

import pytest

from lambdify.cli.calls import superuser


@pytest.fixture
def ask():
    """`ask(words, fields, answers, secrets)`: the variables, the questions and the warnings."""

    def ask(words, fields, answers, secrets):
        asked, warned, left, hidden = [], [], list(answers), list(secrets)
        found = superuser.ask(
            words,
            fields,
            lambda question: (asked.append(question), left.pop(0))[1],
            lambda question: (asked.append(question), hidden.pop(0))[1],
            warned.append,
        )
        assert (left, hidden) == ([], [])
        return found, asked, warned

    return ask


def test_each_field_and_the_password_is_asked_for(ask):
    found, asked, warned = ask(
        ("createsuperuser",), ("username", "birth_day"), ["ada", "10 December"], ["pw", "pw"]
    )
    assert found == {
        "DJANGO_SUPERUSER_USERNAME": "ada",
        "DJANGO_SUPERUSER_BIRTH_DAY": "10 December",
        "DJANGO_SUPERUSER_PASSWORD": "pw",
    }
    assert asked == ["Username: ", "Birth day: ", "Password: ", "Password (again): "]
    assert warned == []


@pytest.mark.parametrize("option", [("--email", "a@b.example"), ("--email=a@b.example",)])
def test_what_the_line_says_is_not_asked(ask, option):
    found, asked, _ = ask(("createsuperuser", *option), ("email",), [], ["pw", "pw"])
    assert list(found) == ["DJANGO_SUPERUSER_PASSWORD"]
    assert asked[0] == "Password: "


def test_nothing_may_be_empty_and_the_passwords_have_to_agree(ask):
    _, _, warned = ask(("createsuperuser",), ("email",), ["", "a"], ["", "pw", "wp", "pw", "pw"])
    assert warned == ["Email cannot be empty.", "Password cannot be empty.", "The passwords differ."]


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        (("createsuperuser",), True),
        (("createsuperuser", "--username", "x"), True),
        (("createsuperuser", "--noinput"), False),
        (("createsuperuser", "--no-input"), False),
        (("migrate",), False),
        ((), False),
    ],
)
def test_only_a_command_that_would_ask_asks(words, asks):
    assert superuser.asks(words) is asks


def test_the_fields_are_those_of_the_project_or_the_usual():
    assert superuser.read_fields(b'noise\nlambdify:["email", "name"]\n') == ("email", "name")
    assert superuser.read_fields(b"Traceback") == ("username", "email")
