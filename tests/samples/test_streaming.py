"""Apps that stream, deployed with `lambdify deploy --local`, seen by a real HTTP client as they go."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from samples.command import Project, find_processes, wait_for_log

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]

PAUSE = 0.3
"""Seconds between two pieces."""

FLASK = f"""
import time
from flask import Flask, Response, make_response, request

app = Flask(__name__)

@app.get("/ticks")
def ticks():
    def make():
        for n in range(4):
            yield f"tick {{n}}\\n"
            time.sleep({PAUSE})
    return Response(make(), mimetype="text/plain")

@app.get("/breaks")
def breaks():
    def make():
        yield "half"
        time.sleep(0.1)
        raise LookupError("the other half")
    return Response(make())

@app.get("/big")
def big():
    return Response(bytes([n]) * 2**20 for n in range(20))

@app.get("/cookies")
def cookies():
    response = make_response(request.script_root + request.path)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
"""

FASTAPI = f"""
import asyncio
from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse

app = FastAPI()

@app.get("/ticks")
async def ticks():
    async def make():
        for n in range(4):
            yield f"tick {{n}}\\n"
            await asyncio.sleep({PAUSE})
    return StreamingResponse(make(), media_type="text/plain")

@app.get("/breaks")
async def breaks():
    async def make():
        yield "half"
        await asyncio.sleep(0.1)
        raise LookupError("the other half")
    return StreamingResponse(make())

@app.get("/big")
async def big():
    return StreamingResponse(bytes([n]) * 2**20 for n in range(20))

@app.get("/cookies")
async def cookies():
    response = Response("/cookies")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
"""

APPS = {"flask": FLASK, "fastapi": FASTAPI}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A local cloud of this module's own. At the end nothing of it may be left."""
    folder = tmp_path_factory.mktemp("cloud")
    yield folder
    Project(folder=folder, home=folder).run("local", "stop")
    assert find_processes(folder) == []


@pytest.fixture(scope="module")
def make_project(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """A project with one of the apps, not deployed yet."""

    def make(framework: str) -> Project:
        folder = tmp_path_factory.mktemp(framework)
        (folder / "app.py").write_text(APPS[framework], encoding="utf-8")
        (folder / "requirements.txt").write_text(f"{framework}\n", encoding="utf-8")
        return Project(folder=folder, home=home)

    return make


def deploy(project: Project, kind: str, *, streaming: bool) -> str:
    """Put the project behind that kind of endpoint; its URL."""
    settings = f'[http]\nendpoint = "{kind}"\nstreaming = {json.dumps(streaming)}\n'
    (project.folder / "lambdify.toml").write_text(settings, encoding="utf-8")
    return project.run("deploy", "--local", "--yes").answer


@pytest.fixture(scope="module", params=APPS)
def project(request: pytest.FixtureRequest, make_project: Callable[[str], Project]) -> Project:
    return make_project(request.param)


@pytest.fixture(scope="module")
def site(project: Project) -> str:
    """Where a function URL streams the project."""
    return deploy(project, "function-url", streaming=True)


def arrivals(url: str) -> list[tuple[float, bytes]]:
    """When each piece of the body arrived, in seconds after the first."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", address.path)
    answer = connection.getresponse()
    found = []
    while piece := answer.read1():
        found.append((time.monotonic(), piece))
    connection.close()
    return [(at - found[0][0], piece) for at, piece in found]


def test_pieces_arrive_as_the_app_makes_them(site: str):
    httpx.get(f"{site}/cookies")  # starts the app
    found = arrivals(f"{site}/ticks")
    assert [piece for _, piece in found] == [b"tick %d\n" % n for n in range(4)]
    for n, (at, _) in enumerate(found):
        assert abs(at - n * PAUSE) < PAUSE * 0.8


def test_a_body_of_20_mb_arrives_whole(site: str):
    body = httpx.get(f"{site}/big").content
    assert body == b"".join(bytes([n]) * 2**20 for n in range(20))


def test_cookies_stay_apart(site: str):
    answer = httpx.get(f"{site}/cookies")
    assert (answer.text, dict(answer.cookies)) == ("/cookies", {"a": "1", "b": "2"})
    assert len(answer.headers.get_list("set-cookie")) == 2


def test_an_exception_half_way_is_a_broken_response_and_is_in_the_log(site: str, project: Project):
    with httpx.stream("GET", f"{site}/breaks") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"half"
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    log = "\n".join(wait_for_log(project, "LookupError: the other half"))
    assert "failed while it was answered" in log
    assert httpx.get(f"{site}/cookies").status_code == 200


def test_a_client_that_leaves_does_not_disturb_the_next_one(site: str):
    for _ in range(3):
        with httpx.stream("GET", f"{site}/big") as answer:
            next(answer.iter_raw())
    assert httpx.get(f"{site}/cookies").status_code == 200


def test_the_function_can_be_called_by_hand(site: str, project: Project):
    warm = project.run("invoke", "--local", '{"lambdify": "keep-warm"}')
    assert json.loads(warm.answer) == {"lambdify": "warm"}


def test_a_stage_switches_from_one_endpoint_to_any_other(make_project: Callable[[str], Project]):
    project = make_project("flask")
    for kind, streaming, mount in (
        ("http-api", False, ""),
        ("rest-api", True, "/live"),
        ("rest-api", False, "/live"),
        ("function-url", False, ""),
        ("function-url", True, ""),
        ("rest-api", True, "/live"),
        ("http-api", False, ""),
    ):
        site = deploy(project, kind, streaming=streaming)
        assert urlsplit(site).path == mount
        answer = httpx.get(f"{site}/cookies")
        assert (answer.text, dict(answer.cookies)) == (f"{mount}/cookies", {"a": "1", "b": "2"})
        assert (len(arrivals(f"{site}/ticks")) > 1) == streaming
        assert httpx.get(f"{site}/big").status_code == (200 if streaming else 500)
    project.run("undeploy", "--local", "--yes")


def test_an_endpoint_that_cannot_stream_is_refused_before_anything_is_done(
    make_project: Callable[[str], Project],
):
    project = make_project("flask")
    (project.folder / "lambdify.toml").write_text("[http]\nstreaming = true\n", encoding="utf-8")
    done = project.run("deploy", "--local", "--yes", code=None)
    assert 'error: [http] streaming = true: an endpoint of the kind "http-api" cannot stream.' in done.story
    assert 'hint: Set endpoint = "function-url" or "rest-api", which can.' in done.story
