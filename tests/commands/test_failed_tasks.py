"""Ten tasks, of which one fails until its cause is mended: none is done twice, and none is lost."""

import json
import re
import urllib.request

import pytest
from commands import own_cloud
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

APP = """
from lambdify.adapter.tasks import task

@task(backoff=1)
def work(number):
    if number == 7 and {broken}:
        raise ValueError("there is no order 7")
    print("worked on", number)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/orders":
        for number in range(10):
            work.enqueue(number)
    start_response("202 Accepted", [])
    return [b"taken"]
"""
SETTINGS = """
name = "orders"
[warm]
every = "off"
[function]
python = "3.11"
[tasks]
workers = 2
timeout = 20
attempts = 2
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("orders")
    (root / "app.py").write_text(APP.format(broken=True))
    (root / "lambdify.toml").write_text(SETTINGS)
    return root


@pytest.fixture(scope="module")
def lambdify(project, tmp_path_factory):
    with own_cloud.opened(project, own_cloud.make_environ(tmp_path_factory.mktemp("home"))) as run:

        def answer(*arguments):
            done = run(*arguments, "--local")
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield answer


def test_what_is_mended_is_sent_again_and_done(lambdify, project):
    url = lambdify("deploy").strip()

    def worked():
        """The numbers that were worked on, by the log of the tasks' Lambda."""
        return sorted(map(int, re.findall(r"worked on (\d)", lambdify("logs", "--function", "tasks"))))

    def failures():
        return json.loads(lambdify("failures", "list", "--json"))

    urllib.request.urlopen(f"{url}/orders", timeout=60).close()
    assert eventually(failures, seconds=60)
    (found,) = failures()
    assert (found["what"], found["error"]) == ("task app:work", "ValueError: there is no order 7")
    assert found["payload"]["args"] == [7]
    assert "Traceback (most recent call last):" in found["trace"]
    assert eventually(lambda: worked() == [0, 1, 2, 3, 4, 5, 6, 8, 9])
    status = lambdify("status")
    assert "tasks        0 waiting" in status
    assert "failed       1 given up" in status

    (project / "app.py").write_text(APP.format(broken=False))
    lambdify("deploy")
    assert lambdify("failures", "retry") == "1 sent again.\n"
    assert eventually(lambda: worked() == list(range(10)), seconds=60)
    assert failures() == []
