"""Control streams: each piece of an answer at once, and no more of them when the client has gone."""

import http.client
import io
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from lambdify.cli.local.response_frames import Kind, read_frame, write_frame
from lambdify.cli.local.unix_http import Connection, Response, Server

LIMIT = 30
"""Seconds for what takes milliseconds."""


class Source:
    """An answer of two pieces, of which the second comes when it is asked for."""

    def __init__(self) -> None:
        self.wanted, self.closed = threading.Event(), threading.Event()

    def pieces(self, *, fails: bool = False) -> Generator[bytes]:
        try:
            yield b"first"
            assert self.wanted.wait(LIMIT)
            if fails:
                raise ConnectionError("a source that breaks off")
            yield b"second" * 10_000
        finally:
            self.closed.set()

    def without_end(self) -> Generator[bytes]:
        try:
            while True:
                yield b"x" * 10_000
        finally:
            self.closed.set()


def ask(path: Path, pieces: Generator[bytes]) -> tuple[Server, Connection, http.client.HTTPResponse]:
    server = Server(path / "control.sock", lambda _: Response(200, b"", (), pieces))
    connection = Connection(path / "control.sock", timeout=LIMIT)
    connection.request("POST", "/")
    return server, connection, connection.getresponse()


def test_a_piece_arrives_before_the_next_one_is_made(tmp_path: Path) -> None:
    source = Source()
    server, connection, response = ask(tmp_path, source.pieces())
    assert response.read(5) == b"first"
    source.wanted.set()
    assert response.read() == b"second" * 10_000
    assert source.closed.wait(LIMIT)
    connection.close()
    server.close()


def test_a_client_that_goes_ends_the_source(tmp_path: Path) -> None:
    source = Source()
    server, connection, response = ask(tmp_path, source.without_end())
    assert response.read(10) == b"x" * 10
    response.close()
    connection.close()
    assert source.closed.wait(LIMIT)
    server.close()


def test_a_source_that_breaks_off_is_no_whole_answer(tmp_path: Path) -> None:
    source = Source()
    server, connection, response = ask(tmp_path, source.pieces(fails=True))
    assert response.read(5) == b"first"
    source.wanted.set()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()
    server.close()


@pytest.mark.parametrize("body", [b"", b"a", b"x" * 100_000], ids=len)
def test_frames_are_read_as_they_were_written(body: bytes) -> None:
    stream = io.BytesIO(write_frame(Kind.PAYLOAD, body) + write_frame(Kind.END, b"{}"))
    assert read_frame(stream) == (Kind.PAYLOAD, body)
    assert read_frame(stream) == (Kind.END, b"{}")


@pytest.mark.parametrize("length", [0, 3, 5, 7])
def test_a_frame_that_is_cut_is_none(length: int) -> None:
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(write_frame(Kind.PAYLOAD, b"body")[:length]))
