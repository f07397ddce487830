"""Django's static files: collected by the project's own storage, in a process that can do no harm."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdify.cli.errors import StaticFilesUnknown

from .conftest import Pack
from .django_project import DJANGO, MANIFEST, SETTINGS, write

pytestmark = [pytest.mark.slow, pytest.mark.index]


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_a_django_whose_files_nobody_serves_is_asked_once(pack: Pack, tmp_path: Path) -> None:
    packed = pack(write(), **DJANGO)
    assert sorted(packed.served) == ["/static/books/paper.png", "/static/books/style.css"]
    assert packed.served["/static/books/style.css"][0] == ".lambdify/static/django/books/style.css"
    assert packed.read(".lambdify/static/django/books/paper.png") == b"PNG"
    assert not [name for name in packed.names if ".env" in name]
    assert packed.asked == 1
    assert not (tmp_path / "shop/staticfiles").exists()
    again = pack({"books/views.py": "# a line\n", "site_/urls.py": "# more\nurlpatterns = []\n"}, **DJANGO)
    assert (again.asked, again.served) == (0, packed.served)
    assert again.bundle.app.digest != packed.bundle.app.digest
    assert pack({}, **DJANGO).bundle == again.bundle


@pytest.mark.parametrize(
    ("files", "toml"),
    [
        ({"books/static/books/style.css": "body {}"}, ""),
        ({"books/static/books/more.css": "p {}"}, ""),
        ({"site_/settings.py": f'{SETTINGS}STATIC_URL = "files/"\n'}, ""),
        ({}, '[environment]\nSITE = "b"\n'),
        ({}, '[static.environment]\nSITE = "b"\n'),
        ({}, '[secrets]\nSITE = "ssm:/site"\n'),
    ],
    ids=[
        "another content",
        "a file more",
        "another setting",
        "a variable",
        "a variable to be asked with",
        "a secret",
    ],
)
def test_it_is_asked_again_when_something_that_it_reads_has_changed(
    pack: Pack, files: dict[str, str], toml: str
) -> None:
    pack(write(), **DJANGO)
    assert pack(files, toml, **DJANGO).asked == 1


def test_a_folder_that_was_not_there_is_noticed(pack: Pack) -> None:
    given = write('STATICFILES_DIRS = [BASE_DIR / "front" / "dist"]\n', **{"front/note.txt": ""})
    assert "/static/app.js" not in pack(given, **DJANGO).served
    assert "/static/app.js" in pack({"front/dist/app.js": "1"}, **DJANGO).served


def test_a_manifest_lies_where_the_app_looks_and_names_with_a_hash_are_kept(pack: Pack) -> None:
    packed = pack(write(MANIFEST), **DJANGO)
    manifest = json.loads(packed.read("staticfiles/staticfiles.json"))
    hashed = manifest["paths"]["books/style.css"]
    assert re.fullmatch(r"books/style\.[0-9a-f]{12}\.css", hashed)
    row = packed.served[f"/static/{hashed}"]
    assert (row[0], row[3]) == (f"staticfiles/{hashed}", "max-age=31536000, immutable")
    assert packed.served["/static/books/style.css"][3] == "max-age=0, must-revalidate"
    assert manifest["paths"]["books/paper.png"].encode().rpartition(b"/")[2] in packed.read(
        f"staticfiles/{hashed}"
    )


def test_what_was_collected_before_is_replaced(pack: Pack) -> None:
    stale = {
        "staticfiles/staticfiles.json": '{"version": "1.1", "paths": {}}',
        "staticfiles/books/style.css": "old",
    }
    packed = pack(write(MANIFEST, **stale), **DJANGO)
    assert json.loads(packed.read("staticfiles/staticfiles.json"))["paths"]
    assert packed.read("staticfiles/books/style.css").startswith(b"body")


def test_whoever_has_no_files_is_not_asked(pack: Pack) -> None:
    given = write()
    given["site_/settings.py"] = given["site_/settings.py"].replace('"django.contrib.staticfiles", ', "")
    packed = pack(given, **DJANGO)
    assert (packed.asked, packed.served) == (0, {})


def test_the_app_serves_them_if_the_settings_say_so(pack: Pack) -> None:
    packed = pack(write(), '[static]\nserve = "app"\n', **DJANGO)
    assert (packed.asked, packed.served) == (0, {})


def test_files_that_are_elsewhere_are_left_alone(pack: Pack) -> None:
    packed = pack(write('STATIC_URL = "https://cdn.example.org/static/"\n'), **DJANGO)
    assert (packed.asked, packed.served) == (1, {})
    storage = 'STORAGES = {"staticfiles": {"BACKEND": "books.storage.Bucket"}}\n'
    own = "from django.core.files.storage import Storage\nclass Bucket(Storage): pass\n"
    other = pack(write(storage, **{"books/storage.py": own}), '[static]\nserve = "function"\n', **DJANGO)
    assert other.served == {}
    assert "books.storage.Bucket keeps Django's static files, and not the bundle." in other.said


def test_a_prefix_of_the_whole_site_is_part_of_the_path(pack: Pack) -> None:
    assert "/shop/static/books/style.css" in pack(write('FORCE_SCRIPT_NAME = "/shop"\n'), **DJANGO).served


# -------------------------------------------------------------------- what cannot be


TO_SET = "Declare it in [secrets], or set it in [static.environment]."
LEFT = '`serve = "app"` in [static] asks nothing, and leaves the files to the app.'
UNKNOWN = "The app could not be asked for its static files:"
CASES = {
    "a variable": (
        "import os\nKEY = os.environ['STRIPE_KEY']\n",
        f"{UNKNOWN} KeyError: 'STRIPE_KEY'.",
        TO_SET,
    ),
    "a connection": (
        "import socket\nsocket.create_connection(('db.internal', 5432))\n",
        f"{UNKNOWN} it connects to db.internal:5432 while it is imported.",
        LEFT,
    ),
    "a file": (
        "(BASE_DIR / 'local.log').write_text('x')\n",
        f"{UNKNOWN} it writes to local.log.",
        "Lambda could not write there either: log to stdout, and write files below /tmp.",
    ),
    "an error of its own": (
        "raise RuntimeError('no licence')\n",
        f"{UNKNOWN} RuntimeError: no licence.",
        "",
    ),
    "no place": (
        MANIFEST + "STATIC_ROOT = '/var/www/static'\n",
        "STATIC_ROOT is /var/www/static, outside of the project.",
        'The app looks for staticfiles.json there. Write STATIC_ROOT = BASE_DIR / "staticfiles"',
    ),
}


@pytest.mark.parametrize(("settings", "message", "hint"), CASES.values(), ids=CASES)
def test_what_keeps_the_app_from_answering_is_told(
    pack: Pack, settings: str, message: str, hint: str
) -> None:
    with pytest.raises(StaticFilesUnknown) as raised:
        pack(write(settings), '[static]\nserve = "function"\n', **DJANGO)
    assert (raised.value.message, raised.value.hint, raised.value.exit_code) == (message, hint, 16)
    # Nobody asked for it: then it is a warning, and the app is asked again the next time.
    packed = pack({}, "", **DJANGO)
    assert f"warning: {message}" in packed.said
    assert packed.served == {}
    assert pack({}, "", **DJANGO).asked == 1


FUNCTION = '[static]\nserve = "function"\n'
IN_PROJECT = 'Write STATIC_ROOT = BASE_DIR / "staticfiles"'
OUTSIDE = "outside of the project."
ROOTS = {
    "beside the project": ("BASE_DIR.parent / 'static'", f"STATIC_ROOT is ../static, {OUTSIDE}"),
    "beside, in words": ("'../static'", f"STATIC_ROOT is ../static, {OUTSIDE}"),
    "none": ("None", "You're using the staticfiles app without having set the STATIC_ROOT setting"),
}


@pytest.mark.parametrize(("root", "message"), ROOTS.values(), ids=ROOTS)
def test_a_place_that_the_function_does_not_have_is_told_with_one_that_it_has(
    pack: Pack, root: str, message: str
) -> None:
    with pytest.raises(StaticFilesUnknown) as raised:
        pack(write(f"{MANIFEST}STATIC_ROOT = {root}\n"), FUNCTION, **DJANGO)
    assert message in raised.value.message
    assert IN_PROJECT in raised.value.hint


GONE = {
    "a picture of a style sheet": {"books/static/books/style.css": "body { background: url(gone.png) }"},
    "a style sheet of another": {"books/static/books/style.css": '@import "gone.css";'},
    "a map": {"books/static/books/style.css": "body {}\n/*# sourceMappingURL=gone.css.map */"},
}


@pytest.mark.parametrize("files", GONE.values(), ids=GONE)
def test_a_file_that_another_names_and_nobody_has_is_djangos_own_word(
    pack: Pack, files: dict[str, str]
) -> None:
    with pytest.raises(StaticFilesUnknown) as raised:
        pack({**write(MANIFEST), **files}, FUNCTION, **DJANGO)
    assert raised.value.message.startswith(f"{UNKNOWN} ")
    assert "The file 'books/gone." in raised.value.message
    assert "could not be found" in raised.value.message


def test_values_for_the_moment_of_asking_replace_placeholders(pack: Pack) -> None:
    settings = "import os\nassert os.environ['LICENCE'] == '0000'\n"
    toml = '[secrets]\nLICENCE = "ssm:/licence"\n'
    with pytest.raises(StaticFilesUnknown) as raised:
        pack(write(settings), f'{toml}[static]\nserve = "function"\n', **DJANGO)
    assert raised.value.hint == TO_SET
    packed = pack({}, f'{toml}[static.environment]\nLICENCE = "0000"\n', **DJANGO)
    assert "/static/books/style.css" in packed.served


def test_nothing_of_the_project_is_written_and_no_link_is_followed(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("swordfish")
    sneaky = (
        "from django.contrib.staticfiles.storage import StaticFilesStorage\nimport os\n"
        "class Sneaky(StaticFilesStorage):\n"
        "    def post_process(self, paths, **_):\n"
        f"        os.symlink({str(tmp_path / 'private')!r}, os.path.join(self.location, 'private.txt'))\n"
        "        return []\n"
    )
    storage = 'STORAGES = {"staticfiles": {"BACKEND": "books.storage.Sneaky"}}\n'
    packed = pack(write(storage, **{"books/storage.py": sneaky}), **DJANGO)
    assert "/static/books/style.css" in packed.served
    assert "/static/private.txt" not in packed.served
    assert not [name for name in packed.names if "private" in name]
