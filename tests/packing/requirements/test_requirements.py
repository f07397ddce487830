"""Reading requirement lines."""

import pytest

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.requirements import (
    find_name,
    read_hashes,
    read_lines,
    read_pins,
    split_lines,
)

ONE, TWO = "1" * 64, "2" * 64


def test_continued_lines_are_one_and_comments_are_none():
    text = "# all of it\nflask==3.1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n\nclick  # why\n"
    assert split_lines(text) == ("flask==3.1      --hash=sha256:1      --hash=sha256:2", "click")


def test_a_fragment_of_a_url_is_no_comment():
    assert split_lines("pkg @ git+https://host/x#subdirectory=y") == (
        "pkg @ git+https://host/x#subdirectory=y",
    )


def test_included_files_are_read_from_where_they_lie_and_once(project):
    root = project(
        {
            "requirements.txt": "-r deps/web.txt\ndocopt\n",
            "deps/web.txt": "flask\n-r ../requirements.txt\n--requirement=more.txt\n",
            "deps/more.txt": "click\n",
        }
    )
    assert read_lines(root / "requirements.txt") == ("flask", "click", "docopt")


def test_a_mark_that_windows_editors_write_is_no_part_of_the_first_name(project):
    root = project({"requirements.txt": "\ufeffflask\n"})
    assert read_lines(root / "requirements.txt") == ("flask",)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Flask_SQLAlchemy>=3", "flask-sqlalchemy"),
        ("psycopg[binary]==3.2 ; sys_platform == 'linux'", "psycopg"),
        ("pkg @ git+https://host/x", "pkg"),
        ("-e ./pkg", None),
        ("--index-url https://host", None),
        ("./wheels/x.whl", None),
        ("https://host/x.whl", None),
        ("git+https://host/x", None),
        ("wheels/x.whl", None),
    ],
)
def test_the_name_of_a_line(line, name):
    assert find_name(line) == name


def test_which_names_are_pinned():
    lines = ("a==1.0", "b==1.*", "c>=1", "d===2", "e ; python_version == '3.13'", f"f==1 --hash=sha256:{ONE}")
    assert read_pins(lines) == {"a", "d", "f"}


def test_hashes_of_a_name_are_collected_from_all_its_lines():
    lines = (f"a==1 ; python_version<'3.12' --hash=sha256:{ONE}", f"A==2 --hash=sha256:{TWO}", "b")
    assert read_hashes(lines) == {"a": {ONE, TWO}}


def test_a_kind_of_hash_that_cannot_be_checked_is_refused_rather_than_ignored():
    with pytest.raises(RequirementsError, match="flask: only sha256"):
        read_hashes((f"flask==3 --hash=sha512:{ONE}{TWO}",))


def test_a_missing_include_says_which_file(project):
    root = project({"requirements.txt": "-r nowhere.txt\n"})
    with pytest.raises(RequirementsError, match=r"nowhere\.txt cannot be read"):
        read_lines(root / "requirements.txt")
