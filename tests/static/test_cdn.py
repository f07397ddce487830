"""[http] cdn: which files its bucket gets, which the function keeps, and the paths that tell them apart."""

import json
import zipfile
from pathlib import Path

import pytest

from lambdify.cli.errors import BundleRefused, SettingsError
from lambdify.cli.static import publication
from lambdify.cli.static.publication import Publication

from .conftest import Pack, Packed
from .test_folders import DIST, FOLDERS

pytestmark = pytest.mark.slow

CDN = "[http]\ncdn = true\n"
FLASK = """
from flask import Blueprint, Flask
app = Flask(__name__)
shop = Blueprint("shop", __name__, static_folder="wares", url_prefix="/shop")
app.register_blueprint(shop)
"""
STARLETTE = """
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
app = Starlette(routes=[Mount("/media", StaticFiles(directory="media", html=True))])
"""
YEAR, AGAIN = "max-age=31536000, immutable", "max-age=0, must-revalidate"


def publication_of(packed: Packed) -> Publication:
    assert packed.bundle.static
    found, contents = publication.unpack(packed.bundle.static.path)
    assert {each.sha256 for each in found.files} | {publication.NAME} == set(contents)
    return found


def names(packed: Packed) -> list[str]:
    return [each.name for each in publication_of(packed).files]


def test_pages_of_a_front_end_stay_in_the_function_and_all_else_goes(pack: Pack) -> None:
    packed = pack(DIST, CDN + FOLDERS)
    assert names(packed) == [
        ".well-known/security.txt",
        "a b.png",
        "assets/index-B2c44d98.css",
        "assets/index-DiwrgTda.js",
        "assets/plain.js",
    ]
    assert sorted(packed.served) == ["/", "/docs/", "/docs/guide.html", "/docs/index.html", "/index.html"]
    assert "Static files that the CDN serves: 5, " in packed.said


def test_a_folder_is_a_path_unless_it_has_a_page_and_a_file_beside_pages_is_one(pack: Pack) -> None:
    packed = pack({**DIST, "front/dist/docs/a.png": b"x", "front/dist/docs/img/b.png": b"y"}, CDN + FOLDERS)
    assert publication_of(packed).paths == (
        "/.well-known/security.txt",
        "/docs/a.png",
        "/docs/img/*",
        "/a?20b.png",
        "/assets/*",
    )


def test_headers_are_those_that_the_function_would_send(pack: Pack) -> None:
    files = {each.name: each for each in publication_of(pack(DIST, CDN + FOLDERS)).files}
    hashed, plain = files["assets/index-DiwrgTda.js"], files["assets/plain.js"]
    assert (hashed.lasting, hashed.cache_control) == (True, YEAR)
    assert (plain.lasting, plain.cache_control) == (False, AGAIN)
    assert hashed.type == "text/javascript; charset=utf-8"


def test_flask_and_its_blueprints_are_asked_and_their_paths_are_whole(pack: Pack) -> None:
    packed = pack(
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "static/a.css": "a",
            "static/page.html": "<p>",
            "wares/b.png": b"b",
            "static/.secret": "x",
        },
        CDN,
        framework="flask",
    )
    assert names(packed) == ["shop/wares/b.png", "static/a.css", "static/page.html"]
    assert publication_of(packed).paths == ("/shop/wares/*", "/static/*")
    assert packed.served == {}
    assert "static/a.css" in packed.names, "the app may open it"


def test_an_app_has_its_own_pages_itself(pack: Pack) -> None:
    packed = pack(
        {
            "app.py": STARLETTE,
            "requirements.txt": "starlette",
            "media/index.html": "home",
            "media/a.png": b"a",
            "media/img/b.png": b"b",
        },
        CDN,
        framework="starlette",
        interface="asgi",
    )
    assert names(packed) == ["media/a.png", "media/img/b.png"]
    assert packed.served == {}


def test_an_app_without_files_has_none_and_nothing_is_made(pack: Pack) -> None:
    packed = pack({}, CDN, framework="wsgi")
    assert packed.bundle.static is None
    assert "static" not in json.loads(packed.read(".lambdify/bundle.json"))


@pytest.mark.parametrize("serve", ["app", "function"])
def test_where_others_serve_the_cdn_gets_none(pack: Pack, serve: str) -> None:
    packed = pack(DIST, f'{CDN}[static]\nserve = "{serve}"\n{FOLDERS}')
    assert packed.bundle.static is None
    assert "/assets/plain.js" in packed.served


def test_without_a_cdn_nothing_can_be_served_by_it(pack: Pack) -> None:
    with pytest.raises(SettingsError) as caught:
        pack(DIST, f'[static]\nserve = "cdn"\n{FOLDERS}')
    assert caught.value.message == '[static] serve = "cdn": there is no CDN.'
    assert caught.value.hint == 'Set [http] cdn = true, or serve = "function".'


def test_a_file_may_be_as_large_as_it_likes_and_a_page_may_not(pack: Pack) -> None:
    large = b"\0\1\2\3" * 2_000_000
    packed = pack({**DIST, "front/dist/video.mp4": large}, CDN + FOLDERS)
    assert "video.mp4" in names(packed)


def test_whatever_changes_in_a_file_makes_another_version_and_another_zip(pack: Pack) -> None:
    first = pack(DIST, CDN + FOLDERS)
    same = pack(DIST, CDN + FOLDERS)
    assert (same.bundle.app.digest, same.bundle.static) == (first.bundle.app.digest, first.bundle.static)
    other = pack({"front/dist/assets/plain.js": "2"}, CDN + FOLDERS)
    assert other.bundle.static
    assert first.bundle.static
    assert other.bundle.static.path != first.bundle.static.path
    notes = [json.loads(each.read(".lambdify/bundle.json"))["static"] for each in (first, other)]
    assert notes == [publication_of(first).digest, publication_of(other).digest]
    assert other.bundle.app.digest != first.bundle.app.digest


def test_what_is_kept_of_the_last_build_is_used_again_if_all_zips_are_there(pack: Pack) -> None:
    first = pack(DIST, CDN + FOLDERS)
    assert first.bundle.static
    first.bundle.static.path.unlink()
    again = pack(DIST, CDN + FOLDERS)
    assert again.bundle.static
    assert again.bundle.static.path.is_file()


def test_too_many_paths_are_told_with_a_way_out() -> None:
    files = [f"/file{number}.png" for number in range(76)]
    with pytest.raises(BundleRefused) as caught:
        publication.find_paths(files, [], ["/index.html"])
    assert caught.value.message == "The static files lie at 76 paths; CloudFront tells 75 from the app's."
    assert caught.value.hint == "Put files into folders."
    assert publication.find_paths([f"/all{each}" for each in files], [], []) != ()


def test_the_whole_site_is_never_a_path_of_files() -> None:
    assert publication.find_paths(["/a.css", "/img/b.png"], ["/"], []) == ("/a.css", "/img/*")


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("/a%20b.png", "/a?20b.png"), ("/a(1).png", "/a?1?.png"), ("/~x@2.png", "/~x@2.png")],
)
def test_a_pattern_has_only_what_a_pattern_can_have(path: str, pattern: str) -> None:
    assert publication.find_paths([path], [], []) == (pattern,)


def test_a_broken_zip_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "static-1.zip", "w") as broken:
        broken.writestr("x", "y")
    with pytest.raises(BundleRefused, match=r"static-1.zip is broken"):
        publication.unpack(tmp_path / "static-1.zip")
