"""A function that streams, in a sandbox with AWS's own runtime client: what leaves it, and when."""

import json
import sys

import pytest
from local.running import MINOR
from local.streaming import ASGI, BREAKING, GET, WSGI
from waiting import eventually

from lambdify.adapter.event_sources import http_api, rest
from lambdify.cli.local.response_stream import BUFFER_LIMIT, StreamBroken
from lambdify.cli.packing.resolution.uv import run_uv
from lambdify.cli.packing.target import runtimes
from lambdify.cli.programs import pythons

pytestmark = pytest.mark.slow

# ---------------------------------------------------------------- what leaves, and when


def test_wsgi_sends_each_piece_as_the_app_yields_it(stream):
    function = stream(
        WSGI
        + "def ticks():\n"
        + "    for n in range(3):\n"
        + "        yield b'tick %d' % n\n"
        + "        wait_for(str(n))\n"
    )
    prelude, pieces, under_way = function.get("/ticks")
    assert prelude == {"statusCode": 200, "headers": {"content-type": "text/plain"}, "cookies": []}
    for n in range(3):
        assert next(pieces) == b"tick %d" % n
        assert not under_way.done()
        function.tell(str(n))
    assert list(pieces) == []
    assert not under_way.result(60).failed


def test_asgi_sends_each_piece_as_the_app_sends_it(stream):
    function = stream(
        ASGI
        + "async def ticks(receive, send):\n"
        + "    await send(START)\n"
        + "    for n in range(3):\n"
        + "        await send(body(b'tick %d' % n))\n"
        + "        await wait_for(str(n))\n"
        + "    await send(body(b'', False))\n"
    )
    prelude, pieces, under_way = function.get("/ticks")
    assert prelude["statusCode"] == 200
    for n in range(3):
        assert next(pieces) == b"tick %d" % n
        assert not under_way.done()
        function.tell(str(n))
    assert list(pieces) == []
    assert not under_way.result(60).failed


def test_cookies_and_repeated_headers_are_in_the_prelude_as_its_event_source_writes_them(stream):
    function = stream(
        "def app(environ, start_response):\n"
        "    start_response('201 Created', [('Set-Cookie', 'a=1'), ('Link', '<x>'), ('Set-Cookie', 'b=2'),\n"
        "                                   ('Link', '<y>')])\n"
        "    return [b'made']\n"
    )
    prelude, pieces, _ = function.get("/")
    assert prelude == {"statusCode": 201, "headers": {"link": "<x>, <y>"}, "cookies": ["a=1", "b=2"]}
    assert list(pieces) == [b"made"]
    behind_rest, under_way = function.start(rest.write_event(GET._replace(mount="/live")))
    assert json.loads(behind_rest.read_prelude(5)) == {
        "statusCode": 201,
        "multiValueHeaders": {"set-cookie": ["a=1", "b=2"], "link": ["<x>", "<y>"]},
    }
    assert list(behind_rest) == [b"made"]
    assert not under_way.result(60).failed


def test_a_body_may_be_larger_than_a_payload(stream):
    function = stream(WSGI + "def big():\n    return (bytes([n]) * 2**20 for n in range(20))\n")
    _, pieces, _ = function.get("/big")
    body = b"".join(pieces)
    assert len(body) == 20 * 2**20
    assert body[-1] == 19


@pytest.mark.parametrize(
    ("method", "status", "kept"), [("HEAD", 200, True), ("GET", 304, True), ("GET", 204, False)]
)
def test_a_response_without_a_body_has_none(stream, method, status, kept):
    function = stream(
        "def app(environ, start_response):\n"
        f"    start_response('{status} Fine', [('Content-Length', '5')])\n"
        "    return [b'hello']\n"
    )
    prelude, pieces, under_way = function.get("/", method)
    assert (prelude["statusCode"], prelude["headers"]) == (status, {"content-length": "5"} if kept else {})
    assert list(pieces) == []
    assert not under_way.result(60).failed


