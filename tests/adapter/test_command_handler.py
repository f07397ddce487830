"""The handler for commands: what runs, what the caller gets, what the log has."""

import base64
import hashlib
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdify.adapter.commands.caller import Caller
from lambdify.adapter.commands.frames import NOTHING, STDERR, STDOUT

from .aws_service import AwsService
from .command_task import CALL, refuse

pytestmark = pytest.mark.slow

BIG = """
import sys
for number in range(300):
    sys.stdout.buffer.write(bytes([number % 251]) * 100_000)
print("e", file=sys.stderr)
"""
LIMITED = CALL.replace(
    "result =",
    "from lambdify.adapter.commands.caller import Caller\n"
    "Caller.__init__.__kwdefaults__['limit'] = 66_000\nresult =",
)
IMPATIENT = CALL.replace(
    "result =",
    "from lambdify.adapter.commands import process\nprocess.run.__kwdefaults__['heartbeat'] = 0.01\nresult =",
)
WITHOUT_SITE = """
import sys
class Flags:
    no_site, real = 1, sys.flags
    def __getattr__(self, name):
        return getattr(self.real, name)
sys.flags = Flags()
"""
LINES = """
printf 'one\nt'
printf 'wo\n'
head -c 70000 /dev/zero | tr '\\0' x
printf end
"""
ASK = """
import os, shop
print(os.getcwd(), shop.NAME, *map(os.environ.get, ["FLASK_APP", "A", "B", "TZ"]))
"""
LONG = """
print("begun", flush=True)
for number in range(300):
    print(number, "x" * 9999)
print("done")
"""


def test_a_command_answers_by_frames_and_its_result_is_not_posted(task):
    answer = task.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert answer.of(STDOUT) == b"out\n"
    assert answer.of(STDERR) == b"err\n"
    assert answer.end == {"code": 7, "reason": ""}
    assert answer.task.returncode == 0, answer.task.stderr
    assert sorted(answer.task.stdout.splitlines()) == sorted(
        ["out", "err", "sh -c 'echo out; echo err >&2; exit 7' ended with 7"]
    )


def test_30_mb_of_output_are_the_same_at_the_caller(task):
    answer = task.run("python", "-c", BIG, log=False)
    expected = b"".join(bytes([n % 251]) * 100_000 for n in range(300))
    assert hashlib.sha256(answer.of(STDOUT)).digest() == hashlib.sha256(expected).digest()
    assert (answer.of(STDERR), answer.end["code"]) == (b"e\n", 0)
    assert answer.task.stdout == ""


def test_output_beyond_the_limit_is_in_the_log_alone_and_the_end_says_so(task):
    answer = task.run("sh", "-c", "printf '%2000s\n' x; echo more; exit 3", script=LIMITED)
    assert answer.of(STDOUT) == b""
    assert answer.end == {"code": 3, "reason": "output"}
    assert "more" in answer.task.stdout


def test_a_detached_command_answers_by_its_result(task):
    answer = task.run("sh", "-c", "echo out; exit 7", detached=True)
    assert answer.task.stdout.splitlines()[0] == "out"
    assert answer.task.stdout.splitlines()[-1] == 'posted {"code": 7, "reason": ""}'


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [("no-such-program", 127, "No such file or directory"), ("./notes.txt", 126, "Permission denied")],
)
def test_what_cannot_run_says_why(task, program, code, said):
    (task.root / "notes.txt").write_text("notes")
    answer = task.run(program, log=False)
    assert answer.of(STDERR).decode() == f"{program}: {said}\n"
    assert answer.end["code"] == code


def test_a_process_that_left_the_session_ends_with_the_command(task):
    daemon = "setsid sh -c 'sleep 600 & echo $! > pid' & while ! [ -s pid ]; do :; done"
    assert task.run("sh", "-c", daemon).end["code"] == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((task.root / "pid").read_text()), signal.SIGCONT)


def test_the_log_has_whole_lines_and_the_last_without_its_break(task):
    (task.root / "lines.sh").write_text(LINES)
    lines = task.run("sh", "lines.sh").task.stdout.splitlines()
    assert lines[:2] == ["one", "two"]
    assert [line.strip("x") for line in lines[2:-1] if line.strip("x")] == ["end"]
    assert sum(line.count("x") for line in lines[2:-1]) == 70_000


