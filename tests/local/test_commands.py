"""`lambdify run` and its kin as a user types them, in a real Lambda of the local cloud."""

import hashlib
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local.running import MINOR
from waiting import PATIENCE, eventually

from lambdify.cli.local.daemon import cloud as room

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

LAMBDIFY = str(Path(sys.executable).with_name("lambdify"))
APP = """
import os
import click
from flask import Flask

app = Flask(__name__)

@app.cli.command()
def greet():
    click.echo(os.environ["GREETING"])
"""
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "models")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
MODELS = """
import os
SECRET_KEY = "not one"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
"""
"""A project may have both: commands need no app."""
SETTINGS = f"""
name = "commands"
app = "main:app"
[function]
python = "{MINOR}"
timeout = 3
[warm]
every = "off"
[commands]
timeout = 60
"""
PLAIN = SETTINGS.replace('"commands"', '"plain"').replace("timeout = 60", "")
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def shop(cloud: room.Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that is deployed to the local cloud."""
    folder = tmp_path_factory.mktemp("shop")
    database = f'[environment]\nDATABASE = "{tmp_path_factory.mktemp("database") / "db"}"\n'
    files = {"main.py": APP, "manage.py": MANAGE, "models.py": MODELS, "requirements.txt": "flask\ndjango\n"}
    for name, text in {**files, "lambdify.toml": SETTINGS + database}.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [LAMBDIFY, "deploy", "--local", "--yes"], cwd=folder, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    yield folder
    subprocess.run([LAMBDIFY, "undeploy", "--local", "--yes"], cwd=folder, timeout=120, check=True)


@pytest.fixture
def lambdify(shop: Path) -> Run:
    """`lambdify("run", "dev", ...)`: what the command comes to in the project's folder."""

    def run(*words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(
            [LAMBDIFY, *words], cwd=shop, capture_output=True, timeout=PATIENCE, check=False, **given
        )

    return run


class Terminal:
    """A command at a terminal."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.pid, self._master = pty.fork()
        if not self.pid:
            os.chdir(folder)
            # A pipeline's variable says that nobody is there to be asked.
            environ = {name: value for name, value in os.environ.items() if name != "CI"}
            os.execve(LAMBDIFY, [LAMBDIFY, *words], environ)
        self.shown = b""

    def expect(self, text: bytes) -> None:
        """Return when that is shown."""
        give_up = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < give_up, self.shown
            self._read()

    def type(self, keys: bytes) -> None:
        self.shown = b""
        os.write(self._master, keys)

    def end(self) -> int:
        """The exit code, when the command has ended."""
        while self._read():
            pass
        os.close(self._master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            return False
        self.shown += data
        return bool(data)


def test_streams_stay_apart_and_the_exit_code_is_the_commands_own(lambdify):
    done = lambdify("run", "dev", "--local", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_the_options_may_stand_before_and_behind_the_stage_and_the_rest_is_the_programs(lambdify):
    for words in (("--local", "dev"), ("dev", "--local")):
        done = lambdify(
            "run", *words, "--env", "WORD=hi", "sh", "-c", 'echo $WORD "$@"', "-", "--local", "-h"
        )
        assert (done.returncode, done.stdout) == (0, b"hi --local -h\n")


def test_a_program_that_is_not_there_is_127_and_an_error_of_ours_125(lambdify):
    done = lambdify("run", "dev", "--local", "no-such-program")
    assert (done.returncode, done.stderr) == (127, b"no-such-program: No such file or directory\n")
    done = lambdify("run", "other", "--local", "true")
    assert done.returncode == 125
    assert b'error: Nothing is deployed as "commands-other"' in done.stderr
    assert lambdify("run").returncode == 125


def test_a_command_may_take_longer_than_the_app(lambdify):
    assert lambdify("run", "dev", "--local", "--", "sh", "-c", "sleep 4; echo done").stdout == b"done\n"


def test_5_mb_of_stdin_arrive(lambdify):
    data = os.urandom(5_000_000)
    done = lambdify("run", "dev", "--local", "--stdin", "sha256sum", stdin=data)
    assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest(), done.stderr


def test_stdin_is_not_read_unless_that_is_said(lambdify):
    assert lambdify("run", "dev", "--local", "cat", stdin=b"one").stdout == b""
    assert lambdify("run", "dev", "--local", "--stdin", "cat", stdin=b"one").stdout == b"one"


def test_what_is_not_finished_runs_again_when_that_is_asked_for(lambdify, tmp_path):
    again = f"echo $$ >> {tmp_path}/again; test $(wc -l < {tmp_path}/again) -ge 3 || exit 75"
    assert lambdify("run", "dev", "--local", "--", "sh", "-c", again).returncode == 75
    done = lambdify("run", "dev", "--local", "--repeat", "--", "sh", "-c", again)
    assert done.returncode == 0
    assert done.stderr.count(b"is not finished: it runs again") == 1


def test_a_detached_command_tells_where_its_log_is(lambdify):
    done = lambdify("run", "dev", "--local", "--detach", "--", "sh", "-c", "echo detached; exit 3")
    assert done.returncode == 0
    request = done.stdout.decode().strip()
    assert f"`lambdify logs dev --request {request} --local`" in done.stderr.decode()
    said = eventually(lambda: re.search(b"ended with 3", logs(lambdify, request)))
    assert said
    assert b"detached" in logs(lambdify, request)


def logs(lambdify: Run, request: str) -> bytes:
    return lambdify("logs", "dev", "--local", "--request", request).stdout


def test_output_and_variables_stay_out_of_the_log_where_that_is_asked_for(lambdify):
    words = ("--env", "KEY=swordfish", "--", "sh", "-c", "echo got $KEY")
    assert lambdify("run", "dev", "--local", "--no-log", *words).stdout == b"got swordfish\n"
    lambdify("run", "dev", "--local", "echo", "another")
    assert eventually(lambda: b"another" in lambdify("logs", "dev", "--local").stdout)
    assert b"swordfish" not in lambdify("logs", "dev", "--local").stdout


def test_code_runs_with_the_app(lambdify):
    code = b"for letter in 'ab':\n    print(letter, app.name)\nraise SystemExit(4)\n"
    done = lambdify("shell", "dev", "--local", stdin=code)
    assert (done.returncode, done.stdout) == (4, b"a main\nb main\n")


def test_a_prompt_keeps_variables_and_ctrl_d_ends_it(shop):
    terminal = Terminal(shop, "shell", "dev", "--local")
    terminal.expect(b"app is main:app; Ctrl-D ends.")
    terminal.type(b"x = 41\n")
    terminal.expect(b">>> ")
    terminal.type(b"print('got', x + 1)\n")
    terminal.expect(b"got 42")
    terminal.type(b"\x04")
    assert terminal.end() == 0


def test_ctrl_c_interrupts_what_is_typed_and_the_prompt_stays(shop):
    terminal = Terminal(shop, "shell", "dev", "--local")
    terminal.expect(b"Ctrl-D ends.")
    terminal.type(b"import time; print('be' + 'gun'); time.sleep(50)\n")
    terminal.expect(b"begun")
    terminal.type(b"\x03")
    terminal.expect(b"KeyboardInterrupt")
    terminal.type(b"exit(4)\n")
    assert terminal.end() == 4


def test_ctrl_c_ends_a_command_as_it_would_here(shop):
    terminal = Terminal(shop, "run", "dev", "--local", "--", "sh", "-c", "echo be''gun; sleep 50")
    terminal.expect(b"begun")
    terminal.type(b"\x03")
    assert terminal.end() == 130


def test_createsuperuser_asks_here(shop, lambdify):
    assert lambdify("manage", "dev", "--local", "migrate", "--verbosity=0").returncode == 0
    terminal = Terminal(shop, "manage", "dev", "--local", "createsuperuser", "--email=ada@shop.example")
    for question, answer in ((b"Username: ", b"ada"), (b"Password: ", b"pass"), (b"again): ", b"pass")):
        terminal.expect(question)
        terminal.type(answer + b"\n")
    terminal.expect(b"Superuser created successfully.")
    assert terminal.end() == 0
    code = (
        "from django.contrib.auth.models import User; print(*User.objects.values_list('username', 'email'))"
    )
    done = lambdify("manage", "dev", "--local", "shell", "--no-imports", "-c", code)
    assert done.stdout == b"('ada', 'ada@shop.example')\n", done.stderr


def test_the_examples_in_the_document_come_to_what_it_says(shop):
    """Each line as it stands there, with --local: a shell runs all of a block, one after another."""
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        lines = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        script = "\n".join(re.sub(r"lambdify (\w+)", rf"{LAMBDIFY} \1 --local", line) for line in lines)
        done = subprocess.run(
            ["sh", "-c", f"exec 2>&1\n{script}"],
            cwd=shop,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        expected = [line for line in block.splitlines() if not line.startswith("$ ")]
        assert done.stdout.splitlines() == expected


def test_the_log_of_commands_is_theirs(lambdify):
    lambdify("run", "dev", "--local", "echo", "in the log")
    logs = ("logs", "dev", "--local", "--function", "commands")
    assert eventually(lambda: b"in the log" in lambdify(*logs).stdout)


def test_a_stage_without_commands_says_the_line_to_write(lambdify, shop):
    (shop / "lambdify.toml").write_text(PLAIN)
    try:
        assert lambdify("deploy", "--local", "--yes").returncode == 0
        done = lambdify("run", "dev", "--local", "true")
        assert lambdify("undeploy", "--local", "--yes").returncode == 0
    finally:
        (shop / "lambdify.toml").write_text(SETTINGS)
    assert done.returncode == 125
    assert done.stderr.decode() == (
        "error: plain-dev has no Lambda for commands.\n"
        "hint: Write timeout = 900 below [commands] in lambdify.toml, "
        "then type `lambdify deploy dev --local`.\n"
    )
