"""Request and Response: values that can be compared, changed in part, and read in a failing test."""

from lambdify.adapter.messages import NAMES, Request, Response

PAIRS = (("accept", "*/*"), ("x-twice", "1"), ("x-twice", "2"))


def test_headers_are_the_pairs_that_were_given():
    assert Request("GET", "/", headers=PAIRS).headers == PAIRS
    assert Request("GET", "/", headers=list(PAIRS)) == Request("GET", "/", headers=PAIRS)
    assert Request("GET", "/").headers == ()


def test_equal_requests_have_equal_hashes():
    assert len({Request("GET", "/", headers=PAIRS), Request("GET", "/", headers=list(PAIRS))}) == 1
    assert Request("GET", "/", headers=PAIRS) != Request("GET", "/", headers=PAIRS[:1])


def test_names_that_were_forgotten_meanwhile_are_the_same_names():
    before = Request("GET", "/", headers=PAIRS)
    NAMES.clear()
    after = Request("GET", "/", headers=PAIRS)
    assert (before, hash(before)) == (after, hash(after))


def test_what_is_not_named_stays():
    request = Request("GET", "/", headers=PAIRS, port=8000)
    assert request._replace(path="/other") == Request("GET", "/other", headers=PAIRS, port=8000)
    assert request._replace(headers=PAIRS[:1]).headers == PAIRS[:1]
    assert Response(200, PAIRS, b"x")._replace(status=404) == Response(404, PAIRS, b"x")


def test_equal_responses_have_equal_hashes_and_the_order_of_headers_counts():
    one, other = Response(200, PAIRS[:2], b"x"), Response(200, PAIRS[1::-1], b"x")
    assert len({one, Response(200, PAIRS[:2], b"x"), other}) == 2
    assert one != other
    assert one != (200, {"accept": "*/*"}, (), b"x")


def test_a_map_of_a_response_holds_its_headers_unless_one_is_repeated():
    assert (Response(200, PAIRS[:2]).fields, Response(200, PAIRS[:2]).repeated) == (dict(PAIRS[:2]), ())
    assert (Response(200, PAIRS).fields, Response(200, PAIRS).repeated) == (dict(PAIRS), PAIRS)


def test_both_are_shown_as_they_are_made():
    for message in (Request("GET", "/", headers=PAIRS), Response(200, PAIRS, b"x")):
        assert eval(repr(message)) == message
