"""The note in a bundle that says what the app is: it holds what the settings ask for, and nothing else."""

from dataclasses import replace

import pytest

from lambdify.cli import settings
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.bundle import app

WSGI = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=10, evidence=(), path="")


def note(root, candidate=WSGI, **overrides):
    given = {name.replace("__", "."): value for name, value in overrides.items()}
    chosen = settings.load(root, overrides={"warm.concurrency": 1, **given})
    (member,) = [each for each in app.members(chosen, candidate, ()) if each.name == app.NOTE]
    return member.content.decode()


def test_by_default_it_names_the_app_alone(tmp_path):
    assert note(tmp_path) == '{"app": "app:app"}'


def test_how_many_environments_may_be_kept_warm_is_in_it_where_there_are_several(tmp_path):
    assert note(tmp_path, warm__concurrency=3) == '{"app": "app:app", "concurrency": 3}'
    assert "concurrency" not in note(tmp_path, warm__concurrency=1)
    assert "concurrency" not in note(tmp_path, warm__concurrency=3, warm__every="off")


def test_it_says_the_same_whatever_the_account_has_room_for(tmp_path):
    """Else a bundle that was packed for one account would be another one in the next."""
    chosen = settings.load(tmp_path)
    texts = {
        app.members(replace(chosen, warm=replace(chosen.warm, concurrency=number)), WSGI, ())[0].content
        for number in (1, 2, 7)
    }
    assert texts == {b'{"app": "app:app", "concurrency": 7}'}


def test_a_wsgi_app_is_told_the_user_of_an_authorizer_where_the_settings_say_so(tmp_path):
    assert note(tmp_path, http__remote_user=True) == '{"app": "app:app", "remote_user": true}'


def test_that_clients_wait_for_what_the_app_does_afterwards_is_in_it_where_the_settings_say_so(tmp_path):
    assert note(tmp_path, http__after_reply=False) == '{"after_reply": false, "app": "app:app"}'


def test_an_asgi_app_has_no_remote_user_which_is_said_before_anything_is_uploaded(tmp_path):
    with pytest.raises(SettingsError, match="app:app is an ASGI app") as caught:
        note(tmp_path, replace(WSGI, interface="asgi"), http__remote_user=True)
    assert "leave remote_user out" in caught.value.hint


def test_that_each_request_leaves_a_line_is_in_it_where_the_settings_say_so(tmp_path):
    assert note(tmp_path, logs__requests=True) == '{"app": "app:app", "log_requests": true}'


def test_a_handler_of_the_projects_own_leaves_no_lines_which_is_said(tmp_path):
    with pytest.raises(SettingsError, match="app:app is a Lambda handler") as caught:
        note(tmp_path, replace(WSGI, interface="handler"), logs__requests=True)
    assert "leave requests out" in caught.value.hint
