"""docs/workers.md: its settings are settings, its handlers answer, and it names every option there is."""

import re
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.settings.function_tables import FUNCTION_READERS, SOURCE_READERS

PAGE = (Path(__file__).parents[2] / "docs" / "workers.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("example", blocks("toml"))
def test_every_example_of_settings_is_one(example, tmp_path):
    (tmp_path / "lambdify.toml").write_text(example)
    loaded = settings.load(tmp_path, stage="dev")
    assert loaded.functions


def test_every_option_is_named():
    named = set(re.findall(r"\w+", PAGE))
    assert {*FUNCTION_READERS, *SOURCE_READERS} - named == set()
    assert {option for readers in SOURCE_READERS.values() for option in readers} - named == set()


def test_the_handlers_answer():
    nightly, work, hello = blocks("python")
    reports, orders = {}, {"__name__": "shop.orders"}
    exec(nightly, reports)
    exec(work, orders)
    exec(hello, greeting := {})
    assert greeting["handler"]({}, None) == {"message": "hi there"}
    assert reports["nightly"]({"detail": {"kind": "full"}}, None) == {"rows": 12, "kind": "full"}
    records = [
        {
            "messageId": body,
            "body": body,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:x:1:orders",
        }
        for body in ("good", "bad", "fine")
    ]
    assert orders["work"]({"Records": records}, None) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
