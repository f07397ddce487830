"""Several environments kept warm: one call becomes as many as are wanted, at the same time."""

import socket
import threading
import time
from types import SimpleNamespace

import pytest

from lambdify.adapter.aws.warming import HOLD, LEAD, warm

from .aws_service import HANG_UP, AwsService

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev:live"
CONTEXT = SimpleNamespace(invoked_function_arn=ARN)


@pytest.fixture
def service(serve):
    """Lambda's API, which answers each call when it has held for as long as the call says."""

    def hold(arguments):
        time.sleep(arguments["hold"])
        return 200, {"lambdify": "warm"}

    return serve(hold)


def test_one_environment_calls_nobody_and_is_held_for_nothing(service):
    slept = []
    warm({"lambdify": "keep-warm"}, CONTEXT, 5, sleep=slept.append)
    assert (slept, service.asked) == ([0.0], [])


def test_for_five_the_function_is_called_four_times_by_the_name_that_it_was_called_by(service):
    warm({"lambdify": "keep-warm", "concurrency": 5}, CONTEXT, 5)
    assert len(service.asked) == 4
    assert {path for path, _, _ in service.asked} == {
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ashop-dev%3Alive/invocations"
    }


def test_every_call_holds_until_the_last_one_has_been_sent(service):
    warm({"lambdify": "keep-warm", "concurrency": 3}, CONTEXT, 5)
    held = sorted(arguments["hold"] for _, _, arguments in service.asked)
    assert held == pytest.approx([HOLD, HOLD + LEAD])


def test_a_call_that_is_held_calls_nobody(service):
    slept = []
    warm({"lambdify": "keep-warm", "hold": 0.25}, CONTEXT, 5, sleep=slept.append)
    assert (slept, service.asked) == ([0.25], [])


def test_all_are_under_way_at_the_same_time(monkeypatch, service):
    together = threading.Barrier(4, timeout=60)

    def meet(_):
        together.wait()
        return 200, {}

    other = AwsService([meet])
    monkeypatch.setenv("AWS_ENDPOINT_URL", other.url)
    warm({"lambdify": "keep-warm", "concurrency": 5}, CONTEXT, 5)
    assert len(other.asked) == 4
    assert not together.broken
    other.close()


@pytest.mark.parametrize("answers", [[HANG_UP], [(429, {"message": "Rate exceeded"})], [(500, {})]])
def test_a_call_that_fails_is_left_to_the_next_time(monkeypatch, service, answers):
    other = AwsService(answers)
    monkeypatch.setenv("AWS_ENDPOINT_URL", other.url)
    warm({"lambdify": "keep-warm", "concurrency": 3}, CONTEXT, 5)
    other.close()


def test_an_answer_that_is_no_http_is_left_to_the_next_time(monkeypatch, service):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"who is there?\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        warm({"lambdify": "keep-warm", "concurrency": 2}, CONTEXT, 5)
        thread.join()


def test_nobody_there_is_left_to_the_next_time(monkeypatch, service):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    warm({"lambdify": "keep-warm", "concurrency": 3}, CONTEXT, 5)


def test_an_event_cannot_have_more_started_than_the_settings_allow(service):
    warm({"lambdify": "keep-warm", "concurrency": 500}, CONTEXT, 3)
    assert len(service.asked) == 2


@pytest.mark.parametrize("asked", [-5, 0, 2.5, float("nan"), True, "abc", None, [7]])
def test_what_is_no_number_of_environments_calls_nobody(service, asked):
    slept = []
    warm({"lambdify": "keep-warm", "concurrency": asked}, CONTEXT, 5, sleep=slept.append)
    assert (slept, service.asked) == ([0.0], [])


@pytest.mark.parametrize("said", [-1.0, 900.0, float("nan"), float("inf"), "1", None, True])
def test_an_event_cannot_hold_an_environment_for_longer_than_that_takes(service, said):
    slept = []
    warm({"lambdify": "keep-warm", "hold": said}, CONTEXT, 5, sleep=slept.append)
    assert slept == [0.0]
