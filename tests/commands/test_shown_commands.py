"""Every command that the documents show, run as it stands, in a project that has what they speak of.

Commands for AWS are run against the local cloud. How each of them ends is written down: a document that shows
a new one has to say here what comes of it.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from commands.own_cloud import LAMBDIFY, make_environ, opened
from project.test_site import DOCS, PAGES, fenced

from lambdify.cli.main import commands

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

FILES = {
    "lambdify.toml": """\
name = "shop"
region = "eu-central-1"
[function]
python = "3.11"
[commands]
timeout = 60
[functions.report]
handler = "work:report"
[functions.nightly]
handler = "work:report"
[stages.dev]
[stages.production]
[stages."pr-*"]
""",
    "requirements.txt": "flask\n",
    "main.py": """\
import os
import click
from flask import Flask
app = Flask("main")

@app.get("/")
def home():
    return "hello"

@app.cli.command("greet")
def greet():
    click.echo(os.environ.get("GREETING", ""))
""",
    "work.py": "def report(event, context):\n    return {'rows': 1}\n",
    "manage.py": "import sys\nprint(sys.argv[1:])\n",
    "access.log": '192.0.2.1 - - [23/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-" 0.010\n' * 50,
}
ENDS = {
    "domain production --wait": {2},  # the stage has no names of its own
    "doctor": {0, 1},  # 1 where this machine has no account of AWS
    "failures drop 1a2b3c4d": {2},  # nothing has failed
    "failures show 1a2b3c4d": {2},
    "manage dev check": {125},  # the app is no Django
    "manage dev --local migrate": {125},
    "rollback": {47},  # there is one release
    "rollback production 12": {47},
    "run dev no-such-program": {127},
    "run dev -- sh -c 'echo out; echo err >&2; exit 7'": {7},
}
"""Exit codes; all others end with 0."""
NOT_HERE = {
    "serve": "it runs until it is ended: tests/serve",
    "policy production": "it asks AWS for the account: with --account in test_policy.py",
    "policy production --github octo/shop": "it asks AWS for the account: with --account in test_policy.py",
    "policy --previews": "it asks AWS for the account: with --account below",
    "policy --previews --github octo/shop": "it asks AWS for the account: with --account below",
}
FIRST = ("deploy --local", "deploy production")
IN_AN_EMPTY_FOLDER = ("init", "new")
GROUPS = {"failures": "list", "previews": "list"}
"""What commands do that have commands below them and are typed alone."""
TYPED = {"secrets set": "hunter7\n"}


def lines() -> Iterator[str]:
    """What is typed after "lambdify" in the blocks of all pages, up to what belongs to the shell."""
    for page in PAGES:
        for line in fenced(page.read_text()):
            if not line.removeprefix("$ ").startswith("lambdify ") or line.startswith("lambdify 0"):
                continue
            read = shlex.shlex(line.removeprefix("$ "), posix=False, punctuation_chars="|;>&")
            read.whitespace_split, read.commenters = True, "#"
            words = list(read)[1:]
            ends = next((at for at, word in enumerate(words) if word[0] in "|;>&"), len(words))
            yield " ".join(words[:ends])


SHOWN = sorted(set(lines()))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root, home = tmp_path_factory.mktemp("shown") / "shop", tmp_path_factory.mktemp("home")
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    (root / ".git").mkdir()
    os.environ["LAMBDIFY_HOME"], before = str(home), os.environ.get("LAMBDIFY_HOME")
    with opened(root, make_environ(home)) as run:
        for line in FIRST:
            done = run(*line.removesuffix(" --local").split(), "--local")
            assert done.returncode == 0, done.stderr
        yield root
    if before is None:
        del os.environ["LAMBDIFY_HOME"]
    else:
        os.environ["LAMBDIFY_HOME"] = before
    shutil.rmtree(home, ignore_errors=True)


def with_local(words: list[str]) -> list[str]:
    """Return the words with --local, if the command takes it, before those of another program."""
    command: click.Command | None = commands
    at = 0
    with click.Context(commands) as context:
        while isinstance(command, click.Group):
            command = command.get_command(context, words[at] if at < len(words) else GROUPS[words[-1]])
            at += 1
    takes = command is not None and "local" in {each.name for each in command.params}
    return [*words[:at], "--local", *words[at:]] if takes and "--local" not in words else words


@pytest.mark.parametrize("line", [line for line in SHOWN if line not in NOT_HERE])
def test_a_command_that_is_shown_does_what_it_should(shop: Path, tmp_path: Path, line: str) -> None:
    words = shlex.split(line)
    here = tmp_path if words[0] in IN_AN_EMPTY_FOLDER else shop
    if words[0] == "init":
        (tmp_path / "main.py").write_text(FILES["main.py"])
        (tmp_path / "requirements.txt").write_text(FILES["requirements.txt"])
    shutil.rmtree(here / ".github", ignore_errors=True)
    done = subprocess.run(
        [LAMBDIFY, *with_local(words)],
        cwd=here,
        input=next((said for begin, said in TYPED.items() if line.startswith(begin)), ""),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode in ENDS.get(line, {0}), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("more", [[], ["--github", "octo/shop"]])
def test_the_policy_for_previews_is_shown(shop: Path, more: list[str]) -> None:
    line = ["policy", "--previews", "--account", "123456789012", *more]
    done = subprocess.run(
        [LAMBDIFY, *line], cwd=shop, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pr-*" in done.stdout


def test_what_is_left_out_or_ends_otherwise_is_still_shown() -> None:
    assert set(NOT_HERE) <= set(SHOWN), DOCS
    assert set(ENDS) <= set(SHOWN)
