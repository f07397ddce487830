"""The API, through FastAPI's own test client."""

import pytest
from fastapi.testclient import TestClient

import main


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(main, "PAUSE", 0)
    return TestClient(main.app)


def test_the_office_is_open_while_the_lifespan_lasts_and_counts_its_starts(client):
    numbers = []
    for _ in range(2):
        with client:
            offices = [client.get("/api/office").json() for _ in range(2)]
        assert [office["delivered"] for office in offices] == [0, 0]
        numbers += [office["number"] for office in offices]
    first = numbers[0]
    assert numbers == [first, first, first + 1, first + 1]


def test_without_a_lifespan_the_app_cannot_answer(client):
    with pytest.raises(AttributeError, match="office"):
        client.get("/api/office")


def test_visits_are_counted_by_a_cookie(client):
    with client:
        assert [client.get("/api/office").json()["visits"] for _ in range(3)] == [0, 1, 2]


def test_a_letter_is_delivered_after_the_answer(client):
    letter = {"to": {"name": "Ada", "town": "London"}, "text": "Dear Ada"}
    with client:
        assert client.post("/api/letters", json=letter).json() == {"accepted": "Ada"}
        assert client.get("/api/office").json()["delivered"] == 1
        assert client.get("/api/letters").json() == [{**letter, "stamps": 1}]


def test_a_letter_without_a_name_is_refused(client):
    with client:
        answer = client.post("/api/letters", json={"to": {"name": "", "town": "London"}, "text": ""})
        assert answer.status_code == 422


def test_a_parcel_is_weighed_and_given_back(client):
    with client:
        answer = client.post("/api/parcels", data={"label": "a b"}, files={"parcel": b"\xff\0"})
        assert answer.json()["bytes"] == 2
        assert client.get("/api/parcels/a b/content").content == b"\xff\0"
        assert client.get("/api/parcels/none").status_code == 404


def test_the_way_of_a_parcel_is_a_stream_of_events(client):
    with client:
        answer = client.get("/api/parcels/17/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *_, last = answer.text.strip().split("\n\n")
    assert first == "id: 1\ndata: 17 is in the office"
    assert last == "id: 4\ndata: 17 is delivered"
