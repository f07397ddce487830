"""tests/apps/fastapi_app in this process, through FastAPI's own test client."""

import pytest
from fastapi.testclient import TestClient
from samples.servers import REPOSITORY


@pytest.fixture
def client(import_from) -> TestClient:
    return TestClient(import_from(REPOSITORY / "tests/apps/fastapi_app", "main").app)


def test_the_office_is_open_while_the_lifespan_lasts_and_counts_its_starts(client: TestClient):
    for start in (1, 2):
        with client:
            assert client.get("/office").json() == {"number": start, "delivered": 0}
            assert client.get("/office").json()["number"] == start


def test_without_a_lifespan_the_app_cannot_answer(client: TestClient):
    with pytest.raises(AttributeError, match="office"):
        client.get("/office")


def test_a_letter_is_delivered_after_the_answer(client: TestClient):
    with client:
        answer = client.post("/letters", json={"to": {"name": "Ada", "town": "London"}, "text": "Dear Ada"})
        assert answer.json() == {"accepted": "Ada"}
        assert client.get("/office").json()["delivered"] == 1
