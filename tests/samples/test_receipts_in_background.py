"""What sample_flask does beside its pages, in this process: tasks are collected instead of sent."""

import io
from pathlib import Path

import pytest
from samples.conversation import draw_picture
from samples.post_office import open_post_office
from samples.servers import REPOSITORY

from lambdify.adapter import tasks

SAMPLE = REPOSITORY / "sample_flask"


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("RECEIPTS_DIR", str(tmp_path))
    monkeypatch.setenv("LAMBDIFY_TASKS", "outbox")
    monkeypatch.delenv("MAIL_SERVER", raising=False)
    yield
    tasks.outbox.clear()


def keep(client) -> None:
    client.post("/welcome", data={"name": "Ada", "currency": "GBP"})
    photo = (io.BytesIO(draw_picture(40, 30)), "bun.png")
    client.post("/receipts", data={"shop": "Baker", "amount": "3.20", "photo": photo})


def test_a_receipt_is_mailed_after_the_answer(import_from):
    client = import_from(SAMPLE, "app").app.test_client()
    keep(client)
    answer = client.post("/receipts/1/mail", follow_redirects=True)
    assert "On its way to the bookkeeping." in answer.text
    assert [each.args for each in tasks.outbox] == [["Baker, 3.20 GBP", "bun.png, added by Ada"]]
    assert client.post("/receipts/2/mail").status_code == 404


def test_the_nightly_report_mails_the_totals(import_from):
    report = import_from(SAMPLE, "report")
    assert report.nightly({}, None) == {}
    keep(import_from(SAMPLE, "app").app.test_client())
    assert report.nightly({}, None) == {"GBP": 320}
    sent = [each.args for each in tasks.outbox]
    assert sent == [["What was spent so far", "Nothing."], ["What was spent so far", "3.20 GBP"]]


def test_a_mail_goes_to_the_server_that_is_named_or_nowhere(import_from, monkeypatch, caplog):
    mail = import_from(SAMPLE, "mail")
    caplog.set_level("INFO")
    mail.send("Baker", "3.20 GBP")
    assert "a mail that nobody sends, since MAIL_SERVER is not set: Baker" in caplog.messages
    with open_post_office() as office:
        monkeypatch.setenv("MAIL_SERVER", office.address)
        monkeypatch.setenv("BOOKKEEPING", "books@example.org")
        mail.send("Café", "12.50 PLN")
        sent = office.find("Café")
    assert (sent["To"], sent.get_content().rstrip()) == ("books@example.org", "12.50 PLN")
