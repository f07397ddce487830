"""The names of a stage in its status."""

from dataclasses import replace
from datetime import UTC, datetime

from look.test_status import STATUS, line, texts

from lambdify.cli.domains.state import Issued, Name

ISSUED = Issued(
    arn="arn:aws:acm:us-east-1:123456789012:certificate/1",
    status="ISSUED",
    names=("shop.example",),
    expires=datetime(2027, 12, 29, tzinfo=UTC),
    failure="",
)


def test_names_and_their_certificates_are_told():
    names = (Name(name="shop.example", state="served"), Name(name="www.shop.example", state="waiting"))
    pending = replace(ISSUED, status="PENDING_VALIDATION", expires=None)
    found = replace(STATUS, names=names, certificates=(ISSUED, pending))
    assert texts(found)[1:5] == [
        "name         shop.example, served",
        "name         www.shop.example, waits for its certificate",
        "certificate  ISSUED until 2027-12-29",
        "certificate  PENDING_VALIDATION",
    ]
    assert line(found, "name").style == ""


def test_a_stage_without_names_has_no_line_for_them():
    assert line(STATUS, "certificate") is None
