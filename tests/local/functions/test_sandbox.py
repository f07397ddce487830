"""A function in a sandbox sees what Lambda shows it, and fails as it fails there."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local.running import ARN, MINOR, REQUEST_ID, Running
from waiting import eventually

from lambdify.cli.local.functions.sandbox import SandboxGone
from lambdify.cli.local.processes import identify, wait

pytestmark = pytest.mark.slow

Run = Callable[..., Running]


def error(payload: bytes) -> tuple[str, str]:
    body: dict[str, Any] = json.loads(payload)
    return body["errorType"], body["errorMessage"]


def test_a_handler_gets_the_event_and_a_context_and_returns_json(run: Run) -> None:
    running = run(
        "def handler(event, context):\n"
        "    return [event['n'] + 1, context.aws_request_id, context.invoked_function_arn,\n"
        "            context.function_version, context.get_remaining_time_in_millis() > 4000]\n"
    )
    outcome = running.invoke('{"n": 1}')
    assert not outcome.failed
    assert json.loads(outcome.payload) == [2, REQUEST_ID, f"{ARN}:7", "7", True]


def test_the_process_stays_for_the_next_event(run: Run) -> None:
    running = run("import os\ndef handler(event, context):\n    return os.getpid()\n")
    assert running.invoke().payload == running.invoke().payload


# ---------------------------------------------------------------- what it sees


def test_the_developers_environment_is_invisible(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("AWS_PROFILE", "private")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    seen = json.loads(
        run("import os\ndef handler(event, context):\n    return dict(os.environ)\n").invoke().payload
    )
    assert not {"DATABASE_PASSWORD", "AWS_PROFILE", "PYTHONPATH", "MINISTACK_LAMBDA_PROXY_URL"} & set(seen)
    assert "secret" not in str(seen)
    assert not Path(seen["HOME"]).samefile(Path.home())
    assert seen["GREETING"] == "hello"


def test_the_environment_is_a_managed_runtimes(run: Run) -> None:
    running = run("import os\ndef handler(event, context):\n    return dict(os.environ)\n")
    seen = json.loads(running.invoke().payload)
    assert seen["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{MINOR}"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "shop"
    assert seen["AWS_LAMBDA_FUNCTION_VERSION"] == "7"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/shop"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[7\][0-9a-f]{32}", seen["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert seen["LAMBDA_TASK_ROOT"] == str(running.sandbox.program.task_root)
    assert seen["_HANDLER"] == "app.handler"
    assert seen["TZ"] == ":UTC"
    assert seen["_X_AMZN_TRACE_ID"].startswith("Root=1-")


@pytest.mark.parametrize("module", ["flask", "pytest", "lambdify", "pip"])
def test_what_is_not_packaged_does_not_import(run: Run, module: str) -> None:
    outcome = run(f"import {module}\ndef handler(event, context):\n    pass\n").invoke()
    assert error(outcome.payload) == (
        "Runtime.ImportModuleError",
        f"Unable to import module 'app': No module named '{module}'",
    )


def test_the_runtimes_boto3_and_the_layers_import_and_the_app_comes_first(run: Run, tmp_path: Path) -> None:
    site = tmp_path / "opt" / "python" / "lib" / f"python{MINOR}" / "site-packages"
    site.mkdir(parents=True)
    (site / "inner.py").write_text("where = 'site-packages'")
    (site / "both.py").write_text("where = 'layer'")
    (tmp_path / "opt" / "python" / "plain.py").write_text("where = 'python'")
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "both.py").write_text("where = 'app'")
    running = run(
        "import boto3, inner, plain, both\n"
        "def handler(event, context):\n    return [inner.where, plain.where, both.where]\n"
    )
    assert json.loads(running.invoke().payload) == ["site-packages", "python", "app"]


def test_its_aws_calls_go_to_the_local_cloud(run: Run) -> None:
    running = run(
        "import boto3\ndef handler(event, context):\n    return boto3.client('s3').meta.endpoint_url\n"
    )
    assert json.loads(running.invoke().payload) == "http://127.0.0.1:9"


def test_temporary_files_are_its_own_and_go_with_it(run: Run) -> None:
    source = (
        "import tempfile\ndef handler(event, context):\n"
        "    return tempfile.NamedTemporaryFile(delete=False).name\n"
    )
    first, second = run(source), run(source)
    names = [Path(json.loads(running.invoke().payload)) for running in (first, second)]
    assert names[0].exists()
    assert names[0].parent != names[1].parent
    first.sandbox.close()
    assert not names[0].exists()
    assert names[1].exists()


def test_the_working_directory_is_the_code(run: Run) -> None:
    running = run("import os\ndef handler(event, context):\n    return os.getcwd()\n")
    assert json.loads(running.invoke().payload) == str(running.sandbox.program.task_root)


def test_a_variable_of_the_function_may_be_one_of_pythons_own(run: Run) -> None:
    running = run(
        "import sys\ndef handler(event, context):\n    return sys.path\n",
        environment=(("PYTHONPATH", "/opt/elsewhere"),),
    )
    assert "/opt/elsewhere" in json.loads(running.invoke().payload)


# ---------------------------------------------------------------- how it fails


def test_an_error_in_the_handler_has_its_stack_trace(run: Run) -> None:
    running = run("def handler(event, context):\n    raise KeyError('colour')\n")
    outcome = running.invoke()
    body = json.loads(outcome.payload)
    assert outcome.failed
    assert outcome.usable
    assert (body["errorType"], body["errorMessage"]) == ("KeyError", "'colour'")
    assert "app.py" in body["stackTrace"][0]
    trace = next(line for line in running.log if line.startswith("[ERROR] KeyError: 'colour'"))
    assert "Traceback (most recent call last):\n" in trace, "the whole trace is one event"


def test_an_error_at_import_is_told_to_the_first_caller(run: Run) -> None:
    running = run("raise RuntimeError('no database')\n")
    outcome = running.invoke()
    assert error(outcome.payload) == ("RuntimeError", "no database")
    assert not outcome.usable
    assert any("no database" in line for line in running.log)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("exit()", "Runtime exited without providing a reason"),
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("ctypes.string_at(0)", "Runtime exited with error: signal: segmentation fault"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_exit_error(run: Run, statement: str, reason: str) -> None:
    running = run(f"import ctypes, os, signal, sys\ndef handler(event, context):\n    {statement}\n")
    outcome = running.invoke()
    assert error(outcome.payload) == ("Runtime.ExitError", f"RequestId: {REQUEST_ID} Error: {reason}")
    assert not outcome.usable
    assert running.log[-1].endswith("Status: error\tError Type: Runtime.ExitError\t")


def test_a_process_that_ends_while_it_imports_is_an_exit_error_too(run: Run) -> None:
    outcome = run("import os\nos._exit(1)\n").invoke()
    assert error(outcome.payload)[0] == "Runtime.ExitError"


def test_a_process_that_died_between_two_events_gives_the_second_one_back(run: Run) -> None:
    running = run("import os\ndef handler(event, context):\n    return os.getpid()\n")
    pid = int(running.invoke().payload)
    process = identify(pid)
    os.kill(pid, signal.SIGKILL)
    assert process
    assert wait(process, patience=60)
    with pytest.raises(SandboxGone):
        running.invoke()


@pytest.mark.slow
def test_an_invocation_that_takes_too_long_is_killed_with_all_that_it_started(run: Run) -> None:
    running = run(
        "import subprocess, time\n"
        "def handler(event, context):\n"
        "    print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
        "    time.sleep(60)\n",
        timeout=1,
    )
    started = time.monotonic()
    outcome = running.invoke()
    assert time.monotonic() - started < 50
    message = f"RequestId: {REQUEST_ID} Error: Task timed out after 1.00 seconds"
    assert error(outcome.payload) == ("Sandbox.Timedout", message)
    assert running.log[-1].endswith("Status: timeout\t")
    child = next(int(line) for line in running.log if line.isdecimal())
    running.sandbox.close()
    # A signal is sent at once, but a busy system takes its time to end who gets it.
    assert eventually(lambda: identify(child) is None)


def test_a_response_over_six_megabytes_is_refused_and_the_process_goes_on(run: Run) -> None:
    running = run("def handler(event, context):\n    return 'x' * event['size']\n")
    outcome = running.invoke('{"size": 6300000}')
    assert error(outcome.payload) == (
        "Function.ResponseSizeTooLarge",
        "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    )
    assert outcome.usable
    assert len(running.invoke('{"size": 6200000}').payload) == 6200002


def test_what_is_not_json_is_an_error_of_the_function(run: Run) -> None:
    assert error(run("def handler(event, context):\n    return {1, 2}\n").invoke().payload) == (
        "Runtime.MarshalError",
        "Unable to marshal response: Object of type set is not JSON serializable",
    )


# ---------------------------------------------------------------- what it leaves in the log


def test_the_log_tells_each_invocation_as_lambda_does(run: Run) -> None:
    running = run(
        "import logging\nprint('importing')\n"
        "def handler(event, context):\n    print('working')\n    logging.warning('careful')\n"
    )
    running.invoke()
    init, importing, start, *written, end, report = running.log
    assert init == f"INIT_START Runtime Version: python:{MINOR}"
    assert importing == "importing"
    assert start == f"START RequestId: {REQUEST_ID} Version: 7"
    # The two go through pipes of their own.
    careful, working = sorted(written)
    assert re.fullmatch(rf"\[WARNING\]\t[-\d]+T[:.\d]+Z\t{REQUEST_ID}\tcareful", careful)
    assert working == "working"
    assert end == f"END RequestId: {REQUEST_ID}"
    assert re.fullmatch(
        rf"REPORT RequestId: {REQUEST_ID}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 512 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t",
        report,
    )


def test_in_the_json_format_the_platforms_lines_are_records(run: Run) -> None:
    running = run("def handler(event, context):\n    pass\n", log_format="JSON")
    running.invoke()
    records = [json.loads(line) for line in running.log]
    assert [each["type"] for each in records] == [
        "platform.initStart",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ]
    assert records[1]["record"] == {"requestId": REQUEST_ID, "version": "7"}
    report = records[-1]["record"]
    assert (report["requestId"], report["status"]) == (REQUEST_ID, "success")
    assert set(report["metrics"]) == {
        "durationMs",
        "billedDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
        "initDurationMs",
    }


def test_in_the_json_format_a_report_says_what_went_wrong(run: Run) -> None:
    running = run("import os\ndef handler(event, context):\n    os._exit(3)\n", log_format="JSON")
    running.invoke()
    report = json.loads(running.log[-1])["record"]
    assert (report["status"], report["errorType"]) == ("error", "Runtime.ExitError")


def test_only_the_first_report_has_an_init_duration(run: Run) -> None:
    running = run("def handler(event, context):\n    pass\n")
    running.invoke()
    running.invoke()
    assert "Init Duration" not in running.log[-1]


def test_an_invocation_gives_back_the_end_of_its_own_log(run: Run) -> None:
    running = run("def handler(event, context):\n    print(event['word'])\n")
    running.invoke('{"word": "first"}')
    log = running.invoke('{"word": "second"}').log
    assert "second" in log
    assert "first" not in log
    assert log.startswith("START")
    assert log.splitlines()[-1].startswith("REPORT")


@pytest.mark.slow
def test_a_function_that_prints_more_than_a_pipe_holds_is_not_held_up(run: Run) -> None:
    running = run("def handler(event, context):\n    for n in range(20000): print('line', n)\n")
    assert not running.invoke().failed
    assert "line 19999" in running.log
    assert running.log[-1].startswith("REPORT")


@pytest.mark.slow
def test_nothing_runs_between_two_events(run: Run) -> None:
    running = run(
        "import threading, time\nticks = []\n"
        "def tick():\n    while True:\n        ticks.append(1)\n        time.sleep(0.01)\n"
        "threading.Thread(target=tick, daemon=True).start()\n"
        "def handler(event, context):\n    return len(ticks)\n"
    )
    running.invoke()
    before = int(running.invoke().payload)
    time.sleep(0.5)
    assert int(running.invoke().payload) - before < 10


@pytest.mark.slow
def test_warm_invocations_take_about_a_millisecond(run: Run) -> None:
    running = run("def handler(event, context):\n    return event\n")
    running.invoke()
    times = []
    for _ in range(200):
        started = time.perf_counter()
        running.invoke()
        times.append(time.perf_counter() - started)
    # Nagle's algorithm against delayed ACKs would make it 40: generous for a machine that is busy.
    assert sorted(times)[100] < 0.02
