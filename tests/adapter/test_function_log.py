"""The line by which `lambdify logs --function` tells a function's requests from the app's."""

import sys
from types import SimpleNamespace

import pytest

from lambdify.adapter.functions import Functions

ID = "1a2b3c4d-0000-4000-8000-000000000000"
CODE = """
def report(event, context): print("reported")
def broken(event, context): raise KeyError("total")
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    (tmp_path / "jobs.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    declared = {name: {"handler": f"jobs:{name}"} for name in ("report", "broken", "missing")}
    handler = Functions({"functions": declared}, lambda *_: None).before(lambda *_: print("a page"))

    def call(alias):
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:{alias}"
        return handler({}, SimpleNamespace(invoked_function_arn=arn, aws_request_id=ID))

    yield call
    sys.modules.pop("jobs", None)


def test_a_function_tells_its_name_before_it_writes_anything(call, capsys):
    call("report")
    assert capsys.readouterr().out == f"FUNCTION RequestId: {ID} Name: report\nreported\n"


@pytest.mark.parametrize("name", ["broken", "missing"])
def test_so_does_one_that_fails_or_cannot_be_loaded(call, capsys, name):
    with pytest.raises(Exception, match=r"total|missing"):
        call(name)
    assert capsys.readouterr().out == f"FUNCTION RequestId: {ID} Name: {name}\n"


def test_the_app_has_no_such_line(call, capsys):
    call("live")
    assert capsys.readouterr().out == "a page\n"
