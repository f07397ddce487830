"""An app that goes to its database while it is imported: here are no keys to sign in with."""

import pytest

from .conftest import Rehearse

pytestmark = pytest.mark.slow
TABLE = """
[database]
kind = "dsql"
host = "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws"
user = "app"
"""
WRAPPED = """
from lambdify.adapter import database
try:
    database.password()
except Exception as error:
    raise RuntimeError("no database") from error
"""


@pytest.mark.parametrize(
    "code",
    ["from lambdify.adapter import database\ndatabase.parameters()", WRAPPED],
    ids=["directly", "wrapped"],
)
def test_that_it_has_no_keys_here_tells_nothing(rehearse: Rehearse, code: str) -> None:
    outcome = rehearse(code, toml=TABLE)
    assert (outcome.kind, outcome.reason) == ("untold", "it asks AWS for its keys while it is imported")


def test_without_the_table_it_fails_as_on_lambda(rehearse: Rehearse) -> None:
    outcome = rehearse("from lambdify.adapter import database\ndatabase.parameters()")
    assert outcome.kind == "fails"
    assert outcome.raised
    assert outcome.raised.type == "lambdify.adapter.database.DatabaseMissing"
