"""A syntax error as Lambda reports it: in a form of its own, without a traceback in the log."""

from pathlib import Path

from lambdify.cli.failures import explanation, reported
from lambdify.cli.failures.project import Project

PAYLOAD = {
    "errorMessage": "Syntax error in module 'lambdify.adapter.entry': '(' was never closed (a.py, line 3)",
    "errorType": "Runtime.UserCodeSyntaxError",
    "requestId": "",
    "stackTrace": ['  File "/var/task/shop/prices.py" Line 3\n    PRICE = (\n'],
}


def test_its_file_and_line_are_told():
    raised = reported.read(PAYLOAD, "", lambda path: path == "shop/prices.py")
    told = explanation.explain(raised, Project(root=Path("/nowhere"), python="3.13"))
    assert told.message == "shop/prices.py:3 is not valid Python 3.13: '(' was never closed."
    assert told.lines[:2] == ("  shop/prices.py:3", "    PRICE = (")
