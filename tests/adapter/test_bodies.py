"""Which bodies are text in JSON, which are base64, and how large a payload may be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdify.adapter import bodies
from lambdify.adapter.errors import ResponseRefused

GZIP = bytes.fromhex("1f8b0800")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<p>hello</p>", {"content-type": "text/html"}),
        (b'{"a": "\xce\xbb"}', {"content-type": "application/json"}),
        (b"<svg/>", {"content-type": "image/svg+xml"}),
        (b'{"a": 1}\n{"b": 2}\n', {"content-type": "application/x-ndjson"}),
        (b"no type at all", {}),
        ("£".encode(), {"content-type": "text/plain; charset=iso-8859-1"}),
        (b"plain", {"content-type": "text/plain", "content-encoding": "identity"}),
    ],
)
def test_text_stays_text(body, headers):
    assert bodies.write(body, tuple(headers.items())) == (body.decode(), False)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\x89PNG", {"content-type": "image/png"}),
        (b"GIF89a", {"content-type": "IMAGE/GIF"}),
        (b"only ASCII", {"content-type": "application/octet-stream"}),
        (GZIP, {"content-type": "text/html", "content-encoding": "gzip"}),
        ("£".encode("latin-1"), {"content-type": "text/plain; charset=iso-8859-1"}),
        (b"a\0b", {"content-type": "text/plain"}),
    ],
)
def test_what_text_would_lose_is_base64(body, headers):
    text, is_base64 = bodies.write(body, tuple(headers.items()))
    assert is_base64
    assert bodies.read(text, is_base64) == body


@given(st.binary(), st.sampled_from(["text/plain", "image/png", "application/x-unheard-of"]))
def test_every_body_comes_back_from_json(body, kind):
    written = json.loads(json.dumps(bodies.write(body, (("content-type", kind),))))
    assert bodies.read(*written) == body


@pytest.mark.parametrize("text", [None, ""])
def test_no_body_is_an_empty_body(text):
    assert bodies.read(text, None) == b""


@pytest.mark.parametrize("text", ["AAE", "A?==", "AAEC====AAEC", "é"])
def test_bad_base64_is_a_value_error(text):
    with pytest.raises(ValueError):
        bodies.read(text, is_base64=True, strict=True)


@pytest.mark.parametrize(("text", "is_base64"), [("x" * 900, False), ("eHh4" * 225, True)])
def test_a_payload_under_the_limit_is_given_back(text, is_base64):
    payload = {"body": text, "isBase64Encoded": is_base64}
    assert bodies.check_size(payload, 1000) is payload


def test_a_payload_over_the_limit_is_refused_with_both_sizes():
    with pytest.raises(ResponseRefused, match=r"1,0\d\d bytes as JSON, Lambda lets 1,000 through"):
        bodies.check_size({"body": "x" * 1000, "isBase64Encoded": False}, 1000)


def test_characters_that_json_escapes_count_as_they_are_sent():
    with pytest.raises(ResponseRefused):
        bodies.check_size({"body": '"' * 600, "isBase64Encoded": False}, 1000)
