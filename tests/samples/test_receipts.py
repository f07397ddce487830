"""sample_flask in this process, through Flask's own test client."""

import io
import sqlite3
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from samples.conversation import draw_picture
from samples.servers import REPOSITORY

SAMPLE = REPOSITORY / "sample_flask"


@pytest.fixture
def client(import_from, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("RECEIPTS_DIR", str(tmp_path))
    return import_from(SAMPLE, "app").app.test_client()


@pytest.fixture
def visitor(client: FlaskClient) -> FlaskClient:
    client.post("/welcome", data={"name": "Ada", "currency": "GBP"})
    client.get("/")
    return client


def keep(visitor: FlaskClient, *, amount: str = "3.20", photo: bytes | None = None) -> str:
    """The page that the visitor sees after handing in a receipt."""
    file = (io.BytesIO(draw_picture(40, 30) if photo is None else photo), "photo.png")
    form = {"shop": "Baker", "amount": amount, "photo": file}
    return visitor.post("/receipts", data=form, follow_redirects=True).text


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("12,5", 1250), (" 7 ", 700), ("0.05", 5), ("1.", 100)]
)
def test_an_amount_may_be_written_with_a_point_or_a_comma(import_from, text: str, cents: int):
    assert import_from(SAMPLE, "storage").parse_amount(text) == cents


@pytest.mark.parametrize("text", ["", "free", "-1", "1.234", "1e3", ".99"])
def test_what_is_no_amount_of_money_is_refused(import_from, text: str):
    with pytest.raises(ValueError, match="is not an amount"):
        import_from(SAMPLE, "storage").parse_amount(text)


def test_a_stranger_is_asked_for_a_name_first(client: FlaskClient):
    assert "Say who you are first." in keep(client)


def test_a_mistake_in_the_form_is_told_and_nothing_is_kept(visitor: FlaskClient):
    assert "That did not work: &#39;much&#39; is not an amount." in keep(visitor, amount="much")
    assert "That did not work: the file is not a photo." in keep(visitor, photo=b"GIF89a, or so it says")
    assert visitor.get("/api/receipts").json == {"receipts": []}


def test_a_photo_that_lambda_could_not_take_is_refused(visitor: FlaskClient):
    assert "That photo is larger than 4 MB." in keep(visitor, photo=bytes(4 * 1024 * 1024))
    assert visitor.get("/api/receipts").json == {"receipts": []}


def test_the_totals_are_per_currency(visitor: FlaskClient):
    keep(visitor, amount="1.10")
    keep(visitor, amount="2.20")
    visitor.set_cookie("currency", "EUR")
    keep(visitor, amount="5")
    assert visitor.get("/api/totals").json == {"totals": {"EUR": 500, "GBP": 330}}


def test_a_currency_that_somebody_wrote_into_the_cookie_is_not_used(visitor: FlaskClient):
    visitor.set_cookie("currency", "<script>")
    assert "Amount in EUR" in visitor.get("/").text


def test_a_session_that_was_signed_with_another_key_is_empty(visitor: FlaskClient):
    visitor.application.config["SECRET_KEY"] = "another process has another key"
    assert "Your name" in visitor.get("/").text


def test_the_photos_are_not_read_for_a_list(visitor: FlaskClient, tmp_path: Path):
    keep(visitor)
    with sqlite3.connect(tmp_path / "receipts.sqlite3") as database:
        database.execute("UPDATE receipt SET photo = zeroblob(length(photo))")
    database.close()
    receipt = visitor.get("/api/receipts").json["receipts"][0]
    assert receipt["photo_size"] == len(draw_picture(40, 30))
    assert "photo" not in receipt
