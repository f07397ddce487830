"""The site of the documents: every page has its place, every link leads somewhere, every command is one."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import click
import pytest
from uv import find_uv_bin

from lambdify.cli.main import commands

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]

sys.path.insert(0, str(DOCS))
import settings_page  # noqa: E402 - a program of docs/, not a module


def test_the_page_of_options_is_made_of_the_defaults():
    assert settings_page.PAGE.read_text() == settings_page.write(), "run: python docs/settings_page.py"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_page_has_its_place(page):
    entries = re.findall(r"^[a-z-]+$", (DOCS / "index.md").read_text(), flags=re.MULTILINE)
    assert page.stem == "index" or page.stem in entries


def fenced(text):
    """The lines of the blocks of a page that show a terminal."""
    for kind, block in re.findall(r"^```([^\n]*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        yield from block.splitlines() if kind in ("", "sh", "console") else ()


def command_lines(text):
    """What is typed on a page: lambdify's lines, without what follows them in a shell."""
    for line in fenced(text):
        if found := re.match(r"(?:\$ )?lambdify (?!\d)([^#|>;&]*)", line):
            yield found[1].strip()


SHOWN = sorted({line for page in PAGES for line in command_lines(page.read_text())})


def parse(group, name, words):
    """Read the words as the command line does, without doing anything."""
    with group.make_context(name, words, obj={}) as context:
        if isinstance(group, click.Group):
            rest = [*context._protected_args, *context.args]
            _, command, others = group.resolve_command(context, rest)
            assert command, rest
            parse(command, command.name, others)


@pytest.mark.parametrize("line", SHOWN)
def test_every_command_that_is_shown_is_one(line, tmp_path, monkeypatch):
    words = [word.strip("'\"") for word in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line)]
    monkeypatch.chdir(tmp_path)
    for word in words:
        if re.fullmatch(r"[a-z]+\.log", word):  # a file that it reads
            (tmp_path / word).touch()
    parse(commands, "lambdify", words)


@pytest.mark.slow
@pytest.mark.index
def test_the_site_is_made_without_a_warning(tmp_path):
    setup = ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    needed = setup["options.extras_require"]["docs"].split()
    run = [find_uv_bin(), "run", "--quiet", "--no-project", "--python", sys.executable]
    run += [word for name in needed for word in ("--with", name)]
    built = subprocess.run(
        [*run, "python", "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", DOCS, tmp_path / "site"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "comparison.html").is_file()
