"""Functions beside the app, called by their names in the terminal of serve."""

import subprocess

import pytest

from .conftest import Serve, Serving

pytestmark = [pytest.mark.slow]

FUNCTIONS = """
[functions.report]
handler = "work:report"
[functions.orders]
handler = "work:orders"
"""
WORK = """
def report(event, context):
    print("asked by", context.invoked_function_arn.rpartition(":")[2])
    return {"rows": event.get("rows", 0) + 1}

def orders(event, context):
    return event["Records"]
"""
PAGES = "PAGES = {'/': lambda: 'hello'}\n"


def type_in(serving: Serving, line: str) -> None:
    assert serving.process.stdin
    serving.process.stdin.write(f"{line}\n")
    serving.process.stdin.flush()


@pytest.fixture
def serving(serve: Serve) -> Serving:
    return serve({"work.py": WORK}, pages=PAGES, function=FUNCTIONS, stdin=subprocess.PIPE)


def test_a_function_is_called_with_its_alias_and_the_code_as_it_is_saved(serving: Serving) -> None:
    assert "type a name and an event to call a function: report, orders" in serving.story("orders")
    type_in(serving, 'report {"rows": 2}')
    story = serving.story('{"rows": 3}')
    assert "asked by report\n" in story
    assert "FUNCTION RequestId" not in story
    serving.save("work.py", WORK.replace("+ 1", "+ 10"))
    type_in(serving, "report")
    assert '{"rows": 10}' in serving.story('{"rows": 10}')


def test_what_it_raises_is_told_with_the_projects_lines(serving: Serving) -> None:
    type_in(serving, "orders")
    story = serving.story("failed")
    assert "KeyError: 'Records'" in story
    assert "work.py:6 in orders" in story
    assert serving.get().text == "hello"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("reprot", 'There is no function reprot. Did you mean "report"?'),
        ("report {", "The event is no JSON: Expecting property name enclosed in double quotes"),
    ],
)
def test_what_cannot_be_called_is_told(serving: Serving, line: str, told: str) -> None:
    type_in(serving, line)
    assert told in serving.story(told)


def test_an_end_of_what_is_typed_is_no_end_of_serve(serving: Serving) -> None:
    assert serving.process.stdin
    serving.process.stdin.close()
    assert serving.get().text == "hello"


def test_an_app_without_functions_is_asked_for_nothing(serve: Serve) -> None:
    running = serve(pages=PAGES)
    assert running.get().text == "hello"
    assert "type a name" not in running.story("GET /")
    assert running.process.poll() is None
