"""What a process writes becomes the events that Lambda makes of it."""

import os
import struct
import time

import pytest
from waiting import eventually

from lambdify.cli.local.functions.output import Event, Output

FRAME = 0xA55A0003


def frame(text: str, microseconds: int = 1_700_000_000_000_000) -> bytes:
    data = text.encode()
    return struct.pack(">IIQ", FRAME, len(data), microseconds) + data


class Piped:
    """An Output and the writing ends of its pipes, as a process has them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.output = Output(self.events.append)
        self.stdout, self.telemetry = os.dup(self.output.stdout), os.dup(self.output.telemetry)
        self.output.follow()

    def close(self) -> None:
        os.close(self.stdout)
        os.close(self.telemetry)

    @property
    def messages(self) -> list[str]:
        self.output.drain()
        return [event.message for event in self.events]


@pytest.fixture
def piped() -> Piped:
    return Piped()


def test_a_line_is_an_event(piped: Piped) -> None:
    os.write(piped.stdout, "one\ntwo é\r\n\nthree\n".encode())
    assert piped.messages == ["one", "two é", "three"]
    assert abs(piped.events[0].timestamp / 1000 - time.time()) < 60
    piped.close()


def test_a_line_may_arrive_in_pieces(piped: Piped) -> None:
    os.write(piped.stdout, b"one, ")
    assert piped.messages == []
    os.write(piped.stdout, b"two\n")
    assert piped.messages == ["one, two"]
    piped.close()


def test_a_frame_is_an_event_of_any_number_of_lines_with_its_own_time(piped: Piped) -> None:
    os.write(piped.telemetry, frame("Traceback\n  line\n") + frame("next", 5_000_000))
    assert piped.messages == ["Traceback\n  line", "next"]
    assert [event.timestamp for event in piped.events] == [1_700_000_000_000, 5_000]
    piped.close()


def test_a_frame_may_arrive_in_pieces(piped: Piped) -> None:
    data = frame("whole")
    for byte in data[:-1]:
        os.write(piped.telemetry, bytes([byte]))
        assert piped.messages == []
    os.write(piped.telemetry, data[-1:])
    assert piped.messages == ["whole"]
    piped.close()


def test_what_the_platform_says_comes_after_what_was_written_before(piped: Piped) -> None:
    for n in range(50):
        os.write(piped.stdout, f"line {n}\n".encode())
        piped.output.write(f"END {n}")
    assert piped.messages == [text for n in range(50) for text in (f"line {n}", f"END {n}")]
    piped.close()


def test_what_an_event_causes_is_not_earlier_than_its_first_line(piped: Piped) -> None:
    def act() -> None:
        os.write(piped.telemetry, frame("caused", time.time_ns() // 1000))
        begun = time.time_ns() // 1_000_000
        assert eventually(lambda: time.time_ns() // 1_000_000 > begun)

    piped.output.write_around(act, "START")
    assert piped.messages == ["START", "caused"]
    assert piped.events[0].timestamp <= piped.events[1].timestamp
    piped.close()


def test_a_last_line_without_an_end_is_kept(piped: Piped) -> None:
    os.write(piped.stdout, b"Segmentation fault")
    piped.close()
    assert eventually(lambda: piped.messages == ["Segmentation fault"])


def test_what_is_no_text_is_no_reason_to_stop(piped: Piped) -> None:
    os.write(piped.stdout, b"\xff\xfe\nnext\n")
    assert piped.messages == ["\ufffd\ufffd", "next"]
    piped.close()
