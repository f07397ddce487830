"""Settings of other tools with values of any form: none of them ends `init` with an error of ours."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdify.cli import init as room
from lambdify.cli.moving import present
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.tools import sam_web, serverless_functions, serverless_provider, zappa

pytestmark = pytest.mark.slow

WORDS = st.sampled_from(
    ["jobs.nightly", "arn:aws:sqs:eu-west-1:123456789012:q", "x", "", "rate(1 day)", "${x}", "*"]
)
KEYS = st.sampled_from(
    ["function", "event_source", "arn", "expression", "Ref", "rate", "path", "authorizer", "x"]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 5000) | st.floats(-1, 2) | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
FUNCTION = ["handler", "events", "environment", "url", "runtime", "snapStart", *serverless_functions.LIMITS]


def of_zappa(key, value):
    return "zappa_settings.json", {"dev": {key: value}}


def of_serverless(key, value):
    return "serverless.json", {"service": "shop", "provider": {key: value}, "functions": {"a": {"url": True}}}


def of_a_function(key, value):
    return "serverless.json", {"service": "shop", "functions": {"a": {"handler": "jobs.nightly", key: value}}}


def of_an_event(key, value):
    events = [{key: value}, {"httpApi": "*"}]
    return "serverless.json", {
        "service": "shop",
        "functions": {"a": {"handler": "jobs.nightly", "events": events}},
    }


def of_sam(key, value):
    function = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "jobs.nightly", key: value}}
    return "template.json", {"Resources": {"A": function, "B": {**function, "FunctionUrlConfig": {}}}}


FILES = {
    "Zappa": (of_zappa, sorted(zappa.known() - {"extends"})),
    "provider": (
        of_serverless,
        [*serverless_provider.PROVIDER, "environment", "stage", "apiGateway", "memorySize"],
    ),
    "a function": (of_a_function, FUNCTION),
    "an event": (of_an_event, [*serverless_functions.EVENTS, "http", "websocket", "x"]),
    "SAM": (of_sam, [*sam_web.OPTIONS, *sam_web.READERS, "Handler"]),
}


@pytest.mark.parametrize(("write", "keys"), FILES.values(), ids=FILES)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_of_any_key_gives_settings_that_load(tmp_path, write, keys, data):
    name, content = write(data.draw(st.sampled_from(keys)), data.draw(VALUES))
    (tmp_path / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (tmp_path / "jobs.py").write_text("def nightly(event, context): ...\n")
    (tmp_path / name).write_text(json.dumps(content))
    code = Code(tmp_path)
    written = room.compose(tmp_path, code, present.read(tmp_path, code))
    (tmp_path / "lambdify.toml").write_text(room.write(written, code.apps))
    for stage in written.draft.stages or [None]:
        room.settings.load(tmp_path, stage=stage)
    (tmp_path / "lambdify.toml").unlink()
