"""Large files where there is a CDN: it takes them, and pages have the limit of a function's response."""

import os

import pytest

from lambdify.cli.errors import BundleRefused

from .conftest import Pack
from .test_folders import DIST, FOLDERS

pytestmark = pytest.mark.slow

CDN = "[http]\ncdn = true\n"
FILM = os.urandom(4_400_001)


def test_a_page_that_no_response_can_hold_is_refused_and_a_film_is_not(pack: Pack) -> None:
    film = {**DIST, "front/dist/video.mp4": FILM}
    assert pack(film, CDN + FOLDERS).bundle.static
    with pytest.raises(BundleRefused) as raised:
        pack({**DIST, "front/dist/all.html": FILM}, CDN + FOLDERS)
    assert raised.value.message == "all.html (4.2 MiB) is too big for a function's response."
    assert raised.value.hint == (
        "It takes 4.2 MiB. A CDN serves it unless it is a page; set [http] streaming = true, with an "
        "endpoint that streams."
    )


def test_a_page_that_can_be_streamed_or_zipped_is_served(pack: Pack) -> None:
    zipped = {**DIST, "front/dist/all.html": b"<p>" * 2_000_000}
    assert "/all.html" in pack(zipped, CDN + FOLDERS).served
    streamed = f'{CDN}endpoint = "rest-api"\nstreaming = true\n{FOLDERS}'
    assert "/all.html" in pack({"front/dist/all.html": FILM}, streamed).served
