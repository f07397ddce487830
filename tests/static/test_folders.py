"""Built front ends: folders of the project that lambdify serves, without asking the app."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdify.cli.errors import BundleRefused, SettingsError
from lambdify.cli.static import serving

from .conftest import Pack

pytestmark = pytest.mark.slow

SCRIPT = "console.log('hello');\n" * 100
VITE = {"index.html": {"file": "assets/index-DiwrgTda.js", "css": ["assets/index-B2c44d98.css"]}}
DIST = {
    "front/dist/index.html": "<div id=app></div>",
    "front/dist/assets/index-DiwrgTda.js": SCRIPT,
    "front/dist/assets/index-B2c44d98.css": "body {}",
    "front/dist/assets/plain.js": "1",
    "front/dist/.vite/manifest.json": json.dumps(VITE),
    "front/dist/docs/index.html": "docs",
    "front/dist/docs/guide.html": "guide",
    "front/dist/a b.png": b"\x89PNG",
    "front/dist/.well-known/security.txt": "Contact: x",
    "front/dist/.htaccess": "deny",
}
FOLDERS = '[static.folders]\n"/" = "front/dist"\n'
YEAR, AGAIN = "max-age=31536000, immutable", "max-age=0, must-revalidate"


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_every_file_of_a_folder_has_its_path_but_the_hidden_ones(pack: Pack) -> None:
    packed = pack(DIST, FOLDERS)
    assert sorted(packed.served) == [
        "/",
        "/.well-known/security.txt",
        "/a%20b.png",
        "/assets/index-B2c44d98.css",
        "/assets/index-DiwrgTda.js",
        "/assets/plain.js",
        "/docs/",
        "/docs/guide.html",
        "/docs/index.html",
        "/index.html",
    ]
    assert packed.served["/"][:1] == ["front/dist/index.html"]
    assert packed.asked == 0
    assert "Static files that lambdify serves: 10, " in packed.said


def test_names_with_a_hash_are_kept_and_all_others_asked_for_again(pack: Pack) -> None:
    served = pack(DIST, FOLDERS).served
    kept = {path for path, row in served.items() if row[3] == YEAR}
    assert kept == {"/assets/index-DiwrgTda.js", "/assets/index-B2c44d98.css"}
    assert {row[3] for row in served.values()} == {YEAR, AGAIN}
    other = pack(DIST, f'[static]\nimmutable = ["assets/*", "docs/*"]\n{FOLDERS}').served
    assert {path for path, row in other.items() if row[3] == YEAR} == {*kept, "/assets/plain.js"}, "no page"


def test_what_pays_is_zipped_too_under_the_name_of_its_content(pack: Pack) -> None:
    packed = pack(DIST, FOLDERS)
    zipped = {path: row[4] for path, row in packed.served.items() if row[4]}
    tag = hashlib.sha256(SCRIPT.encode()).hexdigest()[:20]
    assert zipped == {"/assets/index-DiwrgTda.js": f".lambdify/gzip/{tag}.gz"}
    assert gzip.decompress(packed.read(zipped["/assets/index-DiwrgTda.js"])) == SCRIPT.encode()
    assert packed.served["/assets/index-DiwrgTda.js"][1] == tag


def test_a_folder_below_a_path_and_the_page_of_a_single_page_app(pack: Pack) -> None:
    toml = '[static]\nfallback = "app/index.html"\n[static.folders]\n"/app" = "front/dist"\n'
    packed = pack(DIST, toml)
    assert packed.table["fallback"] == "/app/index.html"
    assert {path.split("/")[1] for path in packed.served} == {"app"}
    assert packed.served["/app/"] == packed.served["/app/index.html"]


def test_what_static_files_weigh_is_a_part_of_its_own(pack: Pack) -> None:
    parts = {part.name: part for part in pack(DIST, FOLDERS).bundle.parts}
    found = parts[serving.STATIC]
    assert found.unzipped > sum(len(text) for name, text in DIST.items() if "/." not in name)
    assert parts["the application"].files == 4, (
        "app.py, its bytecode, .htaccess and Vite's manifest are the app's"
    )


def test_secrets_in_a_folder_are_listed_and_not_served(pack: Pack) -> None:
    packed = pack({**DIST, "front/dist/secrets.json": "{}", "front/dist/tls.key": "x"}, FOLDERS)
    assert not {"/secrets.json", "/tls.key"} & packed.served.keys()
    assert [each.path for each in packed.bundle.left_out if each.secret] == [
        "front/dist/secrets.json",
        "front/dist/tls.key",
    ]


def test_a_second_build_zips_nothing_again(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pack(DIST, FOLDERS)
    monkeypatch.setattr(serving.gzip, "compress", lambda *_, **__: 1 / 0)
    changed = pack({"app.py": "# more\ndef app(environ, start_response): ..."}, FOLDERS)
    assert changed.served == first.served
    assert changed.bundle.app.digest != first.bundle.app.digest


def test_a_change_of_a_file_is_a_change_of_the_bundle(pack: Pack) -> None:
    first = pack(DIST, FOLDERS)
    assert pack({}, FOLDERS).bundle == first.bundle
    second = pack({"front/dist/assets/plain.js": "2"}, FOLDERS)
    assert second.served["/assets/plain.js"][1] != first.served["/assets/plain.js"][1]
    assert second.bundle.app.digest != first.bundle.app.digest


def test_an_app_without_static_files_gets_nothing_for_them(pack: Pack) -> None:
    packed = pack(DIST)
    assert "files" not in json.loads(packed.read(".lambdify/bundle.json"))
    assert not [name for name in packed.names if name.startswith((".lambdify/files", ".lambdify/gzip"))]
    assert (packed.asked, packed.bundle.variables) == (0, "")


# -------------------------------------------------------------------- what cannot be

BUILD_FIRST = (
    "Build the front end before, such as by `npm run build`. What .lambdifyignore or [build] exclude leaves "
    "out is not served."
)


@pytest.mark.parametrize(
    ("files", "toml", "kind", "message", "hint"),
    [
        (
            {},
            '[static.folders]\n"/" = "front/dist"\n',
            SettingsError,
            "[static.folders]: front/dist has no files that are packed.",
            BUILD_FIRST,
        ),
        (
            DIST,
            '[static]\nfallback = "index.html"\n',
            SettingsError,
            '[static] fallback: there is no "index.html" among the static files.',
            'Name the folder that has it: [static.folders], and "/" = "frontend/dist" below it.',
        ),
        (
            DIST,
            '[static]\nfallback = "index.html"\n[static.folders]\n"/app" = "front/dist"\n',
            SettingsError,
            '[static] fallback: there is no "index.html" among the static files.',
            'There is "app/docs/index.html".',
        ),
    ],
    ids=["no folder", "no page", "another page"],
)
def test_errors_say_what_to_write(
    pack: Pack, files: dict[str, str], toml: str, kind: type[Exception], message: str, hint: str
) -> None:
    with pytest.raises(kind) as raised:
        pack(files, toml)
    assert (raised.value.message, raised.value.hint) == (message, hint)  # type: ignore[attr-defined]


FILM = os.urandom(4_400_001)
BY_CDN = "Set [http] cdn = true; or put it into a bucket, and link to it there."
BY_BUCKET = "Put it into a bucket, and link to it there; or set another [http] endpoint, and cdn = true."
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/1/2"


@pytest.mark.parametrize(
    ("http", "hint"),
    [
        ("", f"It takes 4.2 MiB. {BY_CDN}"),
        ('[http]\nendpoint = "rest-api"\n', f"It takes 4.2 MiB. {BY_CDN}"),
        (
            f'[http]\nendpoint = "alb"\nalb.listener = "{LISTENER}"\n',
            f"It takes 683.6 KiB. {BY_BUCKET}",
        ),
    ],
    ids=["http", "rest", "alb"],
)
def test_a_file_that_no_response_can_hold_is_refused(pack: Pack, http: str, hint: str) -> None:
    with pytest.raises(BundleRefused) as raised:
        pack({**DIST, "front/dist/video.mp4": FILM}, f"{http}{FOLDERS}")
    assert raised.value.message == "video.mp4 (4.2 MiB) is too big for a function's response."
    assert raised.value.hint == hint


def test_a_large_file_that_can_be_zipped_or_streamed_is_served(pack: Pack) -> None:
    large = {**DIST, "front/dist/app.js.map": "x" * 5_000_000}
    assert "/app.js.map" in pack(large, FOLDERS).served
    streamed = '[http]\nendpoint = "rest-api"\nstreaming = true\n'
    assert "/video.mp4" in pack({"front/dist/video.mp4": FILM}, f"{streamed}{FOLDERS}").served


IMMUTABLE = f'[static]\nimmutable = ["assets/*.js"]\n{FOLDERS}'


def test_a_file_that_changes_under_a_name_of_immutable_is_refused(pack: Pack) -> None:
    pack(DIST, IMMUTABLE)
    with pytest.raises(BundleRefused) as raised:
        pack({"front/dist/assets/plain.js": "2"}, IMMUTABLE)
    assert raised.value.message == "assets/plain.js has changed and kept its name."
    assert raised.value.hint == "Browsers keep it for a year: leave it out of immutable."
    assert pack({}, FOLDERS).served["/assets/plain.js"][3] == AGAIN


def test_a_name_that_only_looks_like_one_with_a_hash_has_none_from_then_on(pack: Pack) -> None:
    name, path = "front/dist/logo.3f2a91bc.svg", "/logo.3f2a91bc.svg"
    assert pack({**DIST, name: "<svg/>"}, FOLDERS).served[path][3] == YEAR
    second = pack({name: "<svg></svg>"}, FOLDERS)
    assert second.served[path][3] == AGAIN
    assert "warning: logo.3f2a91bc.svg has changed and kept its name, which only looks" in second.said
    third = pack({name: "<svg> </svg>"}, FOLDERS)
    assert third.served[path][3] == AGAIN
    assert "warning" not in third.said


def test_what_somebody_else_has_left_counts_for_nothing(pack: Pack, tmp_path: Path) -> None:
    first = pack(DIST, FOLDERS)
    kept = tmp_path / "shop/.lambdify/static/dev.zip"
    kept.write_bytes(kept.read_bytes()[:-30] + os.urandom(30))
    second = pack({"app.py": "# more"}, FOLDERS)
    assert second.served == first.served
    assert gzip.decompress(second.read(second.served["/assets/index-DiwrgTda.js"][4])) == SCRIPT.encode()
