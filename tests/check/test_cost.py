"""What a month costs, against calculations by hand, and how it is shown."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from check.projects import FLASK

from lambdify.cli import settings
from lambdify.cli.check import access_log, cost, cost_view
from lambdify.cli.plan import costs

TODAY = date(2026, 11, 28)
HOURS = 17.52
"""A month of 730 hours is 125/3 of the log."""
REQUESTS = 7_201


def write_log():
    """One request after the other, evenly, the first and the last at the log's ends; some are for a file."""
    begin, step = datetime(2026, 9, 1, tzinfo=UTC), timedelta(hours=HOURS) / (REQUESTS - 1)
    for number in range(REQUESTS):
        at = begin + step * number
        yield (
            f'192.0.2.7 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /books/{number} HTTP/1.1" 200 2000000 '
            '"-" "-" 0.400\n'
        )
        if number % 9 == 0:
            yield f'192.0.2.7 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /a.css HTTP/1.1" 200 9 "-" "-" 0.001\n'


def load(tmp_path, text=""):
    (tmp_path / "lambdify.toml").write_text(text)
    return settings.load(tmp_path)


def amounts(found):
    return {part.what: part.monthly for part in found.parts}


def test_a_made_log_costs_what_a_calculation_by_hand_says(tmp_path):
    chosen = load(tmp_path, "[function]\nmemory = 1024\n")
    found = cost.estimate(access_log.read(write_log(), warm=1), chosen, today=TODAY)
    # 7,201 requests in 17.52 hours are 300,041.67 in 730; 2,000,000 bytes are four times 512 KB.
    requests = 7_201 * 125 / 3
    by_hand = {
        "HTTP API": requests * 4 * 1.00 / 1e6,  # 1.20
        "Lambda": requests * 0.20 / 1e6,  # 0.06
        "duration": requests * 0.4 * 1 * 0.0000166667,  # 2.00
        "cold starts": 0.0,  # one at a time, and one is kept warm
        "logs": requests * 500 / 1e9 * 0.50,  # 0.075
        "out": (requests * 2e6 / 1e9 - 100) * 0.09,  # 45.01
        "keep-warm": 730 * 12 * 7 * (0.19 * 0.0000166667 + 0.20 / 1e6),  # 0.206, of seven
    }
    assert found.monthly == round(sum(by_hand.values()), 2) == 48.55
    assert [round(part.monthly, 2) for part in found.parts if part.monthly] == [
        round(each, 2) for each in by_hand.values() if each
    ]
    assert (found.traffic.at_once, found.traffic.cold, found.traffic.source.files) == (1, 0, 801)


def test_cold_starts_and_what_runs_at_once_are_counted(tmp_path):
    """Two at once, every hour of ten: one of them is cold each time, for ten minutes are over."""
    lines = [line for hour in range(11) for line in two_at(hour)]
    traffic = access_log.read(lines, warm=1, init=1.0)
    found = cost.estimate(traffic, load(tmp_path), today=TODAY)
    assert (traffic.at_once, traffic.cold) == (2, 0.5)
    assert amounts(found)["cold starts"] == pytest.approx(11 * 73 * 1.0 * 0.5 * 0.0000166667)


def two_at(hour):
    stamp = f"01/Nov/2026:{hour:02}:00:00 +0000"
    return [f'192.0.2.7 - - [{stamp}] "GET / HTTP/1.1" 200 10 "-" "-" 0.500\n'] * 2


@pytest.mark.parametrize(
    ("endpoint", "what", "monthly"),
    [
        ("http-api", "requests through the endpoint (http-api)", 2_000_000 * 1.0e-6),
        ("rest-api", "requests through the endpoint (rest-api)", 2_000_000 * 3.5e-6),
        ("function-url", "requests through the endpoint (function-url)", 0.0),
        (
            "alb",
            "capacity of the load balancer, which itself is not counted",
            2_000_000 / 90_000 * 0.008,
        ),
    ],
)
def test_the_kind_of_the_endpoint_decides(tmp_path, endpoint, what, monthly):
    extra = (
        '[http.alb]\nlistener = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/a/b/c"\n'
    )
    chosen = load(tmp_path, f'[http]\nendpoint = "{endpoint}"\n{extra if endpoint == "alb" else ""}')
    found = cost.estimate(cost.assume(2_000_000), chosen, today=TODAY)
    assert amounts(found)[what] == pytest.approx(monthly)
    row = found.compared[found.endpoints.index(endpoint)]
    assert row[found.memories.index(512)] == found.monthly