ANSWERING_LONG = {
    "wsgi": WSGI + "def long():\n    yield b'a'\n    yield b'b'\n    note('end')\n",
    "asgi": ASGI
    + "async def long(receive, send):\n"
    + "    await send(START)\n"
    + "    await send(body(b'a'))\n"
    + "    await send(body(b'b', False))\n"
    + "    note('end')\n",
}


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_an_answer_to_head_is_made_to_its_end_and_none_of_it_is_sent(stream, interface):
    function = stream(ANSWERING_LONG[interface])
    prelude, pieces, under_way = function.get("/long", "HEAD")
    assert prelude["statusCode"] == 200
    assert list(pieces) == []
    assert not under_way.result(60).failed
    function.wait_for("end")
    assert b"".join(function.get("/long")[1]) == b"ab"  # and the process goes on


def test_an_exception_in_an_answer_to_head_breaks_it_off(stream):
    function = stream(BREAKING["wsgi"])
    _, pieces, under_way = function.get("/breaks", "HEAD")
    with pytest.raises(StreamBroken):
        list(pieces)
    assert under_way.result(60).failed


@pytest.mark.slow
def test_a_slow_client_makes_the_app_wait(stream):
    function = stream(
        WSGI
        + "def flood():\n"
        + "    for n in range(400):\n"
        + "        note(f'sent-{n:04d}')\n"
        + "        yield bytes(2**16)\n"
    )
    _, pieces, _ = function.get("/flood")
    ahead = function.wait_until_it_waits(lambda: len(list(function.folder.iterdir()))) * 2**16
    assert BUFFER_LIMIT < ahead < 16 * 2**20  # what the sockets on the way hold
    assert sum(map(len, pieces)) == 400 * 2**16


@pytest.mark.slow
def test_an_asgi_app_goes_on_with_other_things_while_its_client_is_slow(stream):
    function = stream(
        ASGI
        + "async def flood(receive, send):\n"
        + "    async def tick():\n"
        + "        n = 0\n"
        + "        while True:\n"
        + "            await asyncio.sleep(0.01)\n"
        + "            note('ticks', str(n := n + 1))\n"
        + "    ticking = asyncio.create_task(tick())\n"
        + "    await send(START)\n"
        + "    for n in range(400):\n"
        + "        note('sent', str(n))\n"
        + "        await send(body(bytes(2**16)))\n"
        + "    ticking.cancel()\n"
        + "    await send(body(b'', False))\n"
    )
    _, pieces, under_way = function.get("/flood")
    function.wait_until_it_waits(lambda: int(function.wait_for("sent") or 0))
    before = int(function.wait_for("ticks") or 0)
    assert eventually(lambda: int(function.wait_for("ticks") or 0) >= before + 5)
    assert sum(map(len, pieces)) == 400 * 2**16
    assert not under_way.result(60).failed


def test_the_client_has_its_answer_before_background_work_is_done_and_the_next_event_waits_for_it(stream):
    function = stream(
        ASGI
        + "async def answer(receive, send):\n"
        + "    await send(START)\n"
        + "    await send(body(b'done', False))\n"
        + "    await wait_for('go')\n"
        + "    note('background')\n"
    )
    _, pieces, under_way = function.get("/answer")
    assert list(pieces) == [b"done"]
    assert not under_way.done()
    function.tell("go")
    assert not under_way.result(60).failed
    function.wait_for("background")


def test_the_iterable_is_closed_after_the_client_has_everything(stream):
    function = stream(
        WSGI
        + "class closing:\n"
        + "    def __iter__(self):\n"
        + "        return iter([b'all'])\n"
        + "    def close(self):\n"
        + "        wait_for('go')\n"
        + "        note('closed')\n"
    )
    _, pieces, under_way = function.get("/closing")
    assert list(pieces) == [b"all"]
    assert not under_way.done()
    function.tell("go")
    under_way.result(60)
    function.wait_for("closed")


# ---------------------------------------------------------------- what is not a stream


