"""Live Tail as AWS sends it: events in frames over a connection that stays open, and how it ends."""

import json
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread

import pytest

from lambdify.cli import aws
from lambdify.cli.errors import AwsError
from lambdify.cli.look import live_tail

GROUP = "/aws/lambda/shop-dev"
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:sts::123456789012:user/ann</Arn>"
    b"<UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


def frame(headers, value):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html has the format."""
    payload = json.dumps(value).encode()
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(text).to_bytes(2, "big") + text.encode()
        for name, text in headers.items()
    )
    prelude = (16 + len(head) + len(payload)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    start = prelude + zlib.crc32(prelude).to_bytes(4, "big") + head + payload
    return start + zlib.crc32(start).to_bytes(4, "big")


def event(kind, value):
    return frame({":message-type": "event", ":event-type": kind, ":content-type": "application/json"}, value)


def update(*messages, sampled=False):
    results = [{"logStreamName": "one", "timestamp": 1000, "message": message} for message in messages]
    return event("sessionUpdate", {"sessionMetadata": {"sampled": sampled}, "sessionResults": results})


BEGIN = event("initial-response", {}) + event("sessionStart", {})
OVER = frame(
    {
        ":message-type": "exception",
        ":exception-type": "SessionTimeoutException",
        ":content-type": "application/json",
    },
    {"message": "three hours are over"},
)


@pytest.fixture
def sends(make_settings):
    """`sends(frames, end=False)`: an account whose Live Tail sends these, and what it was asked."""
    asked = []
    sent = {}

    class Logs(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            frames, end = IDENTITY, True
            if "StartLiveTail" in self.headers.get("X-Amz-Target", ""):
                asked.append(json.loads(body))
                frames, end = sent["frames"], sent["end"]
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.amazon.eventstream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(frames), frames) + (b"0\r\n\r\n" if end else b""))
            self.close_connection = True

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Logs) as server:
        Thread(target=server.serve_forever, args=(0.02,)).start()
        url = f"http://127.0.0.1:{server.server_port}"
        account = aws.connect(make_settings(), endpoint_url=url, credentials=("key", "secret"))

        def sends(*frames, end=True):
            sent.update(frames=b"".join(frames), end=end)
            return account

        sends.asked = asked
        yield sends
        server.shutdown()


def follow(account, pattern="", sampled=lambda: None):
    session = live_tail.open_session(GROUP, pattern, account, sampled=sampled)
    return ([line.message for line in lines] for lines in session)


def test_the_first_update_is_that_it_has_begun_and_then_come_the_lines(sends):
    account = sends(BEGIN, update(), update("one\n", "two"), OVER)
    assert list(follow(account)) == [[], [], ["one", "two"]]


def test_the_group_is_named_by_its_arn_in_its_own_partition(sends):
    list(follow(sends(BEGIN, OVER), pattern='"ERROR"'))
    assert sends.asked == [
        {
            "logGroupIdentifiers": [f"arn:aws-cn:logs:eu-central-1:123456789012:log-group:{GROUP}"],
            "logEventFilterPattern": '"ERROR"',
        }
    ]


def test_lines_that_were_left_out_are_told_of(sends):
    said = []
    list(
        follow(sends(BEGIN, update("one"), update("two", sampled=True), OVER), sampled=lambda: said.append(1))
    )
    assert said == [1]


def test_a_connection_that_breaks_off_is_an_error_and_not_an_end(sends):
    following = follow(sends(BEGIN, update("one"), end=False))
    assert list(islice(following, 2)) == [[], ["one"]]
    with pytest.raises(AwsError, match="connection") as caught:
        next(following)
    assert caught.value.during == "following the log by Live Tail"
