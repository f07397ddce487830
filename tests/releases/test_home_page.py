"""A version is asked for its home page before it gets traffic, by a request with the host of the endpoint."""

import base64
import io
import json

import pytest
from botocore.response import StreamingBody
from releases.shipping import DEPLOYED, KEEP_WARM
from stages import stage_in

from lambdify.cli.errors import AppBroken, ReleaseFailed
from lambdify.cli.releases import trial

HOST = "abc.execute-api.eu-central-1.amazonaws.com"
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"
STARTS = {"lambdify": "warm"}


@pytest.fixture
def ask(stubbed, make_settings, talk):
    """`ask(STARTS, {"statusCode": 200})`: try version 7, which answers so; return the events that it got."""

    def ask(*payloads, overrides=None, log="", url=f"https://{HOST}"):
        events = []
        client = stubbed.stub("lambda").client
        client.meta.events.register_first(
            "provide-client-params.lambda.Invoke",
            lambda params, **_: events.append(json.loads(params["Payload"])),
            unique_id="events",
        )
        for payload in payloads:
            body = json.dumps(payload).encode()
            failed = {"FunctionError": "Unhandled"} if "errorType" in payload else {}
            stubbed.answers(
                "lambda.invoke",
                {
                    "Payload": StreamingBody(io.BytesIO(body), len(body)),
                    "ExecutedVersion": "7",
                    "LogResult": base64.b64encode(log.encode()).decode(),
                    **failed,
                },
            )
        try:
            stage = stage_in(stubbed.account, make_settings(overrides=overrides))
            (stage.settings.root / "shop.py").touch()
            trial.run("7", DEPLOYED, stage, talk.console, url=url)
        finally:
            client.meta.events.unregister("provide-client-params.lambda.Invoke", unique_id="events")
        return events

    return ask


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"statusCode": 200}, "GET / → 200\n"),
        ({"statusCode": 302, "headers": {"location": "/login"}}, "GET / → 302 /login\n"),
        (
            {"statusCode": 301, "headers": {"location": f"https://{HOST}/"}},
            f"GET / → 301 https://{HOST}/\n",
        ),
        ({"statusCode": 404, "body": "Not Found"}, "GET / → 404\n"),
        ({"statusCode": 401}, "GET / → 401\n"),
    ],
)
def test_any_answer_below_500_will_do_and_is_said(ask, talk, answer, said):
    warm, event = ask(STARTS, answer)
    assert warm == KEEP_WARM
    assert (event["rawPath"], event["requestContext"]["http"]["method"]) == ("/", "GET")
    assert (event["headers"]["host"], event["headers"]["x-forwarded-proto"]) == (HOST, "https")
    assert said in talk.said


LOG = """Traceback (most recent call last):
  File "/opt/python/flask/app.py", line 917, in full_dispatch_request
    rv = self.dispatch_request()
  File "/var/task/shop.py", line 3, in home
    return prices["tea"]
KeyError: 'tea'"""


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_answer_of_500_or_above_fails_the_release_and_shows_the_log(ask, talk, status):
    with pytest.raises(ReleaseFailed) as caught:
        ask(STARTS, {"statusCode": status, "body": "Internal\nServer Error"}, log=LOG)
    assert caught.value.message == f"Version 7 answered GET / with {status}: KeyError: 'tea' (shop.py:3)"
    assert caught.value.hint == (
        "`lambdify logs dev` shows all that it wrote. Another page, or none, is asked for with "
        'smoke = "/health", or smoke = "off", in lambdify.toml under [release].'
    )
    assert f"GET / → {status}" in talk.said
    assert "shop.py:3 in home" in talk.said


def test_what_is_known_of_the_cause_is_told_with_what_to_do(ask):
    log = LOG.replace("KeyError: 'tea'", "OSError: [Errno 30] Read-only file system: '/var/task/shop.db'")
    with pytest.raises(ReleaseFailed) as caught:
        ask(STARTS, {"statusCode": 500}, log=log)
    assert "shop.db" in caught.value.message
    assert "/tmp" in caught.value.hint


def test_without_a_traceback_the_text_of_the_page_is_shown(ask):
    with pytest.raises(ReleaseFailed, match="with 503: Be back soon"):
        ask(STARTS, {"statusCode": 503, "body": "Be back\nsoon"}, log="closed for today")


def test_of_a_page_the_text_is_shown(ask):
    page = (
        "<!doctype html><html><head><title>Oops</title><style>b {}</style></head><body><h1>1 < 2</h1></body>"
    )
    with pytest.raises(ReleaseFailed, match=r"with 500: 1 < 2$"):
        ask(STARTS, {"statusCode": 500, "body": page})


def test_an_app_that_does_not_start_is_not_asked(ask):
    with pytest.raises(AppBroken, match="does not start"):
        ask({"errorType": "KeyError", "errorMessage": "'API_KEY'"})