def test_a_keep_warm_event_is_answered_with_a_payload(stream):
    function = stream(WSGI)
    warm, under_way = function.start({"lambdify": "keep-warm"})
    assert json.loads(under_way.result(60).payload) == {"lambdify": "warm"}
    assert warm.read_prelude(1) is None
    assert function.get("/hello")[0]["statusCode"] == 200


def test_any_other_event_is_an_error_of_the_function(stream):
    function = stream(WSGI)
    refused, under_way = function.start({"Records": [{"eventSource": "aws:sqs"}]})
    outcome = under_way.result(60)
    assert outcome.failed
    assert json.loads(outcome.payload)["errorType"] == "EventUnknown"
    assert "aws:sqs" in function.log
    assert refused.read_prelude(1) is None


def test_an_app_that_does_not_import_fails_the_init(stream):
    function = stream("import nowhere\n")
    _, under_way = function.start({"lambdify": "keep-warm"})
    outcome = under_way.result(60)
    assert (outcome.failed, outcome.usable) == (True, False)
    assert json.loads(outcome.payload)["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'nowhere'" in function.log


def test_a_handler_of_the_projects_own_is_streamed_whole(stream):
    function = stream(
        "def app(event, context):\n"
        "    return {'statusCode': 202, 'headers': {'X-A': '1'}, 'cookies': ['a=1'], 'body': 'hi'}\n"
    )
    prelude, pieces, _ = function.get("/")
    assert prelude == {"statusCode": 202, "headers": {"x-a": "1"}, "cookies": ["a=1"]}
    assert list(pieces) == [b"hi"]


def test_an_invocation_by_hand_gets_the_stream_as_its_payload(stream):
    function = stream(WSGI)
    event = json.dumps(http_api.write_event(GET, function_url=True))
    payload = function.running.invoke(event).payload
    prelude, _, body = payload.partition(bytes(8))
    assert (json.loads(prelude)["statusCode"], body) == (200, b"hello")


def test_the_app_sees_the_trace_of_its_request(stream):
    function = stream(WSGI + "def trace():\n    yield os.environ['_X_AMZN_TRACE_ID'].encode()\n")
    traces = [b"".join(function.get("/trace")[1]) for _ in range(2)]
    assert all(each.startswith(b"Root=1-") for each in traces)
    assert traces[0] != traces[1]


# ---------------------------------------------------------------- other releases of AWS's client

CLIENTS = {
    "2.0.11": ("3.11", "3.12"),
    "3.0.2": ("3.11", "3.12", "3.13"),
    "4.0.1": ("3.11", "3.12", "3.13", "3.14"),
}
"""Releases that managed runtimes may have, and the Pythons that each has wheels for."""


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.parametrize("release", [each for each, pythons in CLIENTS.items() if MINOR in pythons])
def test_earlier_releases_of_aws_client_stream_as_well(stream, release, tmp_path):
    client = tmp_path / "client"
    done = run_uv(
        ["pip", "install", "--python", sys.executable, "--target", str(client), f"awslambdaric=={release}"],
        cwd=tmp_path,
    )
    assert done.succeeded, done.errors
    function = stream(BREAKING["wsgi"], runtime=client)
    assert b"".join(function.get("/hello")[1]) == b"hello"
    _, pieces, under_way = function.get("/breaks")
    assert next(pieces) == b"half"
    with pytest.raises(StreamBroken):
        next(pieces)
    assert under_way.result(60).failed
    _, under_way = function.start({"lambdify": "keep-warm"})
    assert json.loads(under_way.result(60).payload) == {"lambdify": "warm"}
    assert b"".join(function.get("/hello")[1]) == b"hello"


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.parametrize("minor", [minor for minor in runtimes() if minor != MINOR and pythons.find(minor)])
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_every_python_that_is_here_streams(stream, minor, interface):
    function = stream(BREAKING[interface], python=pythons.find(minor), minor=minor)
    _, pieces, under_way = function.get("/breaks")
    assert next(pieces) == b"half"
    with pytest.raises(StreamBroken):
        next(pieces)
    assert json.loads(under_way.result(60).payload)["errorType"] == "LookupError"
