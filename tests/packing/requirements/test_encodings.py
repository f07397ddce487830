"""Files as editors on Windows save them: with a byte order mark, CR LF, or as UTF-16."""

import codecs

import pytest

from lambdify.cli import settings
from lambdify.cli.packing.requirements import pipenv, sources
from lambdify.cli.packing.requirements.indexes import find_indexes
from lambdify.cli.packing.requirements.requirements import read_lines
from lambdify.cli.storage import texts

WRITERS = {
    "plain": lambda text: text.encode(),
    "notepad": lambda text: codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
    "powershell": lambda text: codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le"),
    "big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "old-mac": lambda text: text.replace("\n", "\r").encode(),
}
DECLARING = '[project]\nname = "café"\nversion = "1"\ndependencies = [\n  "flask",\n]\n'
LOCK = '{"_meta": {"sources": []},\n "default": {"web": {"version": "==1.0"}}}\n'


@pytest.fixture(params=WRITERS)
def save(request):
    return WRITERS[request.param]


def test_requirements_and_what_they_include(project, save):
    root = project(
        {
            "requirements.txt": save("# café\n-r more.txt\nflask==3.1 \\\n  ; python_version > '3'\n"),
            "more.txt": save("idna\n"),
        }
    )
    lines = read_lines(root / "requirements.txt")
    assert [" ".join(line.split()) for line in lines] == ["idna", "flask==3.1 ; python_version > '3'"]


def test_a_pyproject(project, save):
    root = project({"pyproject.toml": save(DECLARING)})
    assert sources.read_toml(root / "pyproject.toml")["project"]["dependencies"] == ["flask"]
    assert settings.load(root).name == "caf"


def test_pipenvs_lock_and_its_markers(project, save):
    root = project(
        {
            "Pipfile.lock": save(LOCK.replace("==1.0", "*")),
            "Pipfile": save('[packages]\nweb = {version = "*", sys_platform = "== \'win32\'"}\n'),
        }
    )
    assert pipenv.read_pipfile_lock(root / "Pipfile.lock", ()) == ("web ; sys_platform == 'win32'",)


def test_the_settings_of_uv(project, save):
    root = project({"uv.toml": save('[[index]]\nurl = "https://example.org/simple"\ndefault = true\n')})
    assert find_indexes((), root, {"XDG_CONFIG_HOME": "/nowhere"}).default == "https://example.org/simple"


def test_our_own_settings(project, save):
    root = project({"lambdify.toml": save('name = "shop"\n[function]\nmemory = 1024\n')})
    assert settings.load(root).function.memory == 1024


def test_a_mark_of_utf_32_is_not_taken_for_one_of_utf_16():
    assert texts.decode(codecs.BOM_UTF32_LE + "x\r\n".encode("utf-32-le")) == "x\n"


@pytest.mark.slow
def test_uv_resolves_them_as_they_are(project, index, install, save):
    index.add_wheel("web", "1.0")
    index.add_wheel("idna", "3.10")
    root = project(
        {"requirements.txt": save(f"{index.option}web\n-r more.txt\n"), "more.txt": save("idna==3.10\n")}
    )
    assert install(root).versions == {"web": "1.0", "idna": "3.10"}
