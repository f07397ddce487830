"""The lines of one function in the stage's one log."""

from datetime import UTC, datetime

from stages import stage_in

from lambdify.cli.calls import log_lines, log_view
from lambdify.cli.calls.log_lines import LogLine
from lambdify.cli.look import function_log
from lambdify.cli.stacks.aliases import Alias

WEB, ONE, TWO = (f"{number}a2b3c4d-0000-4000-8000-000000000000" for number in "123")
SHARED = Alias(name="resize", id="Resize", function="shop-dev", version="7", published="7")
OWN = Alias(name="report", id="Report", function="shop-dev-report", version="3", published="3")


def entries(*lines, stream="2026/11/29/[7]0f"):
    at = datetime(2026, 11, 29, tzinfo=UTC)
    return list(log_lines.read(LogLine(id="", at=at, stream=stream, message=line) for line in lines))


def request(request_id, *lines, function=""):
    told = [f"FUNCTION RequestId: {request_id} Name: {function}"] if function else []
    begin, end = f"START RequestId: {request_id} Version: 7", f"END RequestId: {request_id}"
    return [begin, *told, *lines, end, f"REPORT RequestId: {request_id}\tDuration: 2.00 ms\t"]


def select(found, alias, stubbed, make_settings, **more):
    chosen = function_log.select(found, alias, stage_in(stubbed.account, make_settings()), **more)
    return [each.message.partition(" RequestId")[0] for each in chosen]


def test_of_a_shared_lambda_only_the_requests_of_the_function_are_shown(stubbed, make_settings):
    found = entries(
        "INIT_START Runtime Version: python:3.13",
        *request(WEB, "a page"),
        *request(ONE, "resized", function="resize"),
        *request(WEB, "another page"),
        *request(TWO, "cropped", function="crop"),
    )
    assert select(found, SHARED, stubbed, make_settings) == ["START", "resized", "END", "REPORT"]


def test_requests_in_two_environments_at_once_are_not_mixed_up(stubbed, make_settings):
    one = entries(*request(ONE, "resized", function="resize"))
    web = entries(*request(WEB, "a page"), stream="2026/11/29/[7]ee")
    mixed = [each for pair in zip(one, [*web, web[-1]], strict=True) for each in pair]
    assert select(mixed, SHARED, stubbed, make_settings) == ["START", "resized", "END", "REPORT"]


def test_a_page_that_prints_such_a_line_is_no_function_of_another_request(stubbed, make_settings):
    found = entries(*request(WEB, f"FUNCTION RequestId: {ONE} Name: resize", "a page"))
    assert "a page" not in select(found, SHARED, stubbed, make_settings)


def test_json_lines_know_their_request_themselves(stubbed, make_settings):
    start = (
        f'{{"time": "2026-11-29T00:00:00Z", "type": "platform.start", "record": {{"requestId": "{ONE}"}}}}'
    )
    line = f'{{"level": "INFO", "message": "resized", "requestId": "{ONE}"}}'
    found = entries(start, f"FUNCTION RequestId: {ONE} Name: resize", line)
    assert select(found, SHARED, stubbed, make_settings)[1:] == ["resized"]


def test_of_a_lambda_of_its_own_all_its_streams_are_shown_and_no_others(stubbed, make_settings):
    init = "[ERROR] Runtime.ImportModuleError: No module named 'shop'"
    found = entries(init, *request(ONE, "full"), stream="2026/11/29/shop-dev-report[3]0f")
    found += entries(*request(TWO, "x"), stream="2026/11/29/shop-dev-reports[3]0f") + entries(*request(WEB))
    assert select(found, OWN, stubbed, make_settings) == [init[8:], "START", "full", "END", "REPORT"]


def test_a_text_is_looked_for_in_what_the_function_wrote(stubbed, make_settings):
    lines = ["resized x", '{"level": "INFO", "message": "done", "key": "in/x.jpg"}', "resized 8"]
    found = entries(*request(WEB, "page x"), *request(ONE, *lines, function="resize"))
    assert select(found, SHARED, stubbed, make_settings, text="x") == ["resized x", "done"]
    assert select(found, SHARED, stubbed, make_settings, text="resized 8") == ["resized 8"]


def test_the_line_of_a_function_is_shown_as_what_it_says():
    _, told, *_ = entries(*request(ONE, function="resize"))
    (line,) = log_view.show(told)
    assert line.text.endswith("2a2b3c4d  function resize")


def test_what_was_written_before_the_line_about_the_function_is_its_own(stubbed, make_settings):
    """Lambda has a way for what is logged, and another for what is printed: neither waits for the other."""
    told = f"FUNCTION RequestId: {ONE} Name: resize"
    start, logged, end, report = request(ONE, "resized")
    for found in ([start, logged, told, end, report], [start, logged, end, report, told]):
        selected = select(
            entries(*request(WEB, "a page"), *found, *request(WEB, "a page")), SHARED, stubbed, make_settings
        )
        assert selected == ["START", "resized", "END", "REPORT"]


def test_requests_of_others_are_not_held_for_ever(stubbed, make_settings):
    read = 0

    def endless():
        nonlocal read
        for number in range(10_000):
            identity = f"{number:08}-0000-4000-8000-000000000000"
            for entry in entries(*request(identity, "a page")):
                read += 1
                yield entry

    held = function_log.Held(name="resize")
    assert [each for entry in endless() for each in held.take(entry)] == []
    assert read == 40_000
    assert len(held) <= function_log.LATE + 1
