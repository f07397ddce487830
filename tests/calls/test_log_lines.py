"""Lines as Lambda writes them in both formats, read and shown."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.cli.calls import log_lines, log_view
from lambdify.cli.calls.log_lines import INIT, LogLine

AT = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ID = "1a2b3c4d-0000-4000-8000-000000000001"
OTHER = "5e6f7a8b-0000-4000-8000-000000000002"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 12.34 ms\tBilled Duration: 358 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 64 MB\tInit Duration: 345.20 ms\t"
)


def line(message, stream="one", seconds=0.0):
    return LogLine(id="", at=AT + timedelta(seconds=seconds), stream=stream, message=message)


def platform(kind, **record):
    return json.dumps({"time": "2026-11-23T12:00:00.123Z", "type": f"platform.{kind}", "record": record})


def parse(message):
    return log_lines.parse(line(message))


# -------------------------------------------------------------------- text


def test_a_report_is_its_numbers():
    entry = parse(REPORT)
    assert (entry.kind, entry.request, entry.level) == ("report", ID, "")
    assert entry.fields == {
        "duration_ms": 12.34,
        "billed_duration_ms": 358,
        "memory_size_mb": 512,
        "max_memory_used_mb": 64,
        "init_duration_ms": 345.20,
    }


def test_a_logged_line_has_its_level_its_request_and_its_text():
    entry = parse(f"[WARNING]\t2026-11-23T12:00:00.123Z\t{ID}\tlow stock\nof pens")
    assert (entry.level, entry.request, entry.message) == ("WARN", ID, "low stock\nof pens")


def test_what_is_logged_while_the_app_is_imported_has_no_request():
    entry = parse("[INFO]\t2026-11-23T12:00:00.123Z\t\tconnected")
    assert (entry.level, entry.request, entry.message) == ("INFO", "", "connected")


def test_an_exception_is_an_error_with_its_traceback():
    entry = parse("[ERROR] KeyError: 'order'\nTraceback (most recent call last):\n  File ...")
    assert entry.level == "ERROR"
    assert entry.message.startswith("KeyError: 'order'\nTraceback")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"2026-11-23T12:00:03.000Z {ID} Task timed out after 3.00 seconds",
            "Task timed out after 3.00 seconds",
        ),
        (
            f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
            "Runtime exited with error: signal: killed\nRuntime.ExitError",
        ),
    ],
)
def test_the_end_of_a_function_that_died_is_an_error_of_its_request(text, message):
    entry = parse(text)
    assert (entry.level, entry.request, entry.message) == ("ERROR", ID, message)


@pytest.mark.parametrize(
    "text", ["hello", "", "{not json", '["a list"]', "START of something", "[note] a\tb"]
)
def test_anything_else_is_a_line_as_it_is(text):
    entry = parse(text)
    assert (entry.kind, entry.level, entry.request, entry.message) == ("line", "", "", text)


# -------------------------------------------------------------------- json


def test_the_report_of_the_json_format_is_the_same():
    metrics = {
        "durationMs": 12.34,
        "billedDurationMs": 358,
        "memorySizeMB": 512,
        "maxMemoryUsedMB": 64,
        "initDurationMs": 345.20,
    }
    entry = parse(platform("report", requestId=ID, metrics=metrics, status="success"))
    assert (entry.kind, entry.request, entry.level) == ("report", ID, "")
    assert entry.fields == {**parse(REPORT).fields, "status": "success"}


def test_a_record_of_the_handler_has_its_level_request_and_message_and_the_rest_beside():
    record = {
        "timestamp": "2026-11-23T12:00:00Z",
        "level": "ERROR",
        "message": "no such book",
        "logger": "shop",
        "requestId": ID,
        "book": 7,
    }
    entry = parse(json.dumps(record))
    assert (entry.level, entry.request, entry.message) == ("ERROR", ID, "no such book")
    assert entry.fields == {"logger": "shop", "book": 7}


def test_an_exception_in_json_is_told_by_its_type_and_message():
    record = {
        "level": "ERROR",
        "errorType": "KeyError",
        "errorMessage": "'order'",
        "stackTrace": ["  File 1\n"],
    }
    entry = parse(json.dumps(record))
    assert entry.message == "KeyError: 'order'"
    assert entry.fields == {"stackTrace": ["  File 1\n"]}


@pytest.mark.parametrize("names", [("severity", "msg"), ("levelname", "event"), ("log_level", "message")])
def test_other_loggers_names_for_level_and_message_are_known(names):
    entry = parse(json.dumps({names[0]: "info", names[1]: "hello"}))
    assert (entry.level, entry.message, entry.fields) == ("INFO", "hello", {})


# -------------------------------------------------------------------- whose line it is


def owners(*lines):
    return [(entry.message, entry.request) for entry in log_lines.read(lines) if entry.kind == "line"]


def test_a_plain_line_belongs_to_the_request_that_its_environment_has():
    assert owners(
        line(f"START RequestId: {ID} Version: 7", "one"),
        line(f"START RequestId: {OTHER} Version: 7", "two"),
        line("from one", "one"),
        line("from two", "two"),
        line(f"END RequestId: {ID}", "one"),
        line(REPORT, "one"),
        line("after it", "one"),
    ) == [("from one", ID), ("from two", OTHER), ("after it", "")]


def test_in_json_as_in_text():
    assert owners(
        line(platform("initStart", phase="init")),
        line("importing"),
        line(platform("start", requestId=ID, version="7")),
        line("asked"),
    ) == [("importing", INIT), ("asked", ID)]


def test_what_is_written_before_the_first_request_belongs_to_the_init():
    lines = [line("INIT_START Runtime Version: python:3.13.v30"), line("importing")]
    assert owners(*lines) == [("importing", INIT)]


# -------------------------------------------------------------------- as a person reads them


def show(*messages):
    entries = log_lines.read(line(message) for message in messages)
    return [shown for entry in entries for shown in log_view.show(entry)]


def texts(*messages):
    return [shown.text for shown in show(*messages)]


OURS = {"shop.py"}.__contains__
CLOCK = f"{AT.astimezone():%H:%M:%S}.123"


def test_a_request_is_its_lines_and_one_that_closes_it():
    assert texts(
        "INIT_START Runtime Version: python:3.13.v30\tRuntime Version ARN: arn",
        "importing",
        f"START RequestId: {ID} Version: 7",
        "asked for /books",
        f"[INFO]\t2026-11-23T12:00:00.123Z\t{ID}\tfound 3",
        f"END RequestId: {ID}",
        REPORT,
    ) == [
        f"{CLOCK}  init      importing",
        f"{CLOCK}  1a2b3c4d  asked for /books",
        f"{CLOCK}  1a2b3c4d  INFO   found 3",
        f"{CLOCK}  1a2b3c4d  done: 12.3 ms, billed 358 ms, 64 of 512 MB, cold start 345 ms",
    ]


def test_lines_of_one_event_stay_below_each_other():
    assert texts("[ERROR] KeyError: 1\nTraceback\n  File") == [
        f"{CLOCK}            ERROR  KeyError: 1",
        "                               Traceback",
        "                                 File",
    ]


def test_other_fields_follow_the_message_and_a_trace_stands_below():
    record = {
        "level": "ERROR",
        "message": "no book",
        "book": 7,
        "title": "a b",
        "stackTrace": ["  File 1\n", "  x\n"],
    }
    shown = texts(json.dumps({**record, "errorType": "KeyError", "errorMessage": "'order'"}))
    assert shown[0].endswith('ERROR  no book  book=7  title="a b"')
    assert [text.strip() for text in shown[1:]] == ["File 1", "x", "KeyError: 'order'"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("Status: timeout", "TIMED OUT: 3,000 ms"),
        ("Status: error\tError Type: Runtime.ExitError", "FAILED with Runtime.ExitError: 3,000 ms"),
    ],
)
def test_a_request_that_failed_says_so_at_its_end(status, said):
    (shown,) = show(f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\t{status}")
    assert shown.text.endswith(said)
    assert shown.style == "removed"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "INIT_REPORT Init Duration: 9999.12 ms\tPhase: init\tStatus: timeout",
            "starting the app timed out after 9,999 ms",
        ),
        (
            "INIT_REPORT Init Duration: 51.20 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
            "starting the app failed with Runtime.ExitError after 51.2 ms",
        ),
        (
            platform("initReport", phase="init", status="error", errorType="X", metrics={"durationMs": 51.2}),
            "starting the app failed with X after 51.2 ms",
        ),
    ],
)
def test_an_init_that_failed_is_shown(message, said):
    (text,) = texts(message)
    assert text == f"{CLOCK}  init      {said}"


@pytest.mark.parametrize(
    "message",
    [
        "INIT_REPORT Init Duration: 51.20 ms\tPhase: init\tStatus: success",
        "EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE]",
        platform("initRuntimeDone", status="error"),
        platform("runtimeDone", requestId=ID, status="timeout"),
        platform("telemetrySubscription", name="agent", state="Subscribed"),
    ],
)
def test_what_says_nothing_that_another_line_does_not_say_is_left_out(message):
    assert texts(message) == []


@pytest.mark.parametrize(
    ("level", "style"), [("ERROR", "removed"), ("WARNING", "changed"), ("DEBUG", "quiet"), ("INFO", "")]
)
def test_levels_stand_out(level, style):
    (shown,) = show(json.dumps({"level": level, "message": "hello"}))
    assert shown.style == style


def test_lines_of_another_day_are_told_with_it():
    (shown,) = log_view.show(parse("hello"), dated=True)
    assert shown.text == f"{AT.astimezone():%Y-%m-%d} {CLOCK}            hello"


def test_the_tail_of_an_invocation_is_its_lines_without_times():
    record = json.dumps({"level": "INFO", "message": "hi"})
    assert log_view.tail(f"START RequestId: {ID} Version: 7\nhello\n{record}\n{REPORT}\n", OURS) == [
        "hello",
        "INFO   hi",
        "done: 12.3 ms, billed 358 ms, 64 of 512 MB, cold start 345 ms",
    ]


# ---------------------------------------------------------------- requests

TOLD = {"route": "/books/<int:id>", "method": "GET", "status": 200, "ms": 12.3, "cold": True, "request": ID}


def test_the_line_of_a_request_is_shown_in_words():
    entry = parse(json.dumps({"lambdify": TOLD}))
    assert (entry.kind, entry.request) == ("request", ID)
    assert entry.fields == {name: value for name, value in TOLD.items() if name != "request"}
    (shown,) = log_view.show(entry)
    assert shown.text.endswith("  1a2b3c4d  GET /books/<int:id>  200 in 12.3 ms")
    assert not shown.style


def test_a_request_that_failed_stands_out():
    (shown,) = log_view.show(parse(json.dumps({"lambdify": TOLD | {"status": 500}})))
    assert shown.style == "removed"


def test_what_an_app_logs_under_that_name_stays_its_own():
    entry = parse(json.dumps({"lambdify": {"route": "/"}, "message": "of ours"}))
    assert (entry.kind, entry.message) == ("line", "of ours")
