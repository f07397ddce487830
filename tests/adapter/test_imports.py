"""What importing the adapter costs: every user of a deployed app waits for it at each cold start."""

import json
import subprocess
import sys

import pytest

RUNTIME = "import json, logging, re, os, importlib, traceback, decimal, typing"
"""What AWS's runtime client (awslambdaric 4.2) has loaded already, and typing, which any app loads."""

MEASURE = """
{runtime}
import sys
before = set(sys.modules)
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(code: str) -> list[str]:
    script = MEASURE.format(runtime=RUNTIME, code=code)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def for_wsgi() -> list[str]:
    return loaded_by("from lambdify.adapter import Adapter; Adapter(lambda environ, start_response: [])")


def test_a_wsgi_app_needs_the_standard_library_alone(for_wsgi):
    others = {name.partition(".")[0] for name in for_wsgi} - sys.stdlib_module_names - {"lambdify"}
    assert {name for name in others if not name.startswith("__editable__")} == set()


def test_a_wsgi_app_never_imports_asyncio(for_wsgi):
    assert not {"asyncio", "mangum", "inspect", "lambdify.adapter.asgi"} & set(for_wsgi)


def test_a_wsgi_app_needs_little_more_than_the_adapter_itself(for_wsgi):
    assert {name for name in for_wsgi if not name.startswith(("lambdify", "__editable__"))} <= {"binascii"}


def test_asyncio_and_mangum_come_with_an_asgi_app():
    code = (
        "async def app(scope, receive, send): ...\nfrom lambdify.adapter import Adapter\nAdapter(app).close()"
    )
    assert {"asyncio", "mangum", "lambdify.adapter.asgi"} <= set(loaded_by(code))


def test_the_adapter_never_imports_the_command_line(for_wsgi):
    assert not [name for name in for_wsgi if name.startswith("lambdify.cli")]