def test_a_command_runs_in_the_project_with_its_modules_and_variables(task):
    task.note(app="main:app", path="src")
    (task.root / "src").mkdir()
    (task.root / "src" / "shop.py").write_text("NAME = 'shop'")
    given = {"A": "given", "TZ": ":UTC", "B": "the function's"}
    answer = task.run("python3", "-c", ASK, environ=given, environment={"A": "for this run"})
    assert answer.of(STDOUT).decode().split() == [
        str(task.root), "shop", "main:app", "for", "this", "run", "the", "function's", "UTC",
    ]  # fmt: skip


def test_a_command_knows_when_it_is_asked_to_end(task):
    before = time.time()
    answer = task.run("python", "-c", "import os; print(os.environ['LAMBDIFY_DEADLINE'])")
    assert before + 52 <= int(answer.of(STDOUT)) <= time.time() + 54


def test_a_console_script_of_a_packed_distribution_is_a_command(task):
    answer = task.run("flask", "--version")
    assert answer.of(STDOUT).startswith(b"Python 3.")
    assert answer.end["code"] == 0


def test_without_site_packages_python_has_none_either(task):
    (task.root / "site.py").write_text("raise SystemExit('site was loaded')")
    script = f"{WITHOUT_SITE}{CALL}"
    answer = task.run("python", "-c", "print('alone')", script=script)
    assert answer.of(STDOUT) == b"alone\n"


def test_secrets_are_fetched_first(task):
    task.note(secrets={"KEY": "ssm:/shop/key"})
    service = AwsService([(200, {"Parameters": [{"Name": "/shop/key", "Value": "s3cret"}]})])
    keys = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    answer = task.run("sh", "-c", "echo $KEY", environ={**keys, "AWS_ENDPOINT_URL": service.url}, log=False)
    service.close()
    assert answer.of(STDOUT) == b"s3cret\n"


FIVE_MB = os.urandom(5_000_000)
HASH = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"


def test_stdin_comes_with_the_call(task):
    given = base64.b64encode(FIVE_MB[:3_000_000]).decode()
    answer = task.run("python", "-c", HASH, stdin=given)
    assert answer.of(STDOUT).decode().strip() == hashlib.sha256(FIVE_MB[:3_000_000]).hexdigest()


def test_stdin_comes_from_a_signed_url(task, bucket):
    bucket.content = FIVE_MB
    answer = task.run("python", "-c", HASH, stdin_url=bucket.url)
    assert answer.of(STDOUT).decode().strip() == hashlib.sha256(FIVE_MB).hexdigest()


def test_a_command_that_is_given_nothing_reads_nothing(task):
    assert task.run("python", "-c", "import sys; print(repr(sys.stdin.read()))").of(STDOUT) == b"''\n"


def test_a_caller_who_has_gone_stops_nothing(task, api):
    def hang_up() -> bytes:
        api.hang_up_after(b"begun")
        return b"\r\n\r\n"

    answer = task.run("python", "-c", LONG, play=hang_up)
    assert answer.task.returncode == 0, answer.task.stderr
    assert "done" in answer.task.stdout


def test_an_answer_that_lambda_refuses_is_logged(task, api):
    answer = task.run("true", play=lambda: refuse(api))
    assert "Lambda refused a streamed response" in answer.task.stderr


def test_a_mistake_of_the_handler_breaks_the_answer_off(task, api):
    def read() -> bytes:
        with api.accept() as connection:
            received = b""
            while piece := connection.recv(65_536):
                received += piece
        return received

    answer = task.run("true", play=read, environment=1)
    assert answer.frames == []
    assert answer.task.returncode == 1
    assert "TypeError" in answer.task.stderr


def test_no_event_of_the_app_is_a_command(task):
    script = CALL.replace("json.load(sys.stdin)", "({'rawPath': '/', 'detached': True}, 1000)")
    assert "KeyError: 'words'" in task.run(detached=True, script=script).task.stderr


def test_a_silent_command_has_nothing_in_the_log(task):
    answer = task.run("sleep", "0.3", script=IMPATIENT)
    assert (NOTHING, b"") in answer.frames
    assert answer.task.stdout == "sleep 0.3 ended with 0\n"
    assert json.loads(answer.frames[-1][1]) == {"code": 0, "reason": ""}


def test_a_caller_who_goes_while_lambda_takes_the_end_is_no_mistake(api, caplog):
    caller = Caller(api.address, "42")
    with ThreadPoolExecutor(1) as threads:
        hung_up = threads.submit(api.hang_up_after, b"0\r\n\r\n")
        caller.close()
        hung_up.result(60)
    assert not caplog.records