def test_what_is_billed_while_nobody_calls_is_part_of_it(tmp_path):
    function = "[function]\nprovisioned_concurrency = 2\nmemory = 1769\narchitecture = 'arm64'\n"
    text = f"{function}[warm]\nevery = 'off'\n"
    found = cost.estimate(cost.assume(1), load(tmp_path, text), today=TODAY)
    assert amounts(found)["provisioned concurrency"] == pytest.approx(
        2 * 1769 / 1024 * 0.0000033334 * 730 * 3600
    )
    assert "keep-warm calls" not in amounts(found)
    assert 1769 in found.memories


def test_a_server_costs_as_much_at_the_number_of_requests_that_is_named(tmp_path):
    chosen = load(tmp_path)
    for server in cost.estimate(cost.assume(300_000), chosen, today=TODAY).servers:
        as_many = cost.estimate(cost.assume(round(server.requests)), chosen, today=TODAY)
        assert as_many.monthly == pytest.approx(server.monthly, abs=0.01)


def test_a_number_and_a_log_are_so_many_requests_like_those_of_the_log(tmp_path):
    traffic = access_log.scale(
        access_log.read([line for hour in range(3) for line in two_at(hour)]), 1_000_000
    )
    assert (traffic.requests, traffic.metered, traffic.bytes_out) == (1_000_000, 1_000_000, 10_000_000)
    assert traffic.cold == 0.5


@pytest.mark.parametrize(("today", "old"), [(date(2027, 11, 1), False), (date(2027, 11, 2), True)])
def test_prices_older_than_a_year_are_said_to_be(tmp_path, today, old):
    found = cost.estimate(cost.assume(1000), load(tmp_path), today=today)
    said = "\n".join(line.text for line in cost_view.show(found))
    assert ("older than a year" in said) == found.old == old


def test_region_and_date_are_those_of_the_prices():
    assert (costs.region(), costs.as_of()) == ("us-east-1", date(2026, 11, 1))


@pytest.mark.parametrize("name", ["assumed", "log"])
def test_it_reads_as_when_somebody_last_read_it(tmp_path, golden, name):
    lines = [*(line for hour in range(11) for line in two_at(hour)), "garbage\n"]
    traffic = cost.assume(300_000) if name == "assumed" else access_log.read(lines)
    found = cost.estimate(traffic, load(tmp_path), today=TODAY)
    golden(f"cost-{name}.txt", "".join(f"{line.text}\n" for line in cost_view.show(found)))


@pytest.mark.slow
def test_the_command_reads_a_log_or_takes_a_number(lambdify, project, tmp_path):
    root = project({"app.py": FLASK})
    log = tmp_path / "access.log"
    log.write_text("".join(line for hour in range(11) for line in two_at(hour)))
    shown = lambdify("check", "--no-rehearsal", "--log", str(log), cwd=root)
    assert "cost       1,606 requests of 500 ms at 512 MB: $0.1" in shown.stdout
    assert "prices of us-east-1, November 2026" in shown.stdout
    piped = lambdify("check", "--no-rehearsal", "--json", "--log", "-", cwd=root, stdin=log.read_text())
    value = json.loads(piped.stdout)["cost"]
    assert (value["region"], value["as_of"], value["traffic"]["source"]["lines"]) == (
        "us-east-1",
        "2026-11",
        22,
    )
    plain = lambdify("check", "--no-rehearsal", "--json", cwd=root)
    assert json.loads(plain.stdout)["cost"] is None
    both = lambdify("check", "--no-rehearsal", "--requests", "5000", "--log", str(log), cwd=root)
    assert "cost       5,000 requests of 500 ms" in both.stdout


@pytest.mark.slow
def test_a_log_that_is_none_ends_the_command(lambdify, project, tmp_path):
    log = tmp_path / "server.log"
    log.write_text("INFO: started\n")
    refused = lambdify("check", "--no-rehearsal", "--log", str(log), cwd=project({"app.py": FLASK}))
    assert refused.returncode == 2
    assert "No line of the log can be read (1); the first is: INFO: started" in refused.stderr
