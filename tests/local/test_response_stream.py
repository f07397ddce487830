"""A streamed response on its way: what is put in comes out, in time, and little is held."""

import threading

import pytest

from lambdify.cli.local.response_stream import BUFFER_LIMIT, DELIMITER, ResponseStream, StreamBroken


def filled(*pieces: bytes) -> ResponseStream:
    stream = ResponseStream()
    for piece in pieces:
        stream.put(piece)
    return stream


@pytest.mark.parametrize("pieces", [(b"{}" + DELIMITER + b"body",), (b"{", b"}\0\0", bytes(6), b"bo", b"dy")])
def test_the_prelude_ends_at_the_delimiter_however_it_is_cut(pieces):
    stream = filled(*pieces)
    stream.end()
    assert stream.read_prelude() == b"{}"
    assert b"".join(stream) == b"body"


def test_a_response_that_ends_without_a_prelude_is_none():
    stream = ResponseStream()
    stream.end()
    assert stream.read_prelude() is None


def test_the_first_to_end_it_says_how():
    complete, broken = filled(b"a"), filled(b"b")
    complete.end()
    complete.end(broken=True)
    broken.end(broken=True)
    broken.end()
    assert list(complete) == [b"a"]
    with pytest.raises(StreamBroken):
        list(broken)


def test_waiting_for_a_prelude_has_a_limit():
    with pytest.raises(TimeoutError):
        ResponseStream().read_prelude(0.01)


def test_whoever_puts_waits_while_too_much_is_held():
    stream = ResponseStream()
    done = threading.Event()

    def fill() -> None:
        stream.put(bytes(BUFFER_LIMIT))
        done.set()

    threading.Thread(target=fill, daemon=True).start()
    assert not done.wait(0.1)
    assert next(iter(stream)) == bytes(BUFFER_LIMIT)
    assert done.wait(60)


def test_whoever_puts_does_not_wait_for_a_reader_that_has_gone():
    stream = filled(b"first")
    pieces = iter(stream)
    next(pieces)
    pieces.close()
    for _ in range(3):
        stream.put(bytes(BUFFER_LIMIT))


def test_what_is_put_after_the_end_is_dropped():
    stream = filled(b"a")
    stream.end()
    stream.put(b"b")
    assert list(stream) == [b"a"]
