"""Zappa's own list of its settings, held against ours: none is missing, and none is made up."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambdify.cli.moving.tools import zappa

pytestmark = [pytest.mark.slow, pytest.mark.index]

VERSION = "0.63.0"
READ = re.compile(r"""stage_config(?:\.get\(|\[)\s*["'](\w+)["']""")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Zappa's files by their names: code, and the documentation in METADATA."""
    folder = tmp_path_factory.mktemp("zappa")
    asked = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        f"zappa=={VERSION}",
        "--dest",
        folder,
    ]
    subprocess.run(asked, check=True, timeout=300)
    (wheel,) = folder.glob("zappa-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {
            name.rpartition("/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith(("/METADATA", "/cli.py", "/core.py"))
        }


def documented(text):
    """The keys of the long example of its documentation; those of tables inside are indented further."""
    (example,) = re.findall(
        r"^## Advanced Settings\n.*?```javascript\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE
    )
    return set(re.findall(r'^ {8}"(\w+)"\s*:', example, flags=re.MULTILINE))


def read(text):
    """The keys that its code reads of a stage."""
    (custom,) = re.findall(r"^CUSTOM_SETTINGS = \[(.*?)\]", text, flags=re.DOTALL | re.MULTILINE)
    legacy = re.findall(r'if "(\w+)" in settings', text)
    return {*READ.findall(text), *re.findall(r'"(\w+)"', custom), *legacy, "extends"}


def test_every_key_that_zappa_documents_or_reads_is_known(package):
    theirs = documented(package["METADATA"]) | read(package["cli.py"])
    assert len(documented(package["METADATA"])) > 80
    assert theirs - zappa.known() == set()


def test_every_key_that_is_known_is_zappas(package):
    theirs = documented(package["METADATA"]) | read(package["cli.py"])
    assert zappa.known() - theirs == set()


def test_what_zappa_once_had_it_reads_no_more(package):
    theirs = documented(package["METADATA"]) | read(package["cli.py"])
    assert set(zappa.table()["gone"]) & theirs == set()


def test_a_key_has_one_fate():
    parts = [zappa.table()[part] for part in ("carried", "needless", "by_hand", "refused", "gone")] + [
        zappa.HANDLERS
    ]
    keys = [key for part in parts for key in part]
    assert sorted(keys) == sorted(set(keys))


def test_the_keys_inside_a_setting_are_zappas(package):
    text = "".join(package.values())
    inside = {key for keys in zappa.table()["inside"].values() for key in keys}
    assert {key for key in inside if not re.search(rf'["\']{key}["\']', text)} == set()


def test_the_page_for_who_moves_in_names_every_key():
    page = (Path(__file__).parents[3] / "docs/moving-in.md").read_text()
    said = set(re.findall(r"`(\w+)`", page.partition("## From Zappa")[2].partition("\n## ")[0]))
    assert (zappa.known() | set(zappa.table()["gone"])) - said == set()
