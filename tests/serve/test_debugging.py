"""With --debug, `breakpoint()` stops in the developer's terminal, and nothing is ended meanwhile."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from serve.conftest import Serve
from waiting import eventually

pytestmark = pytest.mark.slow
PAGES = """
import threading
def home():
    price = 41
    breakpoint()
    return price
PAGES = {"/": home, "/slow": lambda: threading.Event().wait(1.5)}
"""


def test_breakpoint_stops_and_c_goes_on(serve: Serve):
    serving = serve(None, "--debug", pages=PAGES, function="timeout = 1", stdin=subprocess.PIPE)
    assert serving.process.stdin
    for _ in range(2):
        asked = serving.said.read_text().count("(Pdb) ")
        with ThreadPoolExecutor(1) as aside:
            answer = aside.submit(serving.get)
            assert eventually(lambda: serving.said.read_text().count("(Pdb) ") > asked)  # noqa: B023
            serving.process.stdin.write("p price\nprice += 1\nc\n")
            serving.process.stdin.flush()
            assert answer.result().text == "42"
    assert "(Pdb) 41" in serving.story()
    assert "no timeout" in serving.story()


def test_no_timeout_ends_it(serve: Serve):
    serving = serve(None, "--debug", pages=PAGES, function="timeout = 1")
    assert serving.get("/slow").text == "False"
