"""Access logs as they are: each format, units of times, what cannot be read, and logs of any length."""

import gzip
import io
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from lambdify.cli.check import access_log, log_line
from lambdify.cli.check.access_log import MONTH
from lambdify.cli.errors import UsageError

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
AGENT = '"https://example.org/a?b=1.5" "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"'
HEAD = '192.0.2.7 - anna [01/Nov/2026:12:00:00 +0000] "POST /books?page=2 HTTP/1.1" 200 5120'
ALB = (
    "h2 2026-11-01T12:00:00.250000Z app/shop/50dc6c495c0c9188 192.0.2.7:2817 10.0.0.1:80 0.010 0.230 0.010 "
    '200 200 34 5120 "POST https://shop.example:443/books?page=2 HTTP/2.0" "curl/8.1" ECDHE TLSv1.3 arn:aws '
    '"Root=1-58337262" "-" "-" 0 2026-11-01T11:59:59.990000Z "forward" "-" "-" "10.0.0.1:80" "200"'
)
FORMATS = {
    # line → seconds; None where it says none
    "common": (HEAD, None),
    "combined": (f"{HEAD} {AGENT}", None),
    "nginx": (f"{HEAD} {AGENT} 0.250", 0.25),
    "nginx-quoted": (f'{HEAD} {AGENT} "0.250"', 0.25),
    "nginx-forwarded": (f'{HEAD} {AGENT} "198.51.100.1" 0.250 0.249 .', 0.25),
    "nginx-upstream": (f"{HEAD} {AGENT} 0.250 -", 0.25),
    "nginx-named": (f'{HEAD} {AGENT} rt=0.250 uct="0.001" urt="0.249"', 0.25),
    "nginx-ingress": (f"{HEAD} {AGENT} 423 0.250 [default-app-80] [] 10.0.0.1:80 5120 0.249 200 a1b2", 0.25),
    "gunicorn-seconds": (f"{HEAD} {AGENT} 0.250000", 0.25),
    "traefik": (f'{HEAD} "-" "-" 1 "web@docker" "http://10.0.0.1:80" 250ms', 0.25),
    "microseconds": (f"{HEAD} {AGENT} 250000us", 0.25),
    "apache-named": (f"{HEAD} {AGENT} D=250000", 0.25),
    "ipv6": (HEAD.replace("192.0.2.7", "2001:db8::1") + f" {AGENT} 0.250", 0.25),
    "host-first": (f"shop.example {HEAD} {AGENT} 0.250", 0.25),
    "zone": (HEAD.replace("12:00:00 +0000", "07:00:00 -0500") + " 0.250", 0.25),
    "alb": (ALB, 0.25),
    "alb-no-target": (ALB.replace("0.010 0.230 0.010", "-1 -1 -1").replace(":00.25", ":00.00"), None),
    "json": (
        '{"time": "2026-11-01T12:00:00Z", "request_time": 0.25, "body_bytes_sent": 5120, "uri": "/books"}',
        0.25,
    ),
    "json-nginx": (
        '{"msec": "1793534400.000", "request": "POST /books HTTP/1.1", "request_time": "0.250", "b": "5120"}',
        0.25,
    ),
    "json-milliseconds": (
        '{"@timestamp": "2026-11-01T12:00:00Z", "path": "/books", "duration_ms": 250, "size": 5120}',
        0.25,
    ),
    "json-caddy": (
        '{"ts": 1793534400, "request": {"method": "POST", "uri": "/books"}, "duration": 0.25, "size": 5120}',
        0.25,
    ),
    "json-google": (
        (
            '{"timestamp": "2026-11-01T12:00:00Z", "httpRequest": {"requestUrl": "/books", '
            '"latency": "0.25s", "responseSize": "5120"}}'
        ),
        0.25,
    ),
    "json-traefik": (
        (
            '{"StartUTC": "2026-11-01T12:00:00Z", "Duration": 250000000, "RequestPath": "/books", '
            '"DownstreamContentSize": 5120}'
        ),
        0.25,
    ),
    "json-javascript": ('{"time": 1793534400000, "url": "/books", "responseTime": 0.25, "size": 5120}', 0.25),
    "json-without-time": ('{"time": "2026-11-01T12:00:00", "path": "/books", "size": 5120}', None),
    "crlf": (f"\ufeff{HEAD} {AGENT} 0.250\r\n", 0.25),
}
NO_REQUESTS = [
    "garbage",
    'INFO:     127.0.0.1:54321 - "GET / HTTP/1.1" 200 OK',
    '192.0.2.7 - - [01/Nov/2026:12:00:00 +0000] "\\x16\\x03\\x01" 400 150 "-" "-"',
    '192.0.2.7 - - [yesterday] "GET / HTTP/1.1" 200 1',
    '192.0.2.7 - - [99/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1',
    '{"time": "2026-11-01T12:00:00"',
    '{"path": "/"}',
    '{"time": []}',
    "{}",
    '{"time": 1e400}',
    "[" * 100_000,
    '{"time": ' + "[" * 100_000,
]


