"""What names alone tell: the type of a file, whether it has a hash, whether it is served at all."""

import json

import pytest

from lambdify.cli.static import content_types, files, hashes


@pytest.mark.parametrize(
    "name",
    [
        "app.3f2a91bc.js",
        "main.3f2a91bc.chunk.js",
        "app.3f2a91bc.js.map",
        "styles-3F2A91BC.css",
        "3f2a91bc4d5e.png",
        "img/logo.0123456789abcdef0123456789abcdef.svg",
        "admin/css/base.5af66c1b1797.css",
        "_next/static/chunks/main.js",
        "shop/_astro/hoisted.js",
        "_app/immutable/entry/start.js",
    ],
)
def test_names_that_show_a_hash(name: str) -> None:
    assert hashes.is_hashed(name)


@pytest.mark.parametrize(
    "name",
    [
        "style.css",
        "my-holidays.jpg",
        "index-DiwrgTda.js",
        "report-20241231.pdf",
        "20241231.csv",
        "deadbeef.js",
        "decade80s.css",
        "v1.2.3.js",
        "a1b2c3d.js",
        "Abc12345.js",
        "x" + "1a" * 40 + ".js",
        "3f2a91bc/app.js",
        "app.3f2a91bc",
        "_next/data/page.json",
        "_astro",
        "my_next/static/a.js",
    ],
)
def test_names_that_show_none(name: str) -> None:
    assert not hashes.is_hashed(name)


@pytest.mark.parametrize(
    ("pattern", "names", "matched"),
    [
        ("assets/*", ("assets/js/a.js", "static/assets/js/a.js"), True),
        ("static/assets/*", ("assets/a.js", "static/assets/a.js"), True),
        ("*.js", ("a.css",), False),
        ("ASSETS/*", ("assets/a.js",), False),
    ],
)
def test_patterns_are_of_names_below_the_folder_or_of_paths(
    pattern: str, names: tuple[str, ...], matched: bool
) -> None:
    assert hashes.matches(names, [pattern]) is matched


def test_vites_manifest_says_which_names_have_a_hash() -> None:
    manifest = {
        "index.html": {
            "file": "assets/index-DiwrgTda.js",
            "css": ["assets/index-B2c_4d-8.css"],
            "assets": ["assets/logo-BAd9xQ1z.svg"],
        },
        "src/sw.ts": {"file": "sw.js"},
        "name": "an app's own manifest",
    }
    found = hashes.read_vite({".vite/manifest.json": json.dumps(manifest).encode()})
    assert sorted(found) == [
        "assets/index-B2c_4d-8.css",
        "assets/index-DiwrgTda.js",
        "assets/logo-BAd9xQ1z.svg",
    ]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"icons": [{"src": "a"}]}', b'{"a": {"file": 5}}', b"\xff\xfe", b"5"]
)
def test_another_manifest_says_nothing(content: bytes) -> None:
    assert not hashes.read_vite({"manifest.json": content})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.css", "text/css; charset=utf-8"),
        ("a.JS", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.woff2", "font/woff2"),
        ("a.js.map", "application/json"),
        ("site.webmanifest", "application/manifest+json"),
        (".well-known/apple-app-site-association", "application/json"),
        ("a.php", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
    ],
)
def test_types_are_those_of_the_table(name: str, kind: str) -> None:
    assert content_types.find(name) == kind


@pytest.mark.parametrize(
    ("name", "size", "zipped"),
    [("a.js", 1_000, True), ("a.js", 999, False), ("a.png", 90_000, False), ("a.woff2", 90_000, False)],
)
def test_what_is_small_or_compressed_is_not_zipped(name: str, size: int, zipped: bool) -> None:
    assert content_types.pays_to_zip(name, size) is zipped


def test_a_page_is_always_asked_for_again() -> None:
    page = files.describe("/a.3f2a91bc.html", "a.3f2a91bc.html", b"", hashed=True)
    script = files.describe("/a.3f2a91bc.js", "a.3f2a91bc.js", b"", hashed=True)
    assert (page.cache_control, script.cache_control) == (files.ASKED_AGAIN, files.KEPT)


def test_a_path_is_encoded_as_the_adapter_decodes_it() -> None:
    from lambdify.adapter.files import normalize

    file = files.describe("/static/a b~é%?#[]'(1).png", "a", b"", hashed=False)
    assert file.path == "/static/a%20b~%C3%A9%25%3F%23%5B%5D'(1).png"
    assert normalize(file.path) == file.path


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        (".env", True),
        ("a/.git/config", True),
        (".vite/manifest.json", True),
        ("a/.htaccess", True),
        (".well-known/security.txt", False),
        (".well-known/.secret", True),
        ("a..b/c.js", False),
    ],
)
def test_what_begins_with_a_dot_is_not_served(name: str, hidden: bool) -> None:
    assert files.is_hidden(name) is hidden