@pytest.mark.parametrize(
    "error",
    [
        {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 30.00 seconds"},
        {"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"},
        {"errorType": "KeyError", "errorMessage": "'Records'"},
    ],
)
def test_an_app_that_started_and_did_not_answer_is_told_so(ask, error):
    with pytest.raises(ReleaseFailed, match=r"Version 7 did not answer GET /: ") as caught:
        ask(STARTS, error)
    assert error["errorMessage"] in caught.value.message
    # A web app does not raise: it answers with a 500.
    for_other_events = error["errorType"] == "KeyError"
    assert ('endpoint = "none" in lambdify.toml' in caught.value.hint) is for_other_events
    assert ('smoke = "off"' in caught.value.hint) is not for_other_events


@pytest.mark.parametrize(
    "overrides", [{"release.smoke": "off"}, {"http.endpoint": "none"}], ids=["off", "no endpoint"]
)
def test_without_a_home_page_the_version_only_starts(ask, overrides):
    assert ask(STARTS, overrides=overrides) == [KEEP_WARM]


@pytest.mark.parametrize(
    ("kind", "url", "more"),
    [
        ("http-api", f"https://{HOST}", {}),
        ("function-url", "https://abc.lambda-url.eu-central-1.on.aws", {}),
        ("rest-api", f"https://{HOST}/live", {}),
        ("alb", "https://shop.example.org", {"http.alb.listener": LISTENER}),
        ("http-api", "http://127.0.0.1:36399", {}),
    ],
)
def test_each_kind_of_endpoint_gives_the_app_its_own_host(ask, kind, url, more):
    _, event = ask(STARTS, {"statusCode": 200}, overrides={"http.endpoint": kind, **more}, url=url)
    headers = event.get("headers") or event["multiValueHeaders"]
    host = headers["host"] if isinstance(headers["host"], str) else headers["host"][0]
    assert host == url.split("/")[2]


@pytest.mark.parametrize("auth", ["iam", "jwt", "lambda"])
def test_behind_an_authorizer_a_home_page_that_fails_is_told_and_decides_nothing(ask, talk, auth):
    more = {
        "http.jwt.issuer": "https://issuer.example",
        "http.jwt.audience": ["shop"],
        "http.authorizer.function": "arn:aws:lambda:eu-central-1:123456789012:function:who",
    }
    _, event = ask(STARTS, {"statusCode": 500}, overrides={"http.auth": auth, **more}, log="KeyError: 'jwt'")
    assert "authorizer" not in event["requestContext"]
    assert "warning: Version 7 answered GET / with 500. This decides nothing: [http] auth lets" in talk.said
    assert "KeyError: 'jwt'" in talk.said


# -------------------------------------------------------------------- apps that refuse the host

REFUSALS = {
    "Django, by its log": (
        "<!doctype html><html><head><title>Bad Request (400)</title></head></html>",
        f"[ERROR] Invalid HTTP_HOST header: '{HOST}'. You may need to add '{HOST}' to ALLOWED_HOSTS.",
        f'ALLOWED_HOSTS = ["{HOST}"]',
    ),
    "Django, by its page": (
        "<!doctype html><html><body><h1>Bad Request (400)</h1><p></p></body></html>",
        "",
        f'ALLOWED_HOSTS = ["{HOST}"]',
    ),
    "Django, by its debug page": ("<title>DisallowedHost at /</title>", "", f'ALLOWED_HOSTS = ["{HOST}"]'),
    "Starlette": ("Invalid host header", "", f'allowed_hosts=["{HOST}"]'),
    "Litestar": ('{"message":"invalid host header"}', "", f'allowed_hosts=["{HOST}"]'),
    "Flask": (
        f"<h1>Bad Request</h1><p>Host {HOST!r} is not trusted.</p>",
        "",
        f'app.config["TRUSTED_HOSTS"] = ["{HOST}"]',
    ),
}


@pytest.mark.parametrize(("body", "log", "line"), REFUSALS.values(), ids=REFUSALS)
def test_a_400_of_the_host_check_is_called_so_with_the_line_to_write(ask, talk, body, log, line):
    ask(STARTS, {"statusCode": 400, "body": body}, log=log)
    assert "GET / → 400\n" in talk.said
    assert f"refuses the host {HOST}: whoever asks for it gets a 400. Let it in: {line}\n" in talk.said


def test_a_smoke_request_that_the_host_check_refuses_says_so_too(ask):
    with pytest.raises(ReleaseFailed) as caught:
        ask({"statusCode": 400, "body": "Invalid host header"}, overrides={"release.smoke": "/health"})
    assert (
        "answered GET /health with 400 instead of 200: The app's list of allowed hosts"
        in caught.value.message
    )
    assert caught.value.hint == f'Let it in: allowed_hosts=["{HOST}"]'


@pytest.mark.parametrize(("status", "body"), [(400, "Missing parameter: q"), (200, "Invalid host header")])
def test_other_answers_are_not_taken_for_it(ask, talk, status, body):
    ask(STARTS, {"statusCode": status, "body": body})
    assert "warning" not in talk.said


def test_a_host_that_is_not_known_is_not_blamed(ask, talk):
    ask(STARTS, {"statusCode": 400, "body": "Invalid host header"}, url="")
    assert "warning" not in talk.said