def line(seconds=0.0, tail="0.100", path="/", size=1000):
    at = NOON + timedelta(seconds=seconds)
    return f'192.0.2.7 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET {path} HTTP/1.1" 200 {size} "-" "-" {tail}\n'


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_read_as_it_is(name):
    text, seconds = FORMATS[name]
    request = log_line.read(text)
    assert request is not None
    assert request.at == pytest.approx(NOON.timestamp())
    assert request.size == 5120
    assert "/books" in request.path
    told = None if request.time is None else request.time * access_log.SECONDS[request.unit]
    assert told == pytest.approx(seconds)


@pytest.mark.parametrize("text", NO_REQUESTS, ids=range(len(NO_REQUESTS)))
def test_what_is_no_request_is_none(text):
    assert log_line.read(text) is None


@pytest.mark.parametrize(
    ("tails", "mean", "unit"),
    [
        (["100000", "300000"], 0.2, "microseconds"),
        (["1800", "2200"], 0.002, "microseconds"),
        (["100", "300"], 0.2, "milliseconds"),
        (["0", "0", "3"], 1.0, "seconds"),
        (["0.1", "0.3"], 0.2, "seconds"),
        (["-", "-"], 0.1, ""),
    ],
)
def test_whole_numbers_have_the_unit_that_the_log_as_a_whole_tells(tails, mean, unit):
    found = access_log.read(line(number, tail) for number, tail in enumerate(tails))
    assert (found.seconds, found.source.times) == (pytest.approx(mean), unit)


def test_a_month_is_the_log_scaled_and_files_are_counted_apart():
    lines = [
        line(0),
        line(3600, size=0),
        "garbage\n",
        "\n",
        line(7200, size=600_000),
        line(10, path="/static/a.css"),
    ]
    found = access_log.read(lines)
    assert found.requests == pytest.approx(3 * MONTH / 7200)
    assert found.metered == pytest.approx(4 * MONTH / 7200)
    assert found.bytes_out == pytest.approx(601_000 * MONTH / 7200)
    assert (found.source.lines, found.source.unread, found.source.app, found.source.files) == (5, 1, 3, 1)


def test_a_log_of_a_moment_counts_as_an_hour():
    assert access_log.read([line(), line()]).requests == pytest.approx(2 * 730)


def test_lines_out_of_order_are_put_in_order():
    inside, outside = [line(at, "0.5") for at in (0, 10, 20)], [line(at, "0.5") for at in (20, 0, 10)]
    assert access_log.read(outside) == access_log.read(inside)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "The log is empty."),
        (
            ["\x1b[31mINFO: started\n", "INFO: ready\n"],
            r"can be read (2); the first is: \x1b[31mINFO: started",
        ),
    ],
)
def test_a_log_of_which_nothing_can_be_read_is_refused(lines, said):
    with pytest.raises(UsageError) as caught:
        access_log.read(lines)
    assert said in caught.value.message


def test_compressed_logs_and_bytes_that_are_no_text_are_read():
    data = (line() + line(5, path="/caf\xe9")).encode("latin-1")
    for given in (data, gzip.compress(data)):
        assert access_log.read(access_log.text_of(io.BytesIO(given))).source.app == 2


@pytest.mark.slow
def test_a_long_log_is_not_kept_in_memory():
    tracemalloc.start()
    try:
        access_log.read(line(number) for number in range(2_500))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        access_log.read(line(number) for number in range(6_000))
        assert tracemalloc.get_traced_memory()[1] - before < 1_500_000
    finally:
        tracemalloc.stop()
