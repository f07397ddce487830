"""The samples are ordinary apps: they hold every conversation under the servers they were written for."""

from pathlib import Path

import pytest
from samples.browser import Browser
from samples.conversation import talk_to_admin, talk_to_bookshelf, talk_to_parcels, talk_to_receipts
from samples.servers import run_django, run_fastapi, run_flask

pytestmark = pytest.mark.slow

SUPERUSER = {
    "DJANGO_SUPERUSER_USERNAME": "libby",
    "DJANGO_SUPERUSER_EMAIL": "libby@example.org",
    "DJANGO_SUPERUSER_PASSWORD": "quiet please",
}


def test_receipts_run_under_flask_run(tmp_path: Path):
    with run_flask(tmp_path) as site:
        assert list(talk_to_receipts(Browser(site)))[-1] == "goodbye, and the session is empty"


def test_the_bookshelf_runs_under_manage_py_runserver(tmp_path: Path):
    with run_django(tmp_path) as site:
        assert list(talk_to_bookshelf(Browser(site)))[-1] == "a 404 page of the app's own"


def test_the_bookshelfs_admin_knows_the_superuser_of_the_environment(tmp_path: Path):
    with run_django(tmp_path, **SUPERUSER) as site:
        assert list(talk_to_admin(Browser(site), "libby", "quiet please"))[-1] == "and deleted there"


def test_parcels_run_under_uvicorn():
    with run_fastapi() as site:
        assert list(talk_to_parcels(Browser(site)))[-1].endswith("a lifespan that began once for all of it")


@pytest.mark.parametrize(
    ("run", "talk"), [(run_flask, talk_to_receipts), (run_django, talk_to_bookshelf)], ids=["flask", "django"]
)
def test_a_conversation_leaves_nothing_behind_and_can_be_held_again(tmp_path: Path, run, talk):
    with run(tmp_path) as site:
        assert list(talk(Browser(site))) == list(talk(Browser(site)))
